// Rounding to nearest against the host's arithmetic, which is IEEE 754's.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FpOperation } from '../../../hw/isa/semantics.ts';
import { execute } from './machine.ts';
import { arbitrary } from './operands.ts';

const view = new DataView(new ArrayBuffer(8));
const boxing = 0xffff_ffffn << 32n;

const formats = {
  s: {
    read(raw: bigint): number {
      if (raw < boxing) return Number.NaN;
      view.setUint32(0, Number(raw & 0xffff_ffffn));
      return view.getFloat32(0);
    },
    write(value: number): bigint {
      if (Number.isNaN(value)) return boxing | 0x7fc0_0000n;
      view.setFloat32(0, value);
      return boxing | BigInt(view.getUint32(0));
    },
  },
  d: {
    read(raw: bigint): number {
      view.setBigUint64(0, raw);
      return view.getFloat64(0);
    },
    write(value: number): bigint {
      if (Number.isNaN(value)) return 0x7ff8_0000_0000_0000n;
      view.setFloat64(0, value);
      return view.getBigUint64(0);
    },
  },
};

// A double has more than twice a single's digits, and two more: rounding twice is rounding once (Figueroa, 1995).
const operations: [name: string, apply: (a: number, b: number) => number][] = [
  ['fadd', (a, b) => a + b],
  ['fsub', (a, b) => a - b],
  ['fmul', (a, b) => a * b],
  ['fdiv', (a, b) => a / b],
  ['fsqrt', (a) => Math.sqrt(a)],
];

describe.each(['s', 'd'] as const)('rounding to nearest, in format %s,', (suffix) => {
  const { read, write } = formats[suffix];

  test.each(operations)('%s gives the host result on both paths', (name, apply) => {
    fc.assert(
      fc.property(arbitrary(suffix), arbitrary(suffix), (a, b) => {
        const result = write(apply(read(a), read(b)));
        for (const accrued of [0, 1]) {
          expect(execute(`${name}.${suffix}` as FpOperation, 0, accrued, a, b, 0n).result).toBe(result);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  test('conversions from and to 32-bit integers agree with the host', () => {
    fc.assert(
      fc.property(fc.integer(), arbitrary(suffix), (integer, float) => {
        const raw = BigInt.asUintN(64, BigInt(integer));
        expect(execute(`fcvt.${suffix}.w`, 0, 0, raw, 0n, 0n).result).toBe(write(integer));
        const value = read(float);
        if (!(Math.abs(value) < 2 ** 31)) return;
        expect(BigInt.asIntN(64, execute(`fcvt.w.${suffix}`, 1, 0, float, 0n, 0n).result)).toBe(
          BigInt(Math.trunc(value)),
        );
      }),
      { numRuns: 3_000 },
    );
  });
});

test('conversions between the formats agree with the host', () => {
  fc.assert(
    fc.property(arbitrary('s'), arbitrary('d'), (narrow, wide) => {
      expect(execute('fcvt.d.s', 0, 0, narrow, 0n, 0n).result).toBe(formats.d.write(formats.s.read(narrow)));
      expect(execute('fcvt.s.d', 0, 0, wide, 0n, 0n).result).toBe(formats.s.write(formats.d.read(wide)));
    }),
    { numRuns: 3_000 },
  );
});
