// The kernel image: its header, its wrappers, and what is said of damaged ones.

import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { looksLikeLinuxImage, readLinuxImage } from '../../tools/image/linux-image.ts';

function kernel(change: (view: DataView) => void = () => {}): Uint8Array {
  const bytes = new Uint8Array(4096);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(8, 0x20_0000n, true);
  view.setBigUint64(16, 0x1_0000n, true);
  view.setUint32(32, 2, true);
  view.setUint32(56, 0x05435352, true);
  change(view);
  return bytes;
}

function zboot(payload: Uint8Array, compressor: string): Uint8Array {
  const bytes = new Uint8Array(64 + payload.length);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode('MZ\0\0zimg'));
  view.setUint32(8, 64, true);
  view.setUint32(12, payload.length, true);
  bytes.set(new TextEncoder().encode(compressor), 24);
  bytes.set(payload, 64);
  return bytes;
}

const reason = (bytes: Uint8Array): string => {
  const read = readLinuxImage(bytes);
  return read.ok ? 'it was read' : `${read.error.place}: ${read.error.message}`;
};

describe('the kernel image reader', () => {
  it.each([
    ['plain', kernel()],
    ['gzip', gzipSync(kernel())],
    ['EFI zboot', zboot(gzipSync(kernel()), 'gzip')],
  ])('reads where a %s image wants to be', (_name, bytes) => {
    expect(looksLikeLinuxImage(bytes)).toBe(true);
    const read = readLinuxImage(bytes);
    expect(read).toMatchObject({ ok: true, value: { textOffset: 0x20_0000, imageSize: 0x1_0000, version: [0, 2] } });
    expect(read.ok && read.value.bytes.length).toBe(4096);
  });

  it.each([
    ['a short file', new Uint8Array(10), 'the file has 10 bytes'],
    ['another file', new Uint8Array(100), 'not a Linux image'],
    ['a big-endian kernel', kernel((v) => v.setBigUint64(24, 1n, true)), 'big-endian'],
    ['a size below the file', kernel((v) => v.setBigUint64(16, 10n, true)), 'image_size'],
    ['a huge size', kernel((v) => v.setBigUint64(16, 1n << 50n, true)), 'image_size'],
    ['a huge offset', kernel((v) => v.setBigUint64(8, 1n << 50n, true)), 'text_offset'],
    ['a damaged gzip stream', gzipSync(kernel()).subarray(0, 30), 'damaged'],
    ['a zboot image past its end', zboot(gzipSync(kernel()), 'gzip').subarray(0, 80), 'past the end'],
    ['another compressor', zboot(gzipSync(kernel()), 'zstd22'), '"zstd22" is not supported'],
  ])('says why it refuses %s', (_name, bytes, message) => {
    expect(reason(bytes)).toContain(message);
  });

  it('refuses a stream that unpacks without end', () => {
    expect(reason(gzipSync(new Uint8Array(257 * 1024 * 1024), { level: 1 }))).toContain('unpacks to more than');
  });

  it('answers 10,000 damaged images with an image or an error', () => {
    const sources = [kernel(), gzipSync(kernel()), zboot(gzipSync(kernel()), 'gzip')];
    fc.assert(
      fc.property(
        fc.constantFrom(...sources),
        fc.array(fc.tuple(fc.nat(127), fc.integer({ min: 0, max: 255 })), { maxLength: 5 }),
        fc.nat(200),
        (source, changes, cut) => {
          const bytes = Uint8Array.from(cut > 100 ? source : source.subarray(0, cut));
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          const read = readLinuxImage(bytes);
          if (!read.ok && read.error.message === '') throw new Error('an unclear error');
        },
      ),
      { numRuns: 10_000 },
    );
  });
});
