import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { entropyState, keyStreamBlock, takeEntropy } from '../../vdev/entropy.ts';

describe('entropy', () => {
  it('is the key stream of RFC 8439, section 2.3.2', () => {
    const key = Array.from({ length: 8 }, (_, i) => 0x03020100 + 0x04040404 * i);
    const block = keyStreamBlock(key, [0x09000000, 0x4a000000, 0], 1);
    expect([...block].map((word) => word.toString(16).padStart(8, '0'))).toEqual([
      ...['e4e7f110', '15593bd1', '1fdd0f50', 'c47120a3', 'c7f4d1c7', '0368c033', '9aaa2204', '4e6cd4c3'],
      ...['466482d2', '09aa9f07', '05d7c214', 'a2028bd9', 'd19c12b5', 'b94e16de', 'e883d0cb', '4e3c50a2'],
    ]);
  });

  it('does not depend on how reads are divided', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(150), { maxLength: 8 }), (lengths) => {
        const divided = entropyState(7, 'x');
        const parts = lengths.flatMap((length) => [...takeEntropy(divided, length)]);
        expect(parts).toEqual([...takeEntropy(entropyState(7, 'x'), parts.length)]);
      }),
    );
  });

  it('differs between seeds and between names', () => {
    const first = (seed: number, name: string) => takeEntropy(entropyState(seed, name), 16).join();
    const all = [first(1, 'a'), first(2, 'a'), first(1, 'b'), first(2 ** 32 + 1, 'a'), first(1, '')];
    expect(new Set(all).size).toBe(all.length);
  });
});
