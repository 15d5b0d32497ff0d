// What a machine remembers of code is bounded: the rest is found again, and nothing else changes.

import { describe, expect, it } from 'vitest';
import type { MemoryLimits } from '../../../hw/engine/layout.ts';
import type { MachineConfig } from '../../../hw/machine/machine.ts';
import { Bench, enterSupervisor, ram } from '../machine/bench.ts';
import { PageTables, rwxad } from './page-tables.ts';

const pages = 24;

/** Goes round functions on pages of their own, which change each other and end in an instruction that straddles two pages. */
const walk = `
  li s1, 40
  li s4, 1
round:
  li s2, ${pages}
  la s3, functions
next:
  jalr s3
  li t1, 0x3000
  add s3, s3, t1
  addi s2, s2, -1
  bnez s2, next
  addi s1, s1, -1
  bnez s1, round
  j .
  .balign 4096
functions:
${Array.from(
  { length: pages },
  (_, index) => `
  li t0, 5
1: add s0, s0, t0
  addi t0, t0, -1
  bnez t0, 1b
patch${index}:
  addi s0, s0, 1
  la t1, patch${(index + 7) % pages}
  lw t2, (t1)
  xor t2, t2, s4
  slli t3, s1, 20
  xor t2, t2, t3
  andi t4, s1, 3
  bnez t4, 2f
  sw t2, (t1)
  xor t2, t2, s4
  sw t2, (t1)
  fence.i
2: j 3f
  .balign 4096
  .zero 4094
3: addi s0, s0, 3
  ret
  .balign 4096
`,
).join('')}`;

/** What a machine with these limits computes, and how much code it remembers in the end. */
function walked(limits: MemoryLimits, translator: MachineConfig['translator']) {
  const bench = new Bench(walk, { ramSize: 1 << 20, limits, translator });
  bench.run(60_000);
  const { machine } = bench;
  machine.hashMemory();
  return { hash: machine.hash.value, sum: bench.x('s0'), remembered: machine.engine.code.count };
}

describe('memory for code', () => {
  it('is bounded, and how much there is changes no result', () => {
    const { hash, sum, remembered } = walked({}, false);
    expect(remembered).toBeGreaterThan(2 * pages);
    for (const codeSlots of [1, 10, 40]) {
      for (const translator of [false, { threshold: 2, patience: 20_000 }] as const) {
        const small = walked({ codeSlots }, translator);
        expect([codeSlots, small.hash, small.sum]).toEqual([codeSlots, hash, sum]);
        expect(small.remembered).toBeLessThanOrEqual(codeSlots);
      }
    }
  });
});

/** Host memory that is not zero between two offsets, in pages. */
function touchedPages({ machine }: Bench, from: number, to: number): number {
  const { u32 } = machine.memory;
  let touched = 0;
  for (let page = from >>> 12; page < to >>> 12; page++) {
    for (let at = page << 10; at < (page + 1) << 10; at++) {
      if (u32[at] === 0) continue;
      touched++;
      break;
    }
  }
  return touched;
}

describe('host memory', () => {
  it('is not touched for address spaces and code that there are not', () => {
    const bench = new Bench(
      `
      ${enterSupervisor}
      .balign 4
    supervisor:
      csrw satp, a1
      j .
      .balign 4
    machine:
      j .
    `,
      { ramSize: 1 << 20, limits: { codeSlots: 64 } },
    );
    const tables = new PageTables(bench, ram + 0x2_0000n, 3);
    tables.map(ram, ram, rwxad);
    bench.store(ram + 0x8000n, tables.atp(8n));
    bench.run(10_000);
    const { layout } = bench.machine.memory;
    // One bank for each of M-mode, S-mode without translation, and S-mode with it.
    expect(touchedPages(bench, layout.banks, layout.regions)).toBeLessThanOrEqual(3 * 13);
    expect(touchedPages(bench, layout.code, layout.rom)).toBeLessThanOrEqual(8);
  });
});
