// `npm run build`: the programs of dist/, bundled from the sources. docs/rationale.md, "The hot code stands in one scope".

import { defineConfig, type Plugin } from 'rolldown';

const programs = [
  'tools/cli/main',
  'tools/run/worker',
  'tools/bench/run-program',
  'tools/bench/long-run',
  'tools/host/build-servers',
  'tools/conformance/suite',
  'tools/debian/fetch',
  'tools/docs/generate',
];

/** What drives the machine and the kernel; everything that these import joins them in one chunk. */
const drivers =
  /[\\/]tools[\\/](bare[\\/]bare-machine|boot[\\/]activity|host[\\/]realm|root-task[\\/]root-task-system)\.ts$/;

/**
 * Gives what the chunk exports under second names: V8 keeps an exported binding in a cell that the module's own code, too,
 * loads and checks at each use. Nothing that is exported may change later (tests/architecture/bundle.test.ts).
 */
const exportCopies = (chunk: string): Plugin => ({
  name: 'export-copies',
  renderChunk(code, { name }) {
    if (name !== chunk) return null;
    return code.replace(/^export \{ (.*) \};$/m, (_, list: string) => {
      const names = list.split(', ').map((each) => each.split(' as '));
      const copies = names.map(([own]) => `${own}$export = ${own}`);
      return `const ${copies.join(', ')};\nexport { ${names.map(([own, as = own]) => `${own}$export as ${as}`).join(', ')} };`;
    });
  },
});

export default defineConfig({
  input: Object.fromEntries(programs.map((path) => [path, `./${path}.ts`])),
  platform: 'node',
  // Packages stay where npm puts them.
  external: /^(node:|@?[a-z][^:])/,
  output: {
    dir: 'dist',
    cleanDir: true,
    chunkFileNames: 'chunks/[name].js',
    sourcemap: true,
    minifyInternalExports: false,
    codeSplitting: { groups: [{ name: 'machine', test: drivers }] },
    plugins: [exportCopies('machine')],
  },
});
