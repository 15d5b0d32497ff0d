// What machine code must not do by itself: directed programs in which an interrupt is due, a counter is closed, or someone wants to leave.

import { describe, expect, it } from 'vitest';
import type { CsrSlot } from '../../../hw/engine/layout.ts';
import { Bench } from '../machine/bench.ts';

const modes = [
  ['VS-mode', 1, true],
  ['VU-mode', 0, true],
  ['U-mode', 0, false],
  ['S-mode', 1, false],
] as const;

/** The cause of the first trap that an instruction raises, or else an environment call after it: 8 to 10. */
function causeIn(
  privilege: 0 | 1,
  virtual: boolean,
  instruction: string,
  csrs: Partial<Record<CsrSlot, bigint>>,
): number {
  const bench = new Bench(`
  ${instruction}
  ecall
  .balign 4
machine:
  j .
`);
  const { context } = bench.machine.harts[0]!;
  context.setCsr('mtvec', bench.address('machine'));
  for (const [csr, value] of Object.entries(csrs)) context.setCsr(csr as CsrSlot, value);
  bench.enter(privilege, virtual).run(20);
  return Number(context.csr('mcause'));
}

describe('a counter', () => {
  it.each(modes)(
    'can be read in %s unless mcounteren, hcounteren or scounteren close it there',
    (_, privilege, virtual) => {
      const call = virtual && privilege === 1 ? 10 : 8 + privilege;
      for (const counter of ['cycle', 'time', 'instret']) {
        const open = { mcounteren: 7n, hcounteren: 7n, scounteren: 7n };
        const cause = (closed?: keyof typeof open): number =>
          causeIn(privilege, virtual, `csrr t0, ${counter}`, { ...open, ...(closed && { [closed]: 0n }) });
        expect(cause()).toBe(call);
        expect(cause('mcounteren')).toBe(2);
        expect(cause('hcounteren')).toBe(virtual ? 22 : call);
        expect(cause('scounteren')).toBe(privilege === 0 ? (virtual ? 22 : 2) : call);
      }
    },
  );
});

describe('a fence for an address', () => {
  const causeOfFence = (privilege: 0 | 1, virtual: boolean, vm: boolean): number =>
    causeIn(privilege, virtual, 'sfence.vma a1, zero', vm ? { mstatus: 1n << 20n, hstatus: 1n << 20n } : {});

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
    const start = bench.pc();
    bench.openMemory().run(50);
    expect(bench.x('a1')).toBe(start + 4n);
    expect(bench.x('s0')).toBe(0n);
  });
});
