// Random sequences of CSR writes, traps and returns: what must hold whatever software does.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csrs } from '../../../hw/hart/csr-file.ts';
import { pendingInterrupt } from '../../../hw/hart/interrupts.ts';
import { dataRegimeOf, fetchRegimeOf } from '../../../hw/hart/regime.ts';
import { deliver, deliverInterrupt } from '../../../hw/hart/trap.ts';
import { csrNumbers } from '../../../hw/isa/csr-names.ts';
import type { SystemOperation } from '../../../hw/isa/semantics.ts';
import { Bench } from './bench.ts';

const numbers = [...csrs.keys()];
const operations: SystemOperation[] = [
  'csrrw',
  'csrrs',
  'csrrc',
  'csrrwi',
  'csrrsi',
  'csrrci',
  'mret',
  'sret',
  'wfi',
  'ebreak',
  'sfence.vma',
  'hlv.d',
  'hsv.b',
  'hfence.gvma',
];

const value = fc.oneof(
  fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
  fc.nat({ max: 63 }).map((bit) => 1n << BigInt(bit)),
  fc.constantFrom(0n, 0xffff_ffff_ffff_ffffn),
);
const step = fc.record({
  operation: fc.constantFrom(...operations),
  csr: fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...numbers) }, { weight: 1, arbitrary: fc.nat({ max: 4095 }) }),
  value,
  fp: fc.boolean(),
  lines: fc.constantFrom(0, 0, 0, 8, 0x80, 0x200, 0x800),
});

function run(
  bench: Bench,
  { operation, csr, value: operand, fp, lines }: typeof step extends fc.Arbitrary<infer T> ? T : never,
): void {
  bench.hart.lines = lines;
  bench.port.mtime += 3n;
  if (fp && !bench.context.get('fpOff')) bench.context.set('fpDirty', 1);
  const interrupt = pendingInterrupt(bench.hart);
  if (interrupt >= 0) deliverInterrupt(bench.hart, interrupt);
  const immediate = operation.startsWith('csrr') && operation.endsWith('i');
  const outcome = bench.execute(operation, immediate ? { csr, rs1: Number(operand & 31n) } : { csr, value: operand });
  if (outcome === 2) deliver(bench.hart);
}

function expectInvariants(bench: Bench): void {
  const { context } = bench;
  const { mode } = bench;
  expect(context.get('dataRegime')).toBe(dataRegimeOf(context));
  expect(context.get('fetchRegime')).toBe(fetchRegimeOf(context));
  const fs = (slot: 'mstatus' | 'vsstatus'): bigint => (context.csr(slot) >> 13n) & 3n;
  const off = fs('mstatus') === 0n || (mode.startsWith('V') && fs('vsstatus') === 0n);
  expect(context.get('fpOff')).toBe(off ? 1 : 0);
  for (const number of [0x300, 0x100, 0x200]) {
    const status = bench.read(number);
    expect(status >> 63n).toBe(((status >> 13n) & 3n) === 3n ? 1n : 0n);
    expect((status >> 32n) & 3n).toBe(2n);
  }
  expect((bench.read(0x300) >> 11n) & 3n).not.toBe(2n);
  expect(bench.read(0x303) & 0x1444n).toBe(0x1444n);
  // S-mode's and the hypervisor's views don't overlap.
  expect(bench.read(0x104) & bench.read(0x604)).toBe(0n);
  expect(bench.read(0x144) & bench.read(0x644)).toBe(0n);
  expect(bench.read(0x60a) & ~bench.read(0x30a) & ~1n).toBe(0n);
}

describe('a hart under random software', () => {
  it('keeps its registers legal and what the engine caches of them up to date', () => {
    fc.assert(
      fc.property(fc.constantFrom('M', 'HS', 'VS'), fc.array(step, { minLength: 1, maxLength: 60 }), (mode, steps) => {
        const bench = new Bench(mode as 'M', mode === 'M' ? {} : { supervisor: 'M' });
        for (const one of steps) {
          run(bench, one);
          expectInvariants(bench);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('changes nothing by writing back what it read', () => {
    // The counters move, mip's SEIP reads as the line too, and writes of fcsr make FS dirty.
    const stable = numbers.filter(
      (number) => !['mcycle', 'minstret', 'mip', 'fflags', 'frm', 'fcsr'].includes(csrs.get(number)!.name),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.constantFrom(...stable), (steps, number) => {
        const bench = new Bench('M');
        for (const one of steps) run(bench, one);
        const before = stable.map((one) => bench.read(one));
        bench.write(number, bench.read(number));
        expect(stable.map((one) => bench.read(one))).toEqual(before);
      }),
      { numRuns: 300 },
    );
  });

  it('finds every register under the name that the assembler knows', () => {
    for (const [number, { name }] of csrs) expect([name, csrNumbers.get(name)]).toEqual([name, number]);
  });
});
