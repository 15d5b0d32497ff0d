// Loads servers from the file system: finds the SDK, immer and what a server may import.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type LoadResult, loadProgram } from '../realm/loader.ts';

function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

const slashes = (path: string): string => path.replaceAll('\\', '/');

/** Loads the server in a TypeScript file; `text` stands for its content. Never throws for what is wrong with the source. */
export function loadServer(file: string, text?: string): LoadResult {
  const root = slashes(packageRoot());
  const entry = slashes(resolve(file));
  const immer = slashes(join(dirname(fileURLToPath(import.meta.resolve('immer'))), 'immer.production.mjs'));
  return loadProgram({
    entry,
    guests: `${root}/guests`,
    immer,
    importable: [`${root}/guests/sdk`, `${root}/microvisor/abi`, `${root}/vdev`, `${root}/hw`],
    read(path) {
      if (path === entry && text !== undefined) return text;
      try {
        return readFileSync(path, 'utf8');
      } catch {
        return undefined;
      }
    },
    display: (path) => (path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path),
  });
}
