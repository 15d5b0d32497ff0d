// Loads servers from the file system: finds the SDK, immer and what a server may import.

import { readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { ownPackage } from '../manifest/package-root.ts';
import { type LoadRequest, type LoadResult, loadProgram } from '../realm/loader.ts';
import { immerPath, slashes } from './built-servers.ts';

/** Loads the server in a TypeScript file; `text` stands for its content. Never throws for what is wrong with the source. */
export function loadServer(file: string, text?: string): LoadResult {
  return loadProgram(serverRequest(file, (path) => slashes(relative(process.cwd(), path)), text));
}

/** The request for a server in the file system. */
export function serverRequest(file: string, display: LoadRequest['display'], text?: string): LoadRequest {
  const { folder } = ownPackage();
  const own = (path: string): string => slashes(join(folder, path));
  const entry = slashes(resolve(file));
  return {
    entry,
    guests: own('guests'),
    immer: immerPath(),
    importable: ['guests/sdk', 'microvisor/abi', 'vdev', 'hw'].map(own),
    read(path) {
      if (path === entry && text !== undefined) return text;
      try {
        return readFileSync(path, 'utf8');
      } catch {
        return undefined;
      }
    },
    display,
  };
}
