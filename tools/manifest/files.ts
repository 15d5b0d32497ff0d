// The files that a manifest names, as `check` needs them: found, measured, hashed, their first bytes read.

import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import type { ImageError } from '../image/image-error.ts';
import { assembleProgram, isAssembly, maxSourceBytes } from '../image/program-file.ts';
import { imageHeaderSize } from './image-header.ts';
import { ownPackage } from './package-root.ts';

/** Why a file cannot be used; `source`: assembly with a mistake. */
export type FileProblem = 'missing' | 'unreadable' | { source: ImageError };

export interface FileFacts {
  /** Absolute. */
  path: string;
  bytes: number;
  sha256: string;
  /** The first bytes. */
  head: Uint8Array;
}

/** Where `check` looks for files; tests bring their own. */
export interface ManifestFiles {
  /** Absolute path of `path` as the manifest means it. */
  locate(path: string): string;
  /** Places where a program of this name may be: beside the manifest, then among microvisor's own. */
  programCandidates(program: string): string[];
  inspect(absolutePath: string): FileFacts | FileProblem;
}

/** What a program's name may leave out. */
const programEndings = ['.ts', '.js', '.elf', '.s'];

/** The names of files that a program's name stands for, in the order in which they are looked for. */
export const programNames = (program: string): string[] =>
  programEndings.some((ending) => program.endsWith(ending))
    ? [program]
    : [program, ...programEndings.map((ending) => program + ending)];

const chunkSize = 1 << 20;

/** microvisor's own guests, as source. */
export const builtInGuests = (): string => join(ownPackage().folder, 'guests');

/** The file system of the host, paths relative to the folder of the manifest. */
export class HostFiles implements ManifestFiles {
  readonly #facts = new Map<string, FileFacts | FileProblem>();

  constructor(readonly folder: string) {}

  locate(path: string): string {
    return isAbsolute(path) ? path : resolve(this.folder, path);
  }

  programCandidates(program: string): string[] {
    const roots = isAbsolute(program) ? [''] : [resolve(this.folder), builtInGuests()];
    return roots.flatMap((root) => programNames(program).map((name) => join(root, name)));
  }

  inspect(absolutePath: string): FileFacts | FileProblem {
    let facts = this.#facts.get(absolutePath);
    if (facts === undefined) {
      facts = inspectHostFile(absolutePath);
      this.#facts.set(absolutePath, facts);
    }
    return facts;
  }
}

function inspectHostFile(path: string): FileFacts | FileProblem {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    return code === 'ENOENT' || code === 'ENOTDIR' ? 'missing' : 'unreadable';
  }
  try {
    // A pipe or a terminal would block; a directory has no bytes.
    const facts = fstatSync(file);
    if (!facts.isFile()) return 'unreadable';
    if (isAssembly(path)) return inspectAssembly(path, facts.size);
    const hash = createHash('sha256');
    const buffer = new Uint8Array(chunkSize);
    let bytes = 0;
    let head = new Uint8Array(0);
    for (;;) {
      const count = readSync(file, buffer, 0, chunkSize, null);
      if (count === 0) break;
      if (bytes === 0) head = buffer.slice(0, Math.min(imageHeaderSize, count));
      hash.update(buffer.subarray(0, count));
      bytes += count;
    }
    return { path, bytes, sha256: hash.digest('hex'), head };
  } catch {
    return 'unreadable';
  } finally {
    closeSync(file);
  }
}

/** A program in assembly is measured as the executable that it becomes. */
function inspectAssembly(path: string, size: number): FileFacts | FileProblem {
  if (size > maxSourceBytes)
    return {
      source: { place: 'size', message: `it has ${size} bytes`, remedy: `a source has at most ${maxSourceBytes}` },
    };
  const program = assembleProgram(readFileSync(path, 'utf8'), path);
  if (!program.ok) return { source: program.error };
  const bytes = program.value;
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { path, bytes: bytes.length, sha256, head: bytes.slice(0, imageHeaderSize) };
}
