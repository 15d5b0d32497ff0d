// `npm run build`: the programs of dist/, bundled from the sources. docs/rationale.md, "The hot code stands in one scope".

import { defineConfig } from 'rolldown';

const programs = [
  'tools/cli/main',
  'tools/run/worker',
  'tools/bench/run-program',
  'tools/conformance/suite',
  'tools/debian/fetch',
  'tools/docs/generate',
];

/** What drives the machine and the kernel; everything that these import joins them in one chunk. */
const drivers =
  /[\\/]tools[\\/](bare[\\/]bare-machine|boot[\\/]activity|host[\\/]realm|root-task[\\/]root-task-system)\.ts$/;

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
  },
});
