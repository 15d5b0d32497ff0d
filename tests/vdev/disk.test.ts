import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memoryDisk, overlayDisk } from '../../vdev/disk.ts';

const size = 5 * 4096 + 512;
const original = Uint8Array.from({ length: size }, (_, i) => i % 251);

const same = (a: Uint8Array, b: Uint8Array) => a.length === b.length && a.every((byte, i) => byte === b[i]);

describe('overlay disk', () => {
  it('reads like a disk that was written, and never writes its base', () => {
    const write = fc.record({
      sector: fc.nat(size / 512 - 1),
      sectors: fc.integer({ min: 1, max: 20 }),
      fill: fc.nat(255),
    });
    fc.assert(
      fc.property(fc.array(write, { maxLength: 12 }), (writes) => {
        const base = original.slice();
        const overlay = overlayDisk(memoryDisk(base));
        const plain = memoryDisk(original.slice());
        for (const { sector, sectors, fill } of writes) {
          const bytes = new Uint8Array(Math.min(sectors * 512, size - sector * 512)).fill(fill);
          overlay.write(sector * 512, bytes);
          plain.write(sector * 512, bytes);
        }
        expect(same(overlay.read(0, size), plain.read(0, size))).toBe(true);
        expect(same(base, original)).toBe(true);
        const copy = overlayDisk(memoryDisk(original.slice()));
        copy.load(JSON.parse(JSON.stringify(overlay.save())));
        expect(same(copy.read(0, size), plain.read(0, size))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});
