// Constants and operators of the expression builder, against JavaScript's own.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ModuleBuilder } from '../../../hw/wasm/module.ts';
import { I32, I64 } from '../../../hw/wasm/values.ts';

const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
const signed = (value: bigint) => BigInt.asIntN(64, value);
const unsigned = (value: bigint) => BigInt.asUintN(64, value);
const truth = (value: boolean) => (value ? 1n : 0n);

function instantiate(module: ModuleBuilder): Record<string, (...args: unknown[]) => unknown> {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.encode(1)), { env: { memory } });
  return instance.exports as Record<string, (...args: unknown[]) => unknown>;
}

test('constants survive their encoding', () => {
  const module = new ModuleBuilder();
  const edges = Array.from({ length: 64 }, (_, bit) => 1n << BigInt(bit)).flatMap((n) => [n - 1n, n, -n, ~n]);
  const wide = edges.map(signed);
  const narrow = edges.map((n) => Number(BigInt.asIntN(32, n)));
  for (const [index, value] of wide.entries()) {
    module.export(
      `wide${index}`,
      module.function([], 'i64', (f) => f.return(I64.of(value))),
    );
    module.export(
      `narrow${index}`,
      module.function([], 'i32', (f) => f.return(I32.of(narrow[index]!))),
    );
  }
  const built = instantiate(module);
  expect(wide.map((_, index) => built[`wide${index}`]!())).toEqual(wide);
  expect(narrow.map((_, index) => built[`narrow${index}`]!())).toEqual(narrow);
});

const operators: Record<string, [(a: I64, b: I64) => I64 | I32, (a: bigint, b: bigint) => bigint]> = {
  add: [(a, b) => a.add(b), (a, b) => a + b],
  sub: [(a, b) => a.sub(b), (a, b) => a - b],
  mul: [(a, b) => a.mul(b), (a, b) => a * b],
  and: [(a, b) => a.and(b), (a, b) => a & b],
  or: [(a, b) => a.or(b), (a, b) => a | b],
  xor: [(a, b) => a.xor(b), (a, b) => a ^ b],
  not: [(a) => a.not(), (a) => ~a],
  neg: [(a) => a.neg(), (a) => -a],
  shl: [(a, b) => a.shl(b), (a, b) => a << (b & 63n)],
  shrS: [(a, b) => a.shrS(b), (a, b) => a >> (b & 63n)],
  shrU: [(a, b) => a.shrU(b), (a, b) => unsigned(a) >> (b & 63n)],
  rotl: [(a, b) => a.rotl(b), (a, b) => (unsigned(a) << (b & 63n)) | (unsigned(a) >> ((64n - (b & 63n)) & 127n))],
  divU: [(a, b) => a.divU(b.or(1n)), (a, b) => unsigned(a) / unsigned(b | 1n)],
  remS: [(a, b) => a.remS(b.or(1n)), (a, b) => a % (b | 1n)],
  eqz: [(a) => a.eqz(), (a) => truth(a === 0n)],
  ltS: [(a, b) => a.ltS(b), (a, b) => truth(a < b)],
  ltU: [(a, b) => a.ltU(b), (a, b) => truth(unsigned(a) < unsigned(b))],
  geU: [(a, b) => a.geU(b), (a, b) => truth(unsigned(a) >= unsigned(b))],
  leS: [(a, b) => a.leS(b), (a, b) => truth(a <= b)],
  gtU: [(a, b) => a.gtU(b), (a, b) => truth(unsigned(a) > unsigned(b))],
  extend8S: [(a) => a.extend8S(), (a) => BigInt.asIntN(8, a)],
  extend16S: [(a) => a.extend16S(), (a) => BigInt.asIntN(16, a)],
  extend32S: [(a) => a.extend32S(), (a) => BigInt.asIntN(32, a)],
  wrap: [(a) => a.wrap().i64U(), (a) => BigInt.asUintN(32, a)],
};

test('64-bit operators compute what their names say', () => {
  const module = new ModuleBuilder();
  for (const [name, [build]] of Object.entries(operators)) {
    module.export(
      name,
      module.function(['i64', 'i64'], 'i64', (f, a, b) => {
        const value = build(a.get, b.get);
        f.return(value instanceof I32 ? value.i64U() : value);
      }),
    );
  }
  const built = instantiate(module);
  const operand = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  const near = fc.oneof(operand, fc.bigInt({ min: -70n, max: 70n }));
  fc.assert(
    fc.property(near, near, (a, b) => {
      for (const [name, [, compute]] of Object.entries(operators)) {
        expect(built[name]!(a, b), name).toBe(signed(compute(a, b)));
      }
    }),
    { numRuns: 500 },
  );
});
