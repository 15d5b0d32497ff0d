import fc from 'fast-check';
import { expect, test } from 'vitest';
import { extract } from '../../../hw/isa/encoding.ts';
import { instructions, operation } from '../../../hw/isa/table.ts';
import { atomics, branches, models, wrap } from './integer-model.ts';
import { dataAddress, singleSteps } from './single-step.ts';

const step = singleSteps(instructions);

const edges = [
  0n,
  1n,
  -1n,
  2n ** 63n - 1n,
  -(2n ** 63n),
  2n ** 31n - 1n,
  -(2n ** 31n),
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
];
const value = fc.oneof(
  fc.constantFrom(...edges),
  fc.bigInt({ min: -70n, max: 70n }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).chain((n) => fc.nat(63).map((by) => n >> BigInt(by))),
);
const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

test.each(Object.entries(models))('%s computes what arithmetic says', (name, model) => {
  const { pattern } = instructions[operation(name)]!;
  const immediate = pattern.fields.find((field) => field.name === 'imm');
  const check = (a: bigint, b: bigint): void => {
    const { rd, target } = step(name, immediate ? { rs1: a, imm: b } : { rs1: a, rs2: b });
    expect(rd, `${a}, ${b}`).toBe(wrap(model(a, b)));
    expect(target).toBeUndefined();
  };
  if (immediate) fc.assert(fc.property(value, word, (a, bits) => check(a, BigInt(extract(immediate, bits)))));
  else fc.assert(fc.property(value, value, check));
  if (!immediate) for (const a of edges) for (const b of edges) check(a, b);
});

test.each(Object.entries(branches))('%s branches when it should', (name, taken) => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.tuple(value, value),
        value.map((v) => [v, v] as const),
      ),
      ([a, b]) => {
        const { rd, target } = step(name, { rs1: a, rs2: b, imm: -8n, pc: 0x8000_0000n });
        expect(target).toBe(taken(a, b) ? 0x7fff_fff8n : undefined);
        expect(rd).toBeUndefined();
      },
    ),
  );
});

test('jal, jalr and auipc work from the address of the instruction', () => {
  const pc = 0x8000_0000n;
  expect(step('jal', { pc, imm: -4n })).toMatchObject({ rd: pc + 4n, target: pc - 4n });
  expect(step('jalr', { pc, rs1: 0x1001n, imm: 4n })).toMatchObject({ rd: pc + 4n, target: 0x1004n });
  expect(step('auipc', { pc, imm: 0x1000n })).toMatchObject({ rd: pc + 0x1000n, target: undefined });
});

test.each([
  ['lb', 8, true],
  ['lh', 16, true],
  ['lw', 32, true],
  ['ld', 64, true],
  ['lbu', 8, false],
  ['lhu', 16, false],
  ['lwu', 32, false],
  ['lr.w', 32, true],
  ['lr.d', 64, true],
  ['fld', 64, true],
] as const)('%s loads %i bits', (name, width, signed) => {
  fc.assert(
    fc.property(value, (memory) => {
      const { rd } = step(name, { rs1: dataAddress, memory });
      expect(rd).toBe(signed ? BigInt.asIntN(width, memory) : BigInt.asUintN(width, memory));
    }),
  );
});

test.each([
  ['sb', 8],
  ['sh', 16],
  ['sw', 32],
  ['sd', 64],
  ['fsw', 32],
  ['fsd', 64],
  ['sc.w', 32],
  ['sc.d', 64],
] as const)('%s stores %i bits and leaves the others', (name, width) => {
  fc.assert(
    fc.property(value, value, (rs2, memory) => {
      const low = (1n << BigInt(width)) - 1n;
      expect(step(name, { rs1: dataAddress, rs2, memory }).memory).toBe(wrap((rs2 & low) | (memory & ~low)));
    }),
  );
});

test.each(Object.entries(atomics))('%s.w and %s.d replace the old value and return it', (name, model) => {
  fc.assert(
    fc.property(value, value, (memory, rs2) => {
      const double = step(`${name}.d`, { rs1: dataAddress, rs2, memory });
      expect(double).toMatchObject({ rd: memory, memory: wrap(model(memory, rs2)) });
      const single = step(`${name}.w`, { rs1: dataAddress, rs2, memory });
      const old = BigInt.asIntN(32, memory);
      expect(single.rd).toBe(old);
      const stored = BigInt.asUintN(32, model(old, BigInt.asIntN(32, rs2)));
      expect(single.memory).toBe(wrap((memory & ~0xffff_ffffn) | stored));
    }),
  );
});

test('singles are boxed when they enter an f register', () => {
  const box = -0x1_0000_0000n;
  expect(step('flw', { rs1: dataAddress, memory: 0x1234_5678_3f80_0000n }).rd).toBe(box | 0x3f80_0000n);
  expect(step('fmv.w.x', { rs1: 0x1234_5678_3f80_0000n }).rd).toBe(box | 0x3f80_0000n);
  expect(step('fmv.x.w', { rs1: 0x1234_5678_bf80_0000n }).rd).toBe(BigInt.asIntN(32, 0xbf80_0000n));
  expect(step('fmv.x.d', { rs1: -5n }).rd).toBe(-5n);
  expect(step('fmv.d.x', { rs1: -5n }).rd).toBe(-5n);
});

test('a fence does nothing', () => {
  expect(step('fence', {})).toEqual({ rd: undefined, target: undefined, memory: 0n });
});
