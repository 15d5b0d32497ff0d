// Loads servers from the file system: finds the SDK, immer and what a server may import.

import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ownPackage } from '../manifest/package-root.ts';
import { type LoadResult, loadProgram } from '../realm/loader.ts';

const slashes = (path: string): string => path.replaceAll('\\', '/');

/** Loads the server in a TypeScript file; `text` stands for its content. Never throws for what is wrong with the source. */
export function loadServer(file: string, text?: string): LoadResult {
  const { folder } = ownPackage();
  const own = (path: string): string => slashes(join(folder, path));
  const entry = slashes(resolve(file));
  const immer = join(dirname(fileURLToPath(import.meta.resolve('immer'))), 'immer.production.mjs');
  return loadProgram({
    entry,
    guests: own('guests'),
    immer: slashes(immer),
    importable: ['guests/sdk', 'microvisor/abi', 'vdev', 'hw'].map(own),
    read(path) {
      if (path === entry && text !== undefined) return text;
      try {
        return readFileSync(path, 'utf8');
      } catch {
        return undefined;
      }
    },
    display: (path) => slashes(relative(process.cwd(), path)),
  });
}
