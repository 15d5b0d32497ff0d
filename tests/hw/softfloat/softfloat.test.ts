// Every floating-point operation against the oracle.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FpOperation } from '../../../hw/isa/semantics.ts';
import { execute, hosts, isRounded, operations } from './machine.ts';
import { arbitrary, directed, operandKinds } from './operands.ts';
import { expected, flag } from './oracle.ts';

const modesOf = (name: FpOperation): number[] => (isRounded(name) ? [0, 1, 2, 3, 4] : [0]);

/** None, the one that opens the fast path, and all others. */
const accruals = [0, flag.inexact, 0x1f - flag.inexact];

/** Compares in all rounding modes, whatever flags have accrued before. */
function check(name: FpOperation, a: bigint, b = 0n, c = 0n): void {
  for (const rm of modesOf(name)) {
    const outcome = expected(name, rm, a, b, c);
    for (const accrued of accruals) {
      for (const host of hosts) {
        const actual = execute(name, rm, accrued, a, b, c, host);
        if (actual.result === outcome.result && actual.flags === (outcome.flags | accrued)) continue;
        const operands = [a, b, c].map((raw) => raw.toString(16)).join(', ');
        const show = (result: bigint, flags: number) => `${result.toString(16)} with flags ${flags}`;
        expect(show(actual.result, actual.flags), `${name} rm=${rm} accrued=${accrued} of ${operands}`).toBe(
          show(outcome.result, outcome.flags | accrued),
        );
      }
    }
  }
}

describe.each(operations)('%s', (name) => {
  const kinds = operandKinds(name);

  test('agrees with exact arithmetic on every combination of directed operands', () => {
    const [first, second, third] = kinds.map((kind, _, all) =>
      all.length < 3 ? directed(kind) : directed(kind).filter((_each, index) => index % 3 !== 1),
    );
    for (const a of first!) for (const b of second ?? [0n]) for (const c of third ?? [0n]) check(name, a, b, c);
  });

  test('agrees with exact arithmetic on random operands', () => {
    const operands = fc.tuple(...kinds.map(arbitrary)) as fc.Arbitrary<[bigint, bigint?, bigint?]>;
    fc.assert(
      fc.property(operands, ([a, b, c]) => check(name, a, b, c)),
      { numRuns: isRounded(name) ? 4_000 : 1_000 },
    );
  });
});

test('a fused product keeps its last bit beside an addend a hundred bits higher', () => {
  const bits = (value: number): bigint => new BigUint64Array(new Float64Array([value]).buffer)[0]!;
  const [x, y] = [0x1013b18adb4cc9, 0x1fd8cd299e8d79];
  expect(BigInt(x) * BigInt(y)).toBe(2n ** 105n + 1n);
  for (let exponent = 0; exponent < 240; exponent++) {
    for (const significand of [1, 1 + Number.EPSILON, 1 + 2 * Number.EPSILON, 2 - Number.EPSILON]) {
      const addend = bits(significand * 2 ** exponent);
      check('fmadd.d', bits(x), bits(y), addend);
      check('fmsub.d', bits(x), bits(y), addend);
    }
  }
});

describe.each(['fmadd.s', 'fmsub.s', 'fnmsub.s', 'fnmadd.s', 'fmadd.d', 'fmsub.d', 'fnmsub.d', 'fnmadd.d'] as const)(
  '%s',
  (name) => {
    test('agrees with exact arithmetic when the addend nearly cancels the product', () => {
      const [kind] = operandKinds(name);
      const nearby = fc.tuple(arbitrary(kind!), arbitrary(kind!), fc.integer({ min: -3, max: 3 }), fc.boolean());
      fc.assert(
        fc.property(nearby, ([a, b, ulps, negative]) => {
          const suffix = kind === 's' ? 's' : 'd';
          const product = execute(`fmul.${suffix}`, 0, 0, a, b, 0n).result;
          const sign = negative ? 1n << (suffix === 's' ? 31n : 63n) : 0n;
          check(name, a, b, BigInt.asUintN(64, product + BigInt(ulps)) ^ sign);
        }),
        { numRuns: 2_000 },
      );
    });
  },
);
