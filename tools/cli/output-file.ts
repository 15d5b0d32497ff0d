// Files that a command will write when its run is over: looked at before it begins, so that a long run is not lost.

import { accessSync, constants, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileError, Refusal } from '../refusal.ts';

/** Throws a Refusal when a file could not be written there now. */
export function requireWritable(path: string): void {
  const existing = statSync(path, { throwIfNoEntry: false });
  if (existing?.isDirectory()) throw new Refusal('file', `cannot write ${path}: it is a directory`);
  try {
    accessSync(existing ? path : dirname(path), constants.W_OK);
  } catch (error) {
    throw fileError(error, 'write', path);
  }
}
