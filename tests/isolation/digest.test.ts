// The digest of what an observer finds.

import { expect, it } from 'vitest';
import { emptyDigest, mix } from '../../tools/isolation/digest.ts';

const digestOf = (...words: number[]): number => words.reduce(mix, emptyDigest);
const sign = 0x8000_0000;

it('tells words apart that differ in two sign bits', () => {
  expect(digestOf(1, (2 | sign) >>> 0, (3 | sign) >>> 0, 4)).not.toBe(digestOf(1, 2, 3, 4));
  expect(digestOf(sign, sign)).not.toBe(digestOf(0, 0));
});

it('tells words apart that differ in any one bit of each of two words', () => {
  const digests = new Set([digestOf(1, 2, 3, 4)]);
  for (let pair = 0; pair < 32 * 32; pair++) {
    digests.add(digestOf(1, 2 ^ (1 << (pair >>> 5)), 3 ^ (1 << (pair & 31)), 4));
  }
  expect(digests.size).toBe(1 + 32 * 32);
});

it('does not depend on whether a word is given with a sign', () => {
  expect(digestOf(-1, -2)).toBe(digestOf(0xffff_ffff, 0xffff_fffe));
});
