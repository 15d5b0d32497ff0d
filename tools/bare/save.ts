// A bare machine on disk: the saved machine and what its disks were written, compressed.

import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { deserialize, serialize } from 'node:v8';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { SavedMachine } from '../../hw/machine/machine.ts';
import { CommandError, fileError } from '../cli/command-error.ts';
import type { HtifPlace } from './htif-port.ts';

const format = 'microvisor bare machine 1';

export interface SavedBare {
  format: typeof format;
  machine: SavedMachine;
  disks: unknown[];
  firmware: unknown;
  htif: HtifPlace | undefined;
}

/** Writes the file whole or not at all. */
export function saveBare(path: string, saved: Omit<SavedBare, 'format'>): void {
  const bytes = gzipSync(serialize({ format, ...saved }), { level: 1 });
  try {
    writeFileSync(`${path}.part`, bytes);
    renameSync(`${path}.part`, path);
  } catch (error) {
    throw fileError(error, 'write', path);
  }
}

export function loadBare(path: string): SavedBare {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw fileError(error, 'read', path);
  }
  try {
    const saved = deserialize(gunzipSync(bytes)) as SavedBare;
    if (saved?.format === format) return saved;
  } catch {
    // Falls through to the refusal: the file is not what it should be.
  }
  throw new CommandError(
    'refused',
    `${path}: this is not a machine that --save wrote`,
    'save it again with this version',
  );
}
