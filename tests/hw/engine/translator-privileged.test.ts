// What machine code must not do by itself: directed programs in which an interrupt is due, a counter is closed, or someone wants to leave.

import { describe, expect, it } from 'vitest';
import { resetContext } from '../../../hw/hart/reset.ts';
import { Bench } from '../machine/bench.ts';

const modes = [
  ['VS-mode', 1, true],
  ['VU-mode', 0, true],
  ['U-mode', 0, false],
  ['S-mode', 1, false],
] as const;
type Closed = 'mcounteren' | 'hcounteren' | 'scounteren';

/** The cause of what a read of a counter raises, with all counters open but those that a CSR closes; 8 to 10: nothing. */
function causeOf(counter: string, privilege: 0 | 1, virtual: boolean, closed: Closed | undefined): number {
  const bench = new Bench(`
  csrr t0, ${counter}
  ecall
  .balign 4
machine:
  j .
`);
  const { context } = bench.machine.harts[0]!;
  resetContext(context, { pc: bench.pc(), privilege: 3 });
  for (const csr of ['mcounteren', 'hcounteren', 'scounteren'] as const) context.setCsr(csr, csr === closed ? 0n : 7n);
  context.setCsr('mtvec', bench.address('machine'));
  context.setCsr('pmpaddr0', (1n << 54n) - 1n);
  context.setCsr('pmpcfg0', 0x1fn);
  context.set('privilege', privilege);
  context.set('virtual', virtual ? 1 : 0);
  bench.machine.engine.chooseBanks(bench.machine.harts[0]!);
  bench.run(20);
  return Number(context.csr('mcause'));
}

describe('a counter', () => {
  it.each(modes)(
    'can be read in %s unless mcounteren, hcounteren or scounteren close it there',
    (_, privilege, virtual) => {
      const call = virtual && privilege === 1 ? 10 : 8 + privilege;
      for (const counter of ['cycle', 'time', 'instret']) {
        const cause = (closed?: Closed): number => causeOf(counter, privilege, virtual, closed);
        expect(cause()).toBe(call);
        expect(cause('mcounteren')).toBe(2);
        expect(cause('hcounteren')).toBe(virtual ? 22 : call);
        expect(cause('scounteren')).toBe(privilege === 0 ? (virtual ? 22 : 2) : call);
      }
    },
  );
});

describe('a fence for an address', () => {
  const causeOfFence = (privilege: 0 | 1, virtual: boolean, vm: boolean): number => {
    const bench = new Bench(`
  sfence.vma a1, zero
  ecall
  .balign 4
machine:
  j .
`);
    const { context } = bench.machine.harts[0]!;
    resetContext(context, { pc: bench.pc(), privilege: 3 });
    if (vm) context.setCsr('mstatus', 1n << 20n);
    if (vm) context.setCsr('hstatus', 1n << 20n);
    context.setCsr('mtvec', bench.address('machine'));
    context.setCsr('pmpaddr0', (1n << 54n) - 1n);
    context.setCsr('pmpcfg0', 0x1fn);
    context.set('privilege', privilege);
    context.set('virtual', virtual ? 1 : 0);
    bench.machine.engine.chooseBanks(bench.machine.harts[0]!);
    bench.run(20);
    return Number(context.csr('mcause'));
  };

  it('traps in U-mode and VU-mode, and where mstatus.TVM or hstatus.VTVM say so', () => {
    expect(causeOfFence(1, false, false)).toBe(9);
    expect(causeOfFence(1, false, true)).toBe(2);
    expect(causeOfFence(0, false, false)).toBe(2);
    expect(causeOfFence(1, true, false)).toBe(10);
    expect(causeOfFence(1, true, true)).toBe(22);
    expect(causeOfFence(0, true, false)).toBe(22);
  });
});

describe('an interrupt that is pending', () => {
  const software = 1n << 3n;
  const prepared = (source: string): Bench => {
    const bench = new Bench(`
${source}
  addi s0, s0, 1
  addi s0, s0, 1
  j .
  .balign 4
handler:
  csrr a1, mepc
  j .
`);
    const hart = bench.machine.harts[0]!;
    hart.context.setCsr('mtvec', bench.address('handler'));
    hart.context.setCsr('mepc', bench.pc() + 4n);
    hart.context.setCsr('sepc', bench.pc() + 4n);
    hart.context.setCsr('mie', software);
    bench.machine.setLines(hart, Number(software), true);
    return bench;
  };

  it.each([
    ['mret', 0x1880n],
    ['sret', 0x0100n],
    ['csrsi mstatus, 8', 0n],
  ])('is taken before the instruction after %s opens the way for it', (instruction, mstatus) => {
    const bench = prepared(instruction);
    const { context } = bench.machine.harts[0]!;
    context.setCsr('mstatus', mstatus);
    context.setCsr('pmpaddr0', (1n << 54n) - 1n);
    context.setCsr('pmpcfg0', 0x1fn);
    const start = bench.pc();
    bench.run(50);
    expect(bench.x('a1')).toBe(start + 4n);
    expect(bench.x('s0')).toBe(0n);
  });
});
