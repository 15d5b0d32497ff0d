import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MachineConfig } from '../../../hw/machine/machine.ts';
import { Bench } from './bench.ts';

/**
 * Two harts that count, take timer interrupts at periods of their own, send each other IPIs from every tenth one, and
 * contend for a word with AMO and LR/SC.
 */
const busy = `
  la t0, machine
  csrw mtvec, t0
  mv s0, a0
  la s1, stack
  slli t0, s0, 6
  add s1, s1, t0
  csrw mscratch, s1
  li s4, 0x02004000
  slli t0, s0, 3
  add s4, s4, t0
  li s5, 37
  slli t0, s0, 4
  add s5, s5, t0
  li s6, 0x0200bff8
  ld t0, (s6)
  add t0, t0, s5
  sd t0, (s4)
  li t0, 0x88
  csrw mie, t0
  csrsi mstatus, 8
  la a1, word
  la a2, other
loop:
  addi a3, a3, 1
  amoadd.d a4, a3, (a1)
retry:
  lr.d t1, (a2)
  add t1, t1, a4
  sc.d t2, t1, (a2)
  bnez t2, retry
  andi t1, a3, 63
  bnez t1, loop
  wfi
  j loop

  .balign 4
machine:
  csrrw s1, mscratch, s1
  sd t0, 0(s1)
  sd t1, 8(s1)
  csrr t0, mcause
  andi t0, t0, 15
  addi t0, t0, -3
  beqz t0, software
  ld t0, (s6)
  add t0, t0, s5
  sd t0, (s4)
  addi s7, s7, 1
  li t1, 10
  remu t0, s7, t1
  bnez t0, leave
  li t0, 0x02000000
  xori t1, s0, 1
  slli t1, t1, 2
  add t0, t0, t1
  li t1, 1
  sw t1, (t0)
  j leave
software:
  li t0, 0x02000000
  slli t1, s0, 2
  add t0, t0, t1
  sw zero, (t0)
  addi s8, s8, 1
leave:
  ld t0, 0(s1)
  ld t1, 8(s1)
  csrrw s1, mscratch, s1
  mret

  .balign 64
word: .dword 0
  .balign 64
other: .dword 0
  .balign 64
stack: .zero 128
`;
const harts = 2;
const limit = 300_000;
const config = { harts, lookaheadNs: 5_000 };
const fresh = (translator?: MachineConfig['translator']): Bench => new Bench(busy, { ...config, translator });
const uncut = fresh().run(limit).state();

describe('a run', () => {
  it('does something worth comparing', () => {
    const bench = fresh().run(limit);
    for (const { context } of bench.machine.harts) {
      expect(context.x(23)).toBeGreaterThan(20n); // timer interrupts
      expect(context.x(24)).toBeGreaterThan(2n); // IPIs
    }
    expect(bench.memory('other')).toBeGreaterThan(0n);
  });

  it('comes to the same state and trace hash in another machine', () => {
    expect(fresh().run(limit).state()).toEqual(uncut);
  });

  it('comes to the same state however it is cut into slices', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9_000 }), { minLength: 1, maxLength: 40 }), (slices) => {
        const bench = fresh();
        for (let at = 0, index = 0; at < limit; index++) {
          at = Math.min(limit, at + slices[index % slices.length]!);
          bench.run(at);
        }
        expect(bench.state()).toEqual(uncut);
      }),
      { numRuns: 15 },
    );
  });

  it('comes to the same state one instruction at a time', () => {
    const whole = fresh().run(20_000).state();
    const bench = fresh();
    for (let at = 1; at <= 20_000; at++) bench.run(at);
    expect(bench.state()).toEqual(whole);
  });

  it('comes to the same state under an observer of every instruction', () => {
    const whole = fresh().run(20_000).state();
    const bench = fresh();
    let seen = 0;
    bench.machine.onInstruction = { before: () => {}, after: () => seen++ };
    expect(bench.run(20_000).state()).toEqual(whole);
    expect(seen).toBeGreaterThan(5_000);
  });

  it('goes on in a new machine from wherever it was saved', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: limit - 1 }), { minLength: 1, maxLength: 3 }), (points) => {
        let bench = fresh();
        for (const point of [...points].sort((a, b) => a - b)) {
          bench.run(point);
          const saved = bench.machine.save();
          bench = fresh();
          bench.machine.load(structuredClone(saved));
        }
        expect(bench.run(limit).state()).toEqual(uncut);
      }),
      { numRuns: 6 },
    );
  });

  it('goes on in a new machine that translates earlier, later or not at all', () => {
    const translators = [{ threshold: 2, patience: 0 }, false, { threshold: 300, patience: 2000 }, {}] as const;
    let bench = fresh(translators[0]);
    for (let part = 1; part < translators.length; part++) {
      bench.run((limit * part) / translators.length);
      const saved = bench.machine.save();
      bench = fresh(translators[part]);
      bench.machine.load(structuredClone(saved));
    }
    expect(bench.run(limit).state()).toEqual(uncut);
  });

  it('goes on in a new machine with other limits, with its reservation', () => {
    const holding =
      'la a1, 1f\n lr.d t0, (a1)\n 2: addi t1, t1, 1\n bnez a0, 2b\n sc.d a2, t1, (a1)\n j .\n .balign 8\n 1: .dword 0';
    const limits = [{}, { banks: 64, regions: 64 }, { banks: 512, codeSlots: 64, contexts: 33 }];
    const outcomes = limits.map((other) => {
      const first = new Bench(holding, { limits: { banks: 100 } }).run(4);
      const second = new Bench(holding, { limits: other });
      second.machine.load(structuredClone(first.machine.save()));
      expect(second.run(50).x('a2')).toBe(0n);
      return second.state();
    });
    expect(outcomes).toEqual(limits.map(() => new Bench(holding).run(50).state()));
    const saved = fresh().run(150_000).machine.save();
    for (const other of limits) {
      const bench = new Bench(busy, { ...config, limits: other });
      bench.machine.load(structuredClone(saved));
      expect(bench.run(limit).state()).toEqual(uncut);
    }
  });

  it('takes the same path when the machine is saved and simply goes on', () => {
    const bench = fresh();
    for (let at = 10_007; at < limit; at += 60_013) {
      bench.run(at);
      bench.machine.save();
    }
    expect(bench.run(limit).state()).toEqual(uncut);
  });
});

describe('a saved machine', () => {
  it('is refused by a machine of another shape', () => {
    const saved = fresh().run(1_000).machine.save();
    expect(() => new Bench(busy, { harts: 1 }).machine.load(saved)).toThrow(/2 harts, this one has 1 hart$/);
    expect(() => new Bench(busy, { harts, ramSize: 2 << 20 }).machine.load(saved)).toThrow(/2M of RAM$/);
    const { machine } = new Bench(busy, { ...config, limits: { contexts: 8 } });
    machine.memory.u32[(machine.memory.layout.contexts + 6 * 2048) >>> 2] = 1;
    const crowded = new Bench(busy, { ...config, limits: { contexts: 2 } }).machine;
    expect(() => crowded.load(machine.save())).toThrow(/more than 2 contexts$/);
  });
});
