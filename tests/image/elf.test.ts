// ELF: what is read of a good file, what is said of a bad one.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findSymbol, looksLikeElf, readElf } from '../../tools/image/elf.ts';
import { writeElf } from '../../tools/image/elf-writer.ts';
import type { ImageError } from '../../tools/image/image-error.ts';

const good = (): Uint8Array =>
  writeElf({
    segments: [
      { address: 0x8000_0000n, bytes: Uint8Array.of(0x13, 0, 0, 0), access: 'rx' },
      { address: 0x8000_1000n, bytes: Uint8Array.of(1, 2), memorySize: 0x100, access: 'rw' },
    ],
    entry: 0x8000_0000n,
    symbols: [
      ['_start', 0x8000_0000n],
      ['tohost', 0x8000_1000n],
    ],
  });

function errorOf(bytes: Uint8Array): ImageError {
  const read = readElf(bytes);
  if (read.ok) throw new Error('it was read');
  return read.error;
}

/** The good file with one field overwritten. */
function patched(at: number, size: 1 | 2 | 4 | 8, value: number | bigint): Uint8Array {
  const bytes = good();
  const view = new DataView(bytes.buffer);
  if (size === 1) view.setUint8(at, Number(value));
  else if (size === 2) view.setUint16(at, Number(value), true);
  else if (size === 4) view.setUint32(at, Number(value), true);
  else view.setBigUint64(at, BigInt(value), true);
  return bytes;
}

describe('the ELF reader', () => {
  it('gives the segments, entry and symbols of what the writer wrote', () => {
    const read = readElf(good());
    if (!read.ok) throw new Error(read.error.message);
    const { value } = read;
    expect(value).toMatchObject({ type: 'executable', entry: 0x8000_0000n, interpreter: undefined });
    expect(value.segments).toEqual([
      {
        virtualAddress: 0x8000_0000n,
        physicalAddress: 0x8000_0000n,
        bytes: Uint8Array.of(0x13, 0, 0, 0),
        memorySize: 4,
        readable: true,
        writable: false,
        executable: true,
      },
      {
        virtualAddress: 0x8000_1000n,
        physicalAddress: 0x8000_1000n,
        bytes: Uint8Array.of(1, 2),
        memorySize: 0x100,
        readable: true,
        writable: true,
        executable: false,
      },
    ]);
    expect(findSymbol(value, 'tohost')?.address).toBe(0x8000_1000n);
    expect(findSymbol(value, 'fromhost')).toBeUndefined();
  });

  it('reads a file that is a view into a larger buffer', () => {
    const bytes = good();
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(readElf(shifted.subarray(3)).ok).toBe(true);
  });

  it('keeps virtual and physical addresses apart', () => {
    const read = readElf(
      writeElf({
        segments: [{ address: 0x8020_0000n, virtualAddress: 0xffff_ffff_8000_0000n, bytes: new Uint8Array(8) }],
        entry: 0xffff_ffff_8000_0004n,
      }),
    );
    expect(read).toMatchObject({
      ok: true,
      value: { segments: [{ virtualAddress: 0xffff_ffff_8000_0000n, physicalAddress: 0x8020_0000n }] },
    });
  });

  it('reads a file without section headers', () => {
    const read = readElf(patched(60, 2, 0));
    expect(read).toMatchObject({ ok: true, value: { symbols: [] } });
  });

  it.each([
    ['no ELF at all', patched(0, 4, 0), 'byte 0x0', 'not an ELF file'],
    ['only the magic', good().subarray(0, 20), 'ELF header', 'ends after 20'],
    ['a 32-bit class', patched(4, 1, 1), 'EI_CLASS', '32-bit'],
    ['big-endian data', patched(5, 1, 2), 'EI_DATA', 'big-endian'],
    ['another machine', patched(18, 2, 62), 'e_machine', 'x86-64'],
    ['an object file', patched(16, 2, 1), 'e_type', 'object file'],
    ['a core dump', patched(16, 2, 4), 'e_type', 'core dump'],
    ['the embedded base', patched(48, 4, 8), 'e_flags', 'RV64E'],
    ['no program headers', patched(56, 2, 0), 'program headers', 'nothing is to be loaded'],
    ['a program header table past the end', patched(32, 8, 1n << 40n), 'program header table', 'past the end'],
    ['a program header of another size', patched(54, 2, 32), 'program header table', '32 bytes'],
    ['segment bytes past the end', patched(64 + 8, 8, 0xffffn), 'program header 0', 'past the end'],
    ['a segment smaller in memory', patched(64 + 40, 8, 1n), 'program header 0', 'below p_filesz'],
    ['a segment around the address space', patched(64 + 16, 8, 0xffff_ffff_ffff_fffen), 'program header 0', 'p_vaddr'],
    ['a segment larger than any memory', patched(64 + 40, 8, 1n << 60n), 'program header 0', 'any memory'],
    ['a segment larger than an address space', patched(64 + 40, 8, (1n << 38n) + 1n), 'program header 0', 'any memory'],
    ['overlapping segments', patched(64 + 40, 8, 0x1001n), 'program headers', 'overlap'],
    ['an entry point outside', patched(24, 8, 0x1000n), 'e_entry', 'in no segment'],
    ['a section header table past the end', patched(40, 8, 1n << 63n), 'section header table', 'past the end'],
  ])('says where and why it refuses %s', (_name, bytes, place, message) => {
    const error = errorOf(bytes);
    expect(error.place).toContain(place);
    expect(error.message).toContain(message);
    expect(error.remedy).not.toBe('');
  });

  it('refuses names that share their bytes without end', () => {
    const symbols = Array.from({ length: 400 }, (_, i) => [`${'x'.repeat(200)}${i}`, 0x8000_0000n] as const);
    const bytes = writeElf({
      segments: [{ address: 0x8000_0000n, bytes: new Uint8Array(4) }],
      entry: 0x8000_0000n,
      symbols,
    });
    const view = new DataView(bytes.buffer);
    const symtab = symbolTableOf(view);
    // Without the zero bytes every name runs to the end of the table.
    for (let at = symtab.strings + 1; at < symtab.strings + symtab.stringsSize - 1; at++) {
      if (bytes[at] === 0) bytes[at] = 0x2e;
    }
    expect(errorOf(bytes)).toMatchObject({ message: expect.stringContaining('names overlap') });
  });

  it('answers 8,000 mutations of a good file with an image or a clear error', () => {
    const original = good();
    const change = fc.record({
      at: fc.integer({ min: 0, max: original.length - 1 }),
      value: fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.integer({ min: 0, max: 255 })),
      count: fc.integer({ min: 1, max: 8 }),
    });
    fc.assert(
      fc.property(
        fc.array(change, { minLength: 1, maxLength: 6 }),
        fc.option(fc.integer({ min: 0, max: original.length })),
        (changes, cut) => {
          const bytes = original.slice();
          for (const { at, value, count } of changes) bytes.fill(value, at, at + count);
          answers(cut === null ? bytes : bytes.subarray(0, cut));
        },
      ),
      { numRuns: 8000 },
    );
  });

  it('answers 8,000 random files that begin like an ELF with an image or a clear error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 512 }), (tail) => {
        const bytes = new Uint8Array(20 + tail.length);
        bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 243, 0]);
        bytes.set(tail, 20);
        answers(bytes);
      }),
      { numRuns: 8000 },
    );
  });
});

describe('the ELF writer', () => {
  it('gives the same bytes for the same source', () => {
    expect(good()).toEqual(good());
    expect(looksLikeElf(good())).toBe(true);
  });

  it('writes every image so that the reader gives it back', () => {
    const segment = fc.record({ bytes: fc.uint8Array({ minLength: 1, maxLength: 64 }), more: fc.nat(64) });
    fc.assert(
      fc.property(
        fc.array(segment, { minLength: 1, maxLength: 5 }),
        fc.dictionary(fc.string({ minLength: 1 }), fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })),
        (parts, names) => {
          const segments = parts.map(({ bytes, more }, i) => ({
            address: 0x8000_0000n + 0x1000n * BigInt(i),
            bytes,
            memorySize: bytes.length + more,
          }));
          const symbols = Object.entries(names).filter(([name]) => /^[\x20-\x7e]+$/.test(name));
          const read = readElf(writeElf({ segments, entry: 0x8000_0000n, symbols }));
          if (!read.ok) throw new Error(read.error.message);
          expect(read.value.segments.map((s) => [s.physicalAddress, s.bytes, s.memorySize])).toEqual(
            segments.map((s) => [s.address, s.bytes, s.memorySize]),
          );
          expect(read.value.symbols.map((s) => [s.name, s.address])).toEqual(symbols);
        },
      ),
    );
  });
});

function answers(bytes: Uint8Array): void {
  const read = readElf(bytes);
  if (read.ok) return;
  const { place, message, remedy } = read.error;
  if (place === '' || message === '' || remedy === '') throw new Error(`an unclear error: ${place}: ${message}`);
}

function symbolTableOf(view: DataView): { strings: number; stringsSize: number } {
  const table = Number(view.getBigUint64(40, true));
  const count = view.getUint16(60, true);
  for (let index = 0; index < count; index++) {
    const at = table + 64 * index;
    if (view.getUint32(at + 4, true) !== 2) continue;
    const strings = table + 64 * view.getUint32(at + 40, true);
    return {
      strings: Number(view.getBigUint64(strings + 24, true)),
      stringsSize: Number(view.getBigUint64(strings + 32, true)),
    };
  }
  throw new Error('no symbol table');
}
