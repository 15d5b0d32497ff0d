// Regions of several pages: they are entered only where their pages are what they were made from.

import { describe, expect, it } from 'vitest';
import { ram } from '../machine/bench.ts';
import { BothEngines } from './both-engines.ts';
import { PageTables, rwxad } from './page-tables.ts';

/** The code pages begin here, the tables there. */
const code = ram + 0x1000n;
const tables = ram + 0x8_0000n;

/** M-mode goes to S-mode at address 0 under satp a2 each time; an ecall exchanges a2 and a3. */
const monitor = `
  la t0, machine
  csrw mtvec, t0
  li t0, -1
  csrw pmpaddr0, t0
  li t0, 0x1f
  csrw pmpcfg0, t0
supervisor:
  csrw satp, a2
  csrw mepc, zero
  li t0, 0x0800
  csrs mstatus, t0
  mret
  .balign 4
machine:
  xor a2, a2, a3
  xor a3, a2, a3
  xor a2, a2, a3
  j supervisor
  .balign 4096
`;

/** Gives address spaces their pages: numbers of code pages, which lie from virtual address 0 on. */
function layOut(both: BothEngines, ...spaces: readonly (readonly number[])[]): BothEngines {
  return both.each((bench, { context }) => {
    spaces.forEach((pages, index) => {
      const one = new PageTables(bench, tables + 0x1_0000n * BigInt(index), 3);
      for (const [at, page] of pages.entries()) one.map(BigInt(at) << 12n, code + (BigInt(page) << 12n), rwxad);
      context.setX(12 + index, BigInt.asIntN(64, one.atp(8n) | (BigInt(index + 1) << 44n)));
    });
  });
}

/** Two pages that jump to each other; the third is in the second's place in the other address space. They switch every so often. */
const pair = (every: number, everyOther: number): string => `
${monitor}
  addi s0, s0, 1
  xor s1, s1, s0
  j second
  .balign 4096
second:
  addi s2, s2, 1
  andi t1, s2, ${every - 1}
  beqz t1, 1f
  j second - 4096
1: ecall
  .balign 4096
third:
  addi s3, s3, 1
  andi t1, s3, ${everyOther - 1}
  beqz t1, 1f
  j third - 4096
1: ecall
`;

describe('a region of two pages', () => {
  it('is not entered where the second is another one', () => {
    const both = layOut(new BothEngines(pair(32, 16)), [0, 1], [0, 2]).run(12_000);
    expect(both.statistics.regions).toBeGreaterThan(0);
  });

  it('goes when it could not be entered too often, and what is there now is translated', () => {
    const both = layOut(new BothEngines(pair(32, 2048), { entriesUntilLarge: 1_000_000 }), [0, 1], [0, 2]).run(1000);
    expect(both.statistics.dropped).toBe(0);
    const { regions } = both.statistics;
    both.run(5000);
    expect(both.statistics).toMatchObject({ regions, dropped: 0 });
    both.run(5000);
    expect(both.statistics.dropped).toBe(1);
    expect(both.statistics.regions).toBeGreaterThan(regions);
  });

  it('stays as long as it is entered more often than it could not be', () => {
    // Each turn ends in an instruction that is no part of it, so that each is an entry.
    const source = pair(64, 16).replaceAll('andi t1, s', 'csrr t1, sscratch\n  andi t1, s');
    const both = layOut(new BothEngines(source, { threshold: 50, entriesUntilLarge: 1_000_000 }), [0, 1], [0, 2]);
    both.run(10_000, 4);
    both.run(90_000, 9);
    expect(both.statistics.dropped).toBe(0);
    expect(both.interpreter.machine.harts[0]!.context.x(19)).toBeGreaterThan(1500n);
  });

  it('is looked for before it is entered for the first time, at address 0 as anywhere', () => {
    const both = layOut(new BothEngines(pair(32, 16)), [0, 1], [0, 2]);
    for (let cycle = 0; cycle < 200 && both.statistics.regions === 0; cycle++) both.run(1, 1);
    expect(both.statistics.regions).toBe(1);
    both.each((bench, { context }) => {
      context.pc = bench.address('machine');
      context.set('privilege', 3);
      bench.machine.engine.chooseBanks(bench.machine.harts[0]!);
    });
    both.run(200, 1);
  });

  it('is found again when a page of code elsewhere has taken the place of its second in the TLB', () => {
    const far = 0x40_0000;
    const source = `
again:
  addi s0, s0, 1
  andi t1, s0, 15
  bnez t1, 1f
  la t2, second
  li t3, ${far}
  add t2, t2, t3
  jalr t2
1: j second
  .balign 4096
second:
  addi s2, s2, 1
  xor s3, s3, s2
  j again
`;
    const both = new BothEngines(source, {}, { ramSize: 8 << 20 });
    // addi s4, s4, 1; ret
    both.each((bench) => bench.store(bench.address('second') + BigInt(far), 0x0000_8067_001a_0a13n)).run(4000);
    expect(both.statistics.regions).toBeGreaterThan(0);
  });

  it.each([
    'nop',
    'sfence.vma',
    'sfence.vma a6, zero',
    'sfence.vma a6, a7',
    'sfence.vma zero, a7',
    'sinval.vma a6, a7',
  ])('is left for what its second page is mapped to from the next fetch on: %s', (fence) => {
    const both = layOut(
      new BothEngines(`
${monitor}
  addi s0, s0, 1
  andi t1, s0, 31
  bnez t1, 1f
  ld t1, (a4)
  xor t1, t1, a5
  sd t1, (a4)
  ${fence}
  # Not to the second page: only the region's entry finds out.
  j second - 4096
1: j second
  .balign 4096
second:
  addi s2, s2, 1
  xor s4, s4, s2
  j second - 4096
  .balign 4096
third:
  addi s3, s3, 1
  xor s5, s5, s3
  j third - 4096
`),
      [0, 1],
    );
    both.each((bench, { context }) => {
      const space = new PageTables(bench, tables, 3);
      const entry = space.map(0x1000n, code + 0x1000n, rwxad);
      space.map(0x8000n, entry & ~0xfffn, rwxad);
      context.setX(14, 0x8000n + (entry & 0xfffn));
      context.setX(15, ((code + 0x1000n) ^ (code + 0x2000n)) >> 2n);
      context.setX(16, 0x1000n);
      context.setX(17, 1n);
    });
    both.run(6000);
    expect(both.statistics.regions).toBeGreaterThan(0);
    expect(both.interpreter.x('s0')).toBeGreaterThan(100n);
  });

  it('goes when its second page loses its predecoded code, of which stores are not watched any more', () => {
    const both = new BothEngines(`
  la a1, second
  la a2, patch
  lw a3, (a2)
  li a4, 0x00100000
again:
  addi s0, s0, 1
  andi t1, s0, 31
  bnez t1, 3f
  # So many stores make the page data; then its code is changed, too.
  li t2, 70
1: sw s0, 64(a1)
  addi t2, t2, -1
  bnez t2, 1b
  add a3, a3, a4
  sw a3, (a2)
  fence.i
3: j second
  .balign 4096
second:
  xor s3, s3, s2
patch:
  addi s2, s2, 1
  j again
`).run(12_000);
    expect(both.statistics.dropped).toBeGreaterThan(3);
  });

  it('goes when its second page is stored to, wherever the store comes from', () => {
    const both = new BothEngines(`
  la a2, patch
  lw a3, (a2)
  li a4, 0x00100000
again:
  addi s0, s0, 1
  andi t1, s0, 31
  bnez t1, 3f
  add a3, a3, a4
  sw a3, (a2)
  fence.i
3: j second
  .balign 4096
second:
  xor s3, s3, s2
  addi s4, s4, 5
patch:
  addi s2, s2, 1
  j again
`).run(6000);
    expect(both.statistics.dropped).toBeGreaterThan(3);
  });
});

describe('an instruction that straddles two pages, in a region', () => {
  const store = (value: string): string => `
  la a2, straddler
  li a3, ${value}
again:
  addi s0, s0, 1
  xor s4, s4, s0
  andi t1, s0, 31
  beqz t1, change
  j around
change:
  addi a3, a3, 16
  sh a3, 2(a2)
  fence.i
  j around
  .balign 4096
  .zero 4088
around:
  xor s3, s3, s2
  .half 0x0001
straddler:
  addi s2, s2, 1
  xor s5, s5, s2
  j again
`;

  it('changes with the half of it that is in the second page', () => {
    const both = new BothEngines(store('0x0019')).run(8000);
    expect(both.statistics.dropped).toBeGreaterThan(3);
  });

  it('is another one where the second page is', () => {
    const both = layOut(
      new BothEngines(`
${monitor}
  j around
  .zero 4080
around:
  addi s0, s0, 1
  .half 0x0001
  addi s2, s2, 1
  andi t1, s2, 31
  beqz t1, 1f
  j around
1: ecall
  .balign 4096
  .half 0x0029
  andi t1, s2, 15
  beqz t1, 1f
  j . - 20
1: ecall
`),
      [0, 1],
      [0, 2],
    ).run(8000);
    expect(both.statistics.regions).toBeGreaterThan(0);
  });
});
