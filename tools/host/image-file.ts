// Image files of the host: their bytes, and the refusal of those that a reader does not take.

import { readFileSync } from 'node:fs';
import type { ReadResult } from '../image/image-error.ts';
import { assembleProgram, isAssembly } from '../image/program-file.ts';
import { fileError, Refusal } from '../refusal.ts';

export function readImageFile(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw fileError(error, 'read', path);
  }
}

/** As `readImageFile`; assembly source is assembled into an ELF. */
export function readProgramFile(path: string): Uint8Array {
  const bytes = readImageFile(path);
  return isAssembly(path) ? accept(path, assembleProgram(new TextDecoder().decode(bytes), path)) : bytes;
}

/** The value of a reader, or the refusal of its file. */
export function accept<T>(path: string, result: ReadResult<T>): T {
  if (result.ok) return result.value;
  const { place, message, remedy } = result.error;
  throw new Refusal('refused', `${path}: ${place}: ${message}`, remedy);
}
