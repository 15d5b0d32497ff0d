// cpio: what the writer packs the reader unpacks, and damaged archives get an answer.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CpioEntry, readCpio, writeCpio } from '../../tools/image/cpio.ts';

const entries: CpioEntry[] = [
  { kind: 'directory', path: 'dev', mode: 0o755 },
  { kind: 'character', path: 'dev/console', mode: 0o600, major: 5, minor: 1 },
  { kind: 'block', path: 'dev/vda', mode: 0o660, major: 254, minor: 0 },
  { kind: 'file', path: 'init', mode: 0o755, bytes: new TextEncoder().encode('#!/bin/sh\n') },
  { kind: 'link', path: 'bin', target: 'usr/bin' },
  { kind: 'file', path: 'größe', mode: 0o4755, bytes: new Uint8Array() },
];

describe('cpio archives', () => {
  it('are read back as they were written', () => {
    expect(readCpio(writeCpio(entries))).toEqual({ ok: true, value: entries });
  });

  it('hold headers on four-byte boundaries and end on a block', () => {
    const archive = writeCpio(entries);
    expect(archive.length % 512).toBe(0);
    const text = String.fromCharCode(...archive);
    for (const { index } of text.matchAll(/070701/g)) expect(index % 4).toBe(0);
    expect(text.split('070701').length - 1).toBe(entries.length + 1);
  });

  it('are the same bytes for the same entries', () => {
    expect(writeCpio(entries)).toEqual(writeCpio(entries));
  });

  it.each([
    ['nothing', new Uint8Array(), 'ends without a trailer'],
    ['another format', new TextEncoder().encode('070707'.padEnd(200, '0')), 'its magic is not 070701'],
    ['letters for numbers', new TextEncoder().encode('070701'.padEnd(200, 'z')), 'not hexadecimal'],
    ['a cut archive', writeCpio(entries).subarray(0, 400), 'entry'],
  ])('are refused with a reason: %s', (_name, bytes, message) => {
    const read = readCpio(bytes);
    expect(read.ok ? '' : `${read.error.place}: ${read.error.message}`).toContain(message);
  });

  it('get an answer after 10,000 random changes', () => {
    const archive = writeCpio(entries);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(archive.length - 1), fc.constantFrom(0, 0x30, 0x46, 0x66, 0xff)), { maxLength: 8 }),
        fc.nat(archive.length),
        (changes, cut) => {
          const bytes = archive.slice(0, cut);
          for (const [at, value] of changes) if (at < cut) bytes[at] = value;
          const read = readCpio(bytes);
          if (!read.ok && read.error.message === '') throw new Error('an unclear error');
        },
      ),
      { numRuns: 10_000 },
    );
  });
});
