import { describe, expect, it } from 'vitest';
import { Bench } from '../machine/bench.ts';

// slli + srli, addi + bne and addi + addi are pairs that the interpreter fuses.
const loop = (patch: string): string => `
    la t0, patch
    lw t1, replacement
    li s1, 4
  again:
    slli t2, s1, 60
  patch:
    srli t2, t2, 60
    add s0, s0, t2
    ${patch}
    addi s1, s1, -1
    bnez s1, again
    j .
  replacement:
    srli t2, t2, 56
`;

describe('a fused pair', () => {
  it('stops between its halves when the budget ends there', () => {
    const whole = new Bench(loop('nop'));
    whole.run(40);
    const single = new Bench(loop('nop'));
    for (let cycle = 1; cycle <= 40; cycle++) single.run(cycle);
    expect(whole.x('s0')).toBe(10n);
    expect(single.x('s0')).toBe(10n);
    expect(single.machine.hash.value).toBe(whole.machine.hash.value);
  });

  it('comes apart when its second half is stored over', () => {
    const bench = new Bench(loop('sw t1, (t0)\n fence.i'));
    // 4 once, then 3, 2, 1 in the upper half of the byte.
    expect(bench.run(1_000).x('s0')).toBe(4n + 16n * (3n + 2n + 1n));
  });

  it('is entered in the middle by a jump', () => {
    const bench = new Bench(`
      li s1, 3
      j middle
    again:
      addi s0, s0, 100
    middle:
      addi s0, s0, 1
      addi s1, s1, -1
      bnez s1, again
      j .
    `);
    expect(bench.run(1_000).x('s0')).toBe(203n);
  });

  it('of which the second half faults blames the second', () => {
    const bench = new Bench(`
      la t0, handler
      csrw mtvec, t0
      li s0, 0
      la t1, faulting
      add s0, s0, zero
      add s0, s0, zero
    faulting:
      ld s1, 0(s0)
      j .
      .balign 4
    handler:
      csrr a1, mepc
      sub s1, a1, t1
      j .
    `);
    bench.run(1_000);
    expect(bench.x('s1')).toBe(0n);
    expect(bench.x('a1')).toBe(bench.symbols.get('faulting'));
  });
});

it('words of zeros and of ones are no instructions, the first time and later', () => {
  const bench = new Bench(`
    la t0, machine
    csrw mtvec, t0
    .half 0, 0, 0
    .word 0xffffffff, 0xffffffff
    .half 0
    j .
    .balign 4
  machine:
    csrr t0, mcause
    add s0, s0, t0
    csrr t1, mtval
    csrr t0, mepc
    addi t0, t0, 2
    snez t1, t1
    slli t1, t1, 1
    add t0, t0, t1
    csrw mepc, t0
    mret
  `);
  bench.run(200);
  expect(bench.x('s0')).toBe(6n * 2n);
});
