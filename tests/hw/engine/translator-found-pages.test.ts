// Pages that a region has found stay found while it runs, and no longer.

import { expect, it } from 'vitest';
import { enterSupervisor, ram } from '../machine/bench.ts';
import { BothEngines } from './both-engines.ts';
import { PageTables, rwxad } from './page-tables.ts';

/** A program in S-mode whose page at a3 the entry at a4 maps; a5 turns that over to another page. */
function supervised(body: string): BothEngines {
  const both = new BothEngines(`
${enterSupervisor}
  .balign 4
supervisor:
  csrw satp, a2
${body}
  .balign 4
machine:
  j .
`);
  const page = 0x1_0000n;
  return both.each((bench, { context }) => {
    const tables = new PageTables(bench, ram + 0x4_0000n, 3);
    tables.map(ram, ram, rwxad);
    const entry = tables.map(page, ram + 0x8_0000n, rwxad);
    tables.map(0x2_0000n, entry & ~0xfffn, rwxad);
    context.setX(12, BigInt.asIntN(64, tables.atp(8n)));
    context.setX(13, page);
    context.setX(14, 0x2_0000n + (entry & 0xfffn));
    context.setX(15, 1n << 10n);
  });
}

it('a page that gets code between two entries of a region is not stored to unnoticed', () => {
  const both = supervised(`
  li s4, 0x00148493 # addi s1, s1, 1
  li s5, 0x8067 # ret
  li s6, 1 << 20
again:
  li t3, 12
1: sw s4, (a3)
  sw s5, 4(a3)
  addi t3, t3, -1
  bnez t3, 1b
  li t3, 12
2: jalr a3
  addi t3, t3, -1
  bnez t3, 2b
  add s4, s4, s6
  li t1, 0x7f048493
  bltu s4, t1, again
  li s4, 0x00148493
  j again
`).run(30_000);
  expect(both.regionsEntered('paged')).toBeGreaterThan(0);
  expect(both.regionsEntered('open')).toBe(0);
  expect(both.statistics.dropped).toBeGreaterThan(3);
});

it('a page that is mapped elsewhere between two entries of a region is found there', () => {
  const both = supervised(`
again:
  li t3, 24
1: ld t1, (a3)
  addi t1, t1, 1
  sd t1, (a3)
  addi t3, t3, -1
  bnez t3, 1b
  ld t1, (a4)
  xor t1, t1, a5
  sd t1, (a4)
  sfence.vma
  j again
`).run(20_000);
  expect(both.regionsEntered('paged')).toBeGreaterThan(0);
  expect(both.regionsEntered('open')).toBe(0);
  both.each((bench) => {
    for (const page of [0x8_0000n, 0x8_1000n]) expect(bench.memory(ram + page)).toBeGreaterThan(1000n);
  });
});
