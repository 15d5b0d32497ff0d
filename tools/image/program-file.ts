// The bytes of a program that a manifest names: an ELF, or assembly source, which becomes one.

import { AssemblyError, assemble } from '../../hw/isa/assemble.ts';
import { writeElf } from './elf-writer.ts';
import { failure, type ReadResult } from './image-error.ts';

/** Where assembled programs are linked: between a server's first page and its configuration. */
const origin = 0x1_0000;
const pageSize = 0x1000;

/** A longer source is not assembled. */
export const maxSourceBytes = 64 * 2 ** 20;

export const isAssembly = (path: string): boolean => path.endsWith('.s');

/**
 * Assembles a program into a static executable. `.text` and `.rodata` are read-only and executable; what follows them
 * (`.data`, `.bss`) begins on a page of its own and is writable. Entered at `_start`, or at the first byte.
 */
export function assembleProgram(source: string, file: string): ReadResult<Uint8Array> {
  let assembly: ReturnType<typeof assemble>;
  try {
    assembly = assemble(source, { origin, file });
  } catch (error) {
    if (!(error instanceof AssemblyError)) throw error;
    const { line, column, message, hint } = error.issues[0]!;
    const more = error.issues.length > 1 ? ` (and ${error.issues.length - 1} more)` : '';
    return failure(
      `line ${line}, column ${column}`,
      `${message}${more}`,
      hint ?? `microvisor asm ${file} shows every mistake`,
    );
  }
  const { bytes, sections, symbols } = assembly;
  const writable = sections.find(({ name, size }) => size > 0 && !/^\.(text|rodata)/.test(name));
  const split = writable === undefined ? bytes.length : Number(writable.address) - origin;
  if (split % pageSize !== 0 && split < bytes.length) {
    return failure('data section', 'it shares a page with code', 'write `.balign 4096` at the end of .text or .rodata');
  }
  const segments = [{ address: BigInt(origin), bytes: bytes.subarray(0, split), access: 'rx' }];
  if (split < bytes.length)
    segments.push({ address: BigInt(origin + split), bytes: bytes.subarray(split), access: 'rw' });
  return { ok: true, value: writeElf({ segments, entry: symbols.get('_start') ?? BigInt(origin), symbols }) };
}
