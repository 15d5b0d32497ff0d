// `npm run build`, its second half: compiles the package's own servers, so that whoever runs them needs no compiler.

import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { ownPackage } from '../manifest/package-root.ts';
import { loadProgram } from '../realm/loader.ts';
import { type BuiltServer, builtPath, digestOf, immerPath, slashes } from './built-servers.ts';
import { serverRequest } from './server-source.ts';

const { folder } = ownPackage();
const immer = immerPath();
const nameOf = (path: string): string => (path === immer ? 'immer' : slashes(relative(folder, path)));

function build(name: string): BuiltServer {
  const sources: Record<string, string> = {};
  const request = serverRequest(join(folder, name), nameOf);
  const result = loadProgram({
    ...request,
    read(path) {
      const text = request.read(path);
      if (text !== undefined) sources[nameOf(path)] = digestOf(text);
      return text;
    },
  });
  if (!result.ok) throw new Error(`${name}: ${result.diagnostics.map(({ message }) => message).join('; ')}`);
  const { script, mutable, places } = result.program;
  const files = [...new Set(places.slice(1).map(({ file }) => file))];
  return {
    sources,
    script,
    mutable,
    files,
    places: places.slice(1).flatMap(({ file, line, column }) => [files.indexOf(file), line, column]),
  };
}

/** What all servers have in common, immer and the realm's own modules, is read once, for the first of them. */
const common: Record<string, string> = {};
const servers = readdirSync(join(folder, 'guests/servers')).map((file) => `guests/servers/${file}`);
for (const name of ['guests/vmm/server.ts', ...servers]) {
  const built = build(name);
  for (const [source, digest] of Object.entries(built.sources)) {
    if (source === 'immer' || source.startsWith('guests/realm/')) common[source] = digest;
  }
  Object.assign(built.sources, common);
  const path = builtPath(name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(built));
}
