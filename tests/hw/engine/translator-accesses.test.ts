// What a region leaves to the interpreter, in directed programs: accesses across pages, floating point that is off or rounds otherwise,
// and what a region's shape decides: where it begins, how long its ways are, where it goes on.

import { describe, expect, it } from 'vitest';
import { enterSupervisor, ram } from '../machine/bench.ts';
import { BothEngines, skippingTraps } from './both-engines.ts';
import { PageTables, pte, rwxad } from './page-tables.ts';

describe('an access across the end of a page', () => {
  const accesses = [
    ['lh', 'sh', 2],
    ['lw', 'sw', 4],
    ['ld', 'sd', 8],
  ] as const;

  /** Loads and stores around the end of a page whose neighbour lies elsewhere, by the stack pointer and by another register. */
  const source = (load: string, store: string): string => `
${enterSupervisor}
  .balign 4
supervisor:
  csrw satp, a2
outer:
  li t3, 24
  add a4, a3, zero
1: ${load} t1, (a4)
  xor s0, s0, t1
  mv sp, a4
  ${load} t2, (sp)
  add s1, s1, t2
  addi s2, s2, 0x55
  ${store} s2, (a4)
  addi s2, s2, 0x11
  ${store} s2, (sp)
  addi a4, a4, 1
  addi t3, t3, -1
  bnez t3, 1b
  j outer
  .balign 4
machine:
  j .
`;

  it.each(accesses)('reaches both pages, however the second is mapped: %s, %s', (load, store, size) => {
    const both = new BothEngines(source(load, store));
    both.each((bench, { context }) => {
      const tables = new PageTables(bench, ram + 0x4_0000n, 3);
      tables.map(ram, ram, rwxad);
      tables.map(0x7000n, ram + 0x1_0000n, rwxad);
      tables.map(0x8000n, ram + 0x1_8000n, rwxad);
      for (const page of [0x1_0ff0n, 0x1_1000n, 0x1_8000n]) bench.store(ram + page, 0x0102_0304_0506_0708n * 3n);
      context.setX(12, BigInt.asIntN(64, tables.atp(8n)));
      context.setX(13, 0x8000n - BigInt(size) - 8n);
    });
    both.runTranslated(6000);
  });
});

describe('an access that a page forbids', () => {
  /** A hart that was let in by a load, or by a store to a page that it may write, is not let in by a region for anything else. */
  const source = (load: string, store: string): string => `
${enterSupervisor}
  .balign 4
supervisor:
  csrw satp, a2
  mv sp, a3
again:
  li t3, 8
1: ${load}
  add s0, s0, t1
  addi t3, t3, -1
  bnez t3, 1b
  addi s1, s1, 1
  ${store}
  j again
${skippingTraps}`;

  it.each([
    ['a store where only loads are allowed', 'ld t1, (a3)', 'sd s0, (a3)'],
    ['a store by sp where only loads are allowed', 'ld t1, (sp)', 'sd s0, (sp)'],
    ['a store that goes on into such a page', 'ld t1, (a3)', 'sd s0, -4(a3)'],
    ['an atomic addition where only loads are allowed', 'ld t1, (a3)', 'amoadd.d t1, s1, (a3)'],
    ['a misaligned load that is atomic', 'ld t1, (a4)', 'lr.d t1, (a5)'],
    ['a misaligned addition that is atomic', 'sd s1, (a4)', 'amoadd.d t1, s1, (a5)'],
    ['a misaligned store that is conditional', 'lr.d t1, (a4)', 'sc.d t1, s1, (a5)'],
  ])('traps every time, in a loop and behind one: %s', (_, load, store) => {
    for (const [first, second] of [
      [load, store],
      [`${load}\n${store}`, store],
    ] as const) {
      const both = new BothEngines(source(first, second));
      both.each((bench, { context }) => {
        const tables = new PageTables(bench, ram + 0x4_0000n, 3);
        tables.map(ram, ram, rwxad);
        tables.map(0x6000n, ram + 0x2_0000n, rwxad);
        tables.map(0x7000n, ram + 0x1_0000n, rwxad & ~pte.w);
        context.setX(12, BigInt.asIntN(64, tables.atp(8n)));
        context.setX(13, 0x7000n);
        context.setX(14, 0x6100n);
        context.setX(15, 0x6104n);
      });
      both.runTranslated(5000);
      expect(both.interpreter.machine.harts[0]!.context.x(18)).toBeGreaterThan(10n);
    }
  });
});

describe('floating point', () => {
  const loop = (body: string): string => `
  la t0, machine
  csrw mtvec, t0
  li t0, 0x2000
  csrs mstatus, t0
  la a1, numbers
  fld fa0, (a1)
  fld fa1, 8(a1)
  flw fa2, 16(a1)
  flw fa3, 20(a1)
again:
  li t3, 12
1: ${body}
  addi t3, t3, -1
  bnez t3, 1b
  addi s0, s0, 1
  call change
  j again
  .balign 4
`;
  const numbers = `
  .balign 8
numbers:
  .dword 0x3fd5555555555555
  .dword 0xbff199999999999a
  .word 0x3eaaaaab
  .word 0xbf8ccccd
`;
  const arithmetic = `
  fadd.d fa4, fa0, fa1
  fmul.d fa5, fa4, fa0
  fmadd.d ft1, fa5, fa0, fa1
  fadd.s ft0, fa2, fa3
  fmul.s ft2, ft0, fa2
  fcvt.s.d ft3, fa5
  fcvt.w.d t1, fa4
  add s1, s1, t1
  fmv.x.d t1, ft1
  xor s2, s2, t1
`;

  it('rounds as frm says, and says what was inexact', () => {
    const both = new BothEngines(`${loop(arithmetic)}
change:
  li t1, 5
  remu t1, s0, t1
  csrw frm, t1
  csrr t1, fflags
  xor s4, s4, t1
  andi t1, s0, 1
  beqz t1, 1f
  csrw fflags, zero
1: ret
  .balign 4
machine:
  j .
${numbers}`);
    both.runTranslated(12_000);
  });

  it.each([
    ['an instruction of each kind', arithmetic],
    ...['fcvt.d.w fa4, t3, dyn', 'fcvt.d.s fa4, fa2, dyn', 'fcvt.w.d t1, fa4, dyn', 'fsqrt.d fa4, fa0, dyn'].map(
      (one) => [one, one],
    ),
    ['fsgnj.d fa4, fa0, fa1', 'fsgnj.d fa4, fa0, fa1'],
  ])('traps while it is off, and while frm is reserved if it depends on it: %s', (_, body) => {
    const both = new BothEngines(`${loop(body)}
change:
  andi t1, s0, 7
  li t2, 3
  beq t1, t2, 1f
  li t2, 5
  beq t1, t2, 2f
  ret
1: li t1, 0x6000
  csrc mstatus, t1
  ret
2: csrwi frm, 5
  ret
  .balign 4
machine:
  # What trapped is noted; every third time it is made possible again, before that it is skipped.
  csrr t1, mepc
  csrr t2, mtval
  xor s5, s5, t1
  add s5, s5, t2
  addi s6, s6, 1
  andi t2, s6, 3
  addi t1, t1, 4
  bnez t2, 1f
  addi t1, t1, -4
  li t2, 0x2000
  csrs mstatus, t2
  csrwi frm, 0
1: csrw mepc, t1
  mret
${numbers}`);
    both.runTranslated(24_000);
    expect(both.interpreter.x('s0')).toBeGreaterThan(40n);
  });

  it('in a region leaves mstatus.FS dirty if it wrote a register or a flag, and as it was if not', () => {
    const both = new BothEngines(`${loop(`
  fmv.x.d t1, fa0
  andi t2, s0, 7
  bnez t2, 2f
  fadd.d fa4, fa0, fa1
2: xor s2, s2, t1`)}
change:
  csrr t1, mstatus
  xor s4, s4, t1
  li t1, 0x4000
  csrc mstatus, t1
  li t1, 0x2000
  csrs mstatus, t1
  ret
  .balign 4
machine:
  j .
${numbers}`);
    both.runTranslated(8000);
  });
});

describe('a region', () => {
  it('whose loop is entered in two places goes round it from both', () => {
    new BothEngines(`
again:
  addi s0, s0, 1
  andi t1, s0, 1
  beqz t1, 2f
1: addi s1, s1, 3
  xor s2, s2, s1
2: addi s3, s3, 5
  xor s4, s4, s3
  andi t2, s3, 7
  bnez t2, 1b
  j again
`).runTranslated(6000);
  });

  it('into which a jump goes at any of its instructions goes on from there', () => {
    new BothEngines(`
  la a2, table
again:
  addi s0, s0, 1
  andi t1, s0, 3
  slli t1, t1, 2
  add t1, t1, a2
  jr t1
table:
  addi s1, s1, 1
  xor s2, s2, s1
  addi s3, s3, 2
  xor s4, s4, s3
  andi t2, s3, 15
  bnez t2, table + 8
  andi t2, s0, 7
  bnez t2, again
  csrr t2, mcycle
  xor s5, s5, t2
  j again
`).runTranslated(8000);
  });

  it('never runs beyond the cycles that are left, whichever way it takes', () => {
    const source = `
again:
  addi s0, s0, 1
  andi t1, s0, 1
  beqz t1, 1f
  addi s1, s1, 1
  addi s1, s1, 1
  addi s1, s1, 1
  addi s1, s1, 1
  andi t1, s0, 2
  beqz t1, 2f
  addi s2, s2, 1
1: addi s3, s3, 1
2: addi s4, s4, 1
  li t2, 3
3: addi s5, s5, 1
  xor s6, s6, s5
  addi t2, t2, -1
  bnez t2, 3b
  j again
`;
    new BothEngines(source).runTranslated(3000).run(400, 400).run(391, 23);
  });

  it('that is entered often is replaced by one that goes on where it ended, once', () => {
    const source = `
again:
  addi s0, s0, 1
  xor s1, s1, s0
  andi t1, s0, 63
  bnez t1, 1f
  addi s2, s2, 7
  xor s3, s3, s2
  addi s4, s4, 1
  xor s5, s5, s4
1: j again
`;
    const both = new BothEngines(source, { threshold: 80, entriesUntilLarge: 5 }).run(600, 6);
    const { regions, instructions } = both.statistics;
    expect(both.statistics.dropped).toBe(0);
    both.run(8000, 8);
    // Few slices, for their beginnings count as jumps.
    expect(both.statistics).toMatchObject({ regions: regions + 1, dropped: 1 });
    expect(both.statistics.instructions - instructions).toBeGreaterThan(instructions);
    expect(both.translator.machine.engine.translator!.alive.regions).toBe(regions);
  });
});
