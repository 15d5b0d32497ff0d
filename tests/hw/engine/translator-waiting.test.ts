// Loops that only wait: translated, they make all turns of a slice at once, and nobody can tell.

import { describe, expect, it } from 'vitest';
import type { MachineConfig } from '../../../hw/machine/machine.ts';
import { Bench } from '../machine/bench.ts';

const eager = { threshold: 2, patience: 0 } as const;

const run = (source: string, cycles: number, config: Partial<MachineConfig>): Bench =>
  new Bench(source, config).run(cycles / 2).run(cycles);

/** What all engines agree on. */
function stateOf(source: string, cycles: number, config: Partial<MachineConfig> = {}): unknown {
  const interpreted = run(source, cycles, { ...config, translator: false }).state();
  for (const translator of [eager, { ...eager, threshold: 40 }, { ...eager, entriesUntilLarge: 3 }])
    expect(run(source, cycles, { ...config, translator }).state()).toEqual(interpreted);
  return interpreted;
}

/** Hart 0 waits as `loop` says, from `again` on, for what hart 1 does after a while. */
const acrossHarts = (loop: string): string => `
  la s0, flag
  li s1, 1000
  bnez a0, other
again:
  ${loop}
  addi s2, s2, 1
  j again
other:
  li t0, 30000
1: addi t0, t0, -1
  bnez t0, 1b
  addi s1, s1, 7
  sd s1, (s0)
  j other
  .balign 8
flag:
  .dword 0
`;

/** A timer interrupt every 100 us, while hart 0 is where `loop` says. */
const interrupted = (loop: string): string => `
  la t0, handler
  csrw mtvec, t0
  li s0, 0x0200bff8            # mtime
  li s1, 0x02004000            # mtimecmp
  li t0, 0x80
  csrw mie, t0
  call arm
  csrsi mstatus, 8
  li a3, 12345
  ${loop}
arm:
  ld t0, (s0)
  addi t0, t0, 1000
  sd t0, (s1)
  ret
  .balign 4
handler:
  addi s2, s2, 1
  csrr s3, mepc
  csrr s4, mcycle
  add s5, s5, s4
  call arm
  mret
`;

describe('a loop that only waits', () => {
  it('ends, to the cycle, when a word has the value that it waits for', () => {
    for (const loop of [
      '1: ld a1, (s0)\n beqz a1, 1b\n sd zero, (s0)',
      '1: ld a1, (s0)\n bnez a1, 2f\n fence 1, 0\n j 1b\n2: sd zero, (s0)',
      '1: lw a1, (s0)\n srli a2, a1, 2\n andi a2, a2, 1\n bne a2, zero, 2f\n fence 1, 0\n fence 1, 0\n j 1b\n2: sd zero, (s0)',
      '1: call relax\n ld a1, (s0)\n beqz a1, 1b\n sd zero, (s0)\n j 3f\nrelax: fence 1, 0\n ret\n3:',
    ]) {
      const state = stateOf(acrossHarts(loop), 2_000_000, { harts: 2 }) as { harts: { x: bigint[] }[] };
      expect(state.harts[0]!.x[18]).toBeGreaterThan(10n);
    }
  });

  it('is interrupted where it would have been', () => {
    for (const loop of ['1: j 1b', '1: nop\n j 1b', '1: nop\n nop\n addi a4, a3, 1\n j 1b', '1: bnez a3, 1b']) {
      const state = stateOf(interrupted(loop), 3_000_000) as { harts: { x: bigint[] }[] };
      expect(state.harts[0]!.x[18]).toBeGreaterThan(25n);
    }
  });

  it('costs the host no time, however long it waits', () => {
    // Turn by turn, a hundred seconds of it would take as long.
    const waited = new Bench('1: fence 1, 0\n j 1b', { translator: eager }).run(100e9);
    expect(waited.machine.instructionsOf(waited.machine.harts[0]!)).toBe(100e9);
  });
});

describe('a loop that is like one that waits', () => {
  it('but counts, stores, or changes what it reads, makes every turn', () => {
    for (const loop of [
      '1: addi a3, a3, 1\n j 1b',
      '1: addi a4, a3, 1\n mv a3, a4\n j 1b',
      '1: sd a3, (s6)\n addi a3, a3, 1\n j 1b',
      '1: li a4, 1\n amoadd.d a5, a4, (s6)\n j 1b',
      '1: lr.d a4, (s6)\n sc.d a5, s2, (s6)\n j 1b',
      '1: lw a4, (s6)\n andi a5, a3, 1\n beqz a5, 2f\n addi a3, a3, 2\n2: j 1b',
      '1: andi a5, a3, 1\n beqz a5, 2f\n li a3, 4\n j 1b\n2: li a3, 5\n j 1b',
      '1: csrr a3, mcycle\n j 1b',
    ])
      stateOf(interrupted(`li s6, 0x80008000\n${loop}`), 1_000_000);
  });

  it('is translated even if it has a single instruction besides its jump', () => {
    const made = new Bench('1: addi a3, a3, 1\n j 1b', { translator: eager }).run(1000).run(100_000);
    expect(made.machine.engine.translator!.statistics.regions).toBe(1);
    expect(made.x('a3')).toBe(50_000n);
  });
});
