// Fast paths against the exact computation. FLOAT_CASES is how many operands each operation gets: docs/floating-point.md.

import { expect, test } from 'vitest';
import type { FpOperation } from '../../../hw/isa/semantics.ts';
import { hostFuses } from '../../../hw/wasm/host-fma.ts';
import { comparison } from './comparison.ts';
import { operations } from './machine.ts';

const cases = Number(process.env.FLOAT_CASES ?? 50_000);
const seed = BigInt(process.env.TEST_SEED!);
const batch = 10_000_000;

const isFused = (name: FpOperation): boolean => /madd|msub/.test(name);
const ways = operations.flatMap((name) =>
  (['function', 'dynamic mode', 'static mode'] as const).flatMap((way) =>
    [false, ...(isFused(name) && hostFuses() ? [true] : [])].map((fused) => [name, way, fused] as const),
  ),
);

test.each(ways)(
  '%s does the same on its fast path as without it (%s; fused multiply-add of the host: %s)',
  { timeout: 24 * 3_600_000 },
  (name, way, fused) => {
    const { run } = comparison(way, fused);
    for (let done = 0; done < cases; done += batch) {
      const { differing, one } = run(name, seed * 2n ** 32n + BigInt(done), Math.min(batch, cases - done));
      const [a, b, c, rm, accrued] = one.map((value) => value.toString(16));
      expect(differing, `the last is ${a}, ${b}, ${c}, rm=${rm}, accrued=${accrued}`).toBe(0);
    }
  },
);
