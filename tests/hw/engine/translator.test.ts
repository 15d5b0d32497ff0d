// What the translator keeps and what it drops: its code is bounded, and goes when the code that it was made from does.

import { describe, expect, it } from 'vitest';
import { assemble } from '../../../hw/isa/assemble.ts';
import type { MachineConfig } from '../../../hw/machine/machine.ts';
import { Bench, enterSupervisor, ram } from '../machine/bench.ts';
import { BothEngines } from './both-engines.ts';
import { PageTables, rwxad } from './page-tables.ts';

const eager = { threshold: 2, patience: 0, observation: 100, entriesUntilLarge: 100 } as const;

const bench = (source: string, translator: MachineConfig['translator'] = eager): Bench =>
  new Bench(source, { translator });
const translatorOf = ({ machine }: Bench) => machine.engine.translator!;

/** Runs on in many slices, so that what waits is compiled. */
function run(made: Bench, cycles: number): Bench {
  const start = made.machine.cycles(made.machine.harts[0]!);
  for (let slice = 1; slice <= 20; slice++) made.run(start + Math.ceil((cycles * slice) / 20));
  return made;
}

const counting = `
1: addi s0, s0, 1
   xor s1, s1, s0
   add a1, a1, s1
   j 1b
`;

/** Loops one after another, for ever; each turns 20 times. */
const manyLoops = (count: number): string => `
again:
${Array.from(
  { length: count },
  (_, index) => `
   li t0, 20
1: addi s0, s0, ${index}
   xor s1, s1, s0
   slli t1, s1, 1
   add a1, a1, t1
   addi t0, t0, -1
   bnez t0, 1b`,
).join('\n')}
   la t0, again
   jr t0
`;

/** What a program computes, with and without translation. */
function expectSame(source: string, translator: MachineConfig['translator'], cycles: number): Bench {
  const made = run(bench(source, translator), cycles);
  expect(made.state()).toEqual(run(bench(source, false), cycles).state());
  return made;
}

describe('translated code', () => {
  it('does not pile up when programs replace their code again and again', () => {
    const made = run(bench(counting), 1000);
    const reference = run(bench(counting, false), 1000);
    for (let round = 1; round <= 12; round++) {
      const { bytes } = assemble(counting.replace('s0, 1', `s0, ${round}`), { origin: ram });
      for (const one of [made, reference]) {
        one.machine.writeMemory(Number(ram), bytes);
        run(one, 1000);
      }
    }
    expect(made.state()).toEqual(reference.state());
    const { statistics, alive } = translatorOf(made);
    expect(statistics.regions).toBeGreaterThan(10);
    expect(alive.regions).toBeLessThan(8);
    expect(alive.moduleBytes).toBeLessThan(16_384);
  });

  it('stays within its bounds: the oldest goes, and the program computes the same', () => {
    const made = expectSame(manyLoops(200), { ...eager, maxModuleBytes: 20_000 }, 200_000);
    const { statistics, alive } = translatorOf(made);
    expect(statistics.evicted).toBeGreaterThan(0);
    expect(statistics.bytes).toBeGreaterThan(40_000);
    expect(alive.moduleBytes).toBeLessThanOrEqual(20_000);
  });

  it('is made anew as soon as the code is executed as often again', () => {
    // The beginning of a slice counts as well.
    const made = run(bench(counting, { ...eager, threshold: 50 }), 2000);
    const { statistics } = translatorOf(made);
    const before = statistics.regions;
    made.store(ram, 0x0014_0413n, 4);
    run(made, 25 * 4);
    expect(statistics.regions).toBe(before);
    run(made, 30 * 4);
    expect(statistics.regions).toBeGreaterThan(before);
  });

  it("is made after as many executions as the threshold says, which is refused where they can't be counted", () => {
    const made = run(bench(counting, { ...eager, threshold: 65_535 }), 65_534 * 4);
    expect(translatorOf(made).statistics.regions).toBe(0);
    expect(translatorOf(run(made, 400)).statistics.regions).toBe(1);
    for (const threshold of [0, 65_536, 1.5, -1, Number.NaN]) {
      expect(() => bench(counting, { threshold })).toThrow(RangeError);
    }
  });

  it.each([1, 3, 6, 8])('makes room for itself: a machine with place for no more than %i regions', (regions) => {
    for (const patience of [0, 300]) {
      const options = { entriesUntilLarge: 6, patience };
      const { statistics } = new BothEngines(manyLoops(3), options, { limits: { regions } }).run(4000, 200);
      expect(statistics.evicted).toBeGreaterThan(0);
    }
  });

  it('counts a module until its last region is gone', () => {
    const made = run(bench(manyLoops(8), { ...eager, patience: 40_000 }), 100_000);
    const before = translatorOf(made).alive;
    expect(before.regions).toBeGreaterThan(2);
    made.machine.writeMemory(Number(ram) + 8, Uint8Array.of(0x13, 0, 0, 0));
    const after = translatorOf(made).alive;
    expect(after.regions).toBeLessThan(before.regions);
    expect(after.moduleBytes).toBe(before.moduleBytes);
    made.machine.engine.forget();
    expect(translatorOf(made).alive).toEqual({ regions: 0, modules: 0, moduleBytes: 0 });
  });

  it('goes with the code that a store changes, and no other', () => {
    const made = run(bench(manyLoops(20)), 40_000);
    const before = translatorOf(made).alive.regions;
    // Data that nothing was executed from.
    made.store(ram + 0x8000n, 0n);
    expect(translatorOf(made).alive.regions).toBe(before);
    made.store(ram + 12n, 0x0011_0113n, 4);
    const after = translatorOf(made).alive.regions;
    expect(after).toBeLessThan(before);
    expect(after).toBeGreaterThan(before / 2);
  });

  it('goes when a saved machine is loaded, and the machine goes on as it would have', () => {
    const made = run(bench(manyLoops(20)), 40_000);
    const saved = made.machine.save();
    const expected = run(made, 40_000).state();
    made.machine.load(saved);
    expect(translatorOf(made).alive).toEqual({ regions: 0, modules: 0, moduleBytes: 0 });
    expect(run(made, 40_000).state()).toEqual(expected);
    expect(translatorOf(made).alive.regions).toBeGreaterThan(0);
  });
});

describe('translations are kept', () => {
  const fencing = (fence: string): string => `
${enterSupervisor}
supervisor:
   li t2, 10
1: addi s0, s0, 1
   xor s1, s1, s0
   addi t2, t2, -1
   bnez t2, 1b
   ${fence}
   j supervisor
machine:
   j machine
`;

  it.each(['sfence.vma', 'sfence.vma s0, zero', 'fence.i', 'csrw satp, zero', 'hfence.gvma'])('over %s', (fence) => {
    const made = expectSame(fencing(fence), { ...eager, entriesUntilLarge: 1_000_000 }, 20_000);
    const { modules, dropped } = translatorOf(made).statistics;
    run(made, 100_000);
    expect(translatorOf(made).statistics.modules).toBe(modules);
    expect(translatorOf(made).statistics.dropped).toBe(dropped);
  });

  it('over switches between address spaces, at whatever address they see the code', () => {
    const source = `
${enterSupervisor}
supervisor:
   csrw satp, a2
   li t2, 10
1: addi s0, s0, 1
   xor s1, s1, s0
   addi t2, t2, -1
   bnez t2, 1b
   xor a2, a2, a3
   j supervisor
machine:
   j machine
`;
    const prepared = (translator: MachineConfig['translator']): Bench => {
      const made = bench(source, translator);
      const atps = [1n, 2n].map((asid) => {
        const tables = new PageTables(made, ram + 0x2_0000n * asid, 3);
        for (let page = 0n; page < 4n; page++) tables.map(ram + (page << 12n), ram + (page << 12n), rwxad);
        return tables.atp(8n) | (asid << 44n);
      });
      const { context } = made.machine.harts[0]!;
      context.setX(12, BigInt.asIntN(64, atps[0]!));
      context.setX(13, BigInt.asIntN(64, atps[0]! ^ atps[1]!));
      return made;
    };
    const made = run(prepared(eager), 20_000);
    expect(made.state()).toEqual(run(prepared(false), 20_000).state());
    const { modules, dropped } = translatorOf(made).statistics;
    run(made, 100_000);
    expect(translatorOf(made).statistics).toMatchObject({ modules, dropped });
  });
});
