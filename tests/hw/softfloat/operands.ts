// Operands at which floating point goes wrong, for tests.

import fc from 'fast-check';

export type Kind = 's' | 'd' | 'w' | 'l';

const shapes = { s: { width: 32, fraction: 23 }, d: { width: 64, fraction: 52 } } as const;
const boxing = 0xffff_ffffn << 32n;

/** What the instruction's operands are, by its name. */
export function operandKinds(name: string): Kind[] {
  const [operation, first, second] = name.split('.') as [string, string, string | undefined];
  if (operation === 'fcvt') return [second!.replace('u', '') as Kind];
  const format = first as Kind;
  if (operation.includes('madd') || operation.includes('msub')) return [format, format, format];
  if (operation === 'fsqrt' || operation === 'fclass') return [format];
  return [format, format];
}

function directedFloats(kind: 's' | 'd'): bigint[] {
  const { width, fraction } = shapes[kind];
  const hidden = 1n << BigInt(fraction);
  const infinity = (1n << BigInt(width - 1)) - hidden;
  const one = (infinity >> 1n) & ~(hidden - 1n);
  const magnitudes = [
    0n,
    1n,
    hidden - 1n,
    hidden,
    hidden + 1n,
    2n * hidden,
    one - 1n,
    one,
    one + 1n,
    one + (hidden >> 1n),
    one + hidden,
    one + BigInt(fraction) * hidden + 1n,
    infinity - hidden,
    infinity - 1n,
    infinity,
    infinity + 1n,
    infinity + (hidden >> 1n),
    infinity + (hidden >> 1n) + 5n,
  ];
  const bits = magnitudes.flatMap((magnitude) => [magnitude, magnitude | (1n << BigInt(width - 1))]);
  return kind === 'd' ? bits : [...bits.map((each) => each | boxing), one, boxing - 1n];
}

function directedIntegers(): bigint[] {
  const edges = [0n, 24n, 31n, 32n, 53n, 54n, 63n].map((power) => 1n << power);
  const near = edges.flatMap((edge) => [edge - 1n, edge, edge + 1n, -edge, 1n - edge, -edge - 1n]);
  return [...new Set(near.map((each) => BigInt.asUintN(64, each)))];
}

export function directed(kind: Kind): bigint[] {
  return kind === 's' || kind === 'd' ? directedFloats(kind) : directedIntegers();
}

function floats(kind: 's' | 'd'): fc.Arbitrary<bigint> {
  const { width, fraction } = shapes[kind];
  const mask = (1n << BigInt(fraction)) - 1n;
  const maxField = 2 ** (width - 1 - fraction) - 1;
  const bias = (maxField - 1) / 2;
  const digits = fc.bigInt({ min: 0n, max: mask });
  const small = fc.integer({ min: 0, max: 9 });
  const fractions = fc.oneof(
    digits,
    small.map((n) => mask - BigInt(n)),
    small.map(BigInt),
    fc.tuple(small, fc.integer({ min: 0, max: fraction - 4 })).map(([n, shift]) => (BigInt(n) << BigInt(shift)) & mask),
  );
  const field = fc.oneof(
    fc.integer({ min: 0, max: maxField }),
    fc.integer({ min: 0, max: 4 }),
    fc.integer({ min: maxField - 4, max: maxField }),
    fc.integer({ min: bias - 4, max: bias + 68 }),
    fc.integer({ min: (bias >> 1) - 2, max: (bias >> 1) + 2 }),
  );
  const composed = fc.tuple(fc.boolean(), field, fractions).map(([negative, exponent, low]) => {
    const sign = negative ? 1n << BigInt(width - 1) : 0n;
    return sign | (BigInt(exponent) << BigInt(fraction)) | low;
  });
  const boxed = kind === 'd' ? composed : composed.map((bits) => bits | boxing);
  return fc.oneof({ weight: 9, arbitrary: boxed }, { weight: 1, arbitrary: fc.constantFrom(...directed(kind)) });
}

export function arbitrary(kind: Kind): fc.Arbitrary<bigint> {
  if (kind === 's' || kind === 'd') return floats(kind);
  const shifted = fc
    .tuple(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.integer({ min: 0, max: 63 }))
    .map(([bits, shift]) => BigInt.asUintN(64, BigInt.asIntN(64, bits) >> BigInt(shift)));
  return fc.oneof(shifted, fc.constantFrom(...directed(kind)));
}
