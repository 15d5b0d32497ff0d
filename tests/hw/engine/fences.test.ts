// Which translations a fence for an address drops: those of its page, however large, in the address spaces that it names.

import { describe, expect, it } from 'vitest';
import { Bench, enterSupervisor, ram } from '../machine/bench.ts';
import { PageTables, rwxad } from './page-tables.ts';

const large = 0x4000_0000n;
const small = 0x7000_0000n;
const [before, after] = [ram + 0x4_0000n, ram + 0x4_1000n];
const megapage = ram & ~0x1f_ffffn;

/**
 * Reads through a large page and a small one, changes both mappings, executes `fence`, and reads again. The ASID is 5.
 * Returns whether the reads see the new mappings.
 */
function seesNew(fence: string): { large: boolean; small: boolean } {
  const bench = new Bench(
    `
    ${enterSupervisor}
    .balign 4
  supervisor:
    csrw satp, a0
    ld t0, (a1)
    ld t0, (a2)
    sd a4, (a3)
    sd s1, (s0)
    li t1, 5
    li t2, 6
    ${fence}
    ld a1, (a1)
    ld a2, (a2)
    ecall
    .balign 4
  machine:
    j .
  `,
    { ramSize: 4 << 20 },
  );
  const { context } = bench.machine.harts[0]!;
  const tables = new PageTables(bench, ram + 0x2_0000n, 3);
  tables.map(ram, ram, rwxad);
  for (let page = 0n; page < 16n; page++) {
    tables.map(ram + 0x2_0000n + (page << 12n), ram + 0x2_0000n + (page << 12n), rwxad);
  }
  const smallEntry = tables.map(small, before, rwxad);
  const largeEntry = tables.map(large, megapage, rwxad, 1);
  const smallPlace = before - megapage;
  bench.store(before, 1n);
  bench.store(after, 2n);
  // The large page moves by 2 MiB.
  bench.store(megapage + smallPlace + 0x20_0000n, 2n);
  const registers: [number, bigint][] = [
    [10, tables.atp(8n) | (5n << 44n)],
    [11, large + smallPlace],
    [12, small],
    [13, smallEntry],
    [14, ((after >> 12n) << 10n) | rwxad],
    [8, largeEntry],
    [9, (((megapage + 0x20_0000n) >> 12n) << 10n) | rwxad],
  ];
  for (const [index, value] of registers) context.setX(index, BigInt.asIntN(64, value));
  bench.run(10_000);
  return { large: bench.x('a1') === 2n, small: bench.x('a2') === 2n };
}

describe('a fence for an address', () => {
  it('drops what is cached of its page and leaves the others', () => {
    expect(seesNew(`li t0, ${small}\n sfence.vma t0, zero`)).toEqual({ large: false, small: true });
    expect(seesNew(`li t0, ${small + 0xff0n}\n sinval.vma t0, zero`)).toEqual({ large: false, small: true });
    expect(seesNew(`li t0, ${small + 0x1000n}\n sfence.vma t0, zero`)).toEqual({ large: false, small: false });
  });

  it('drops all of a large page, whichever part of it the address is in', () => {
    expect(seesNew(`li t0, ${large}\n sfence.vma t0, zero`).large).toBe(true);
    expect(seesNew(`li t0, ${large + 0x1f_ffffn}\n sfence.vma t0, zero`).large).toBe(true);
    expect(seesNew(`li t0, ${large + 0x20_0000n}\n sfence.vma t0, zero`).large).toBe(false);
    expect(seesNew(`li t0, ${large - 1n}\n sfence.vma t0, zero`).large).toBe(false);
  });

  it('that names an ASID leaves other address spaces alone', () => {
    expect(seesNew(`li t0, ${small}\n sfence.vma t0, t1`).small).toBe(true);
    expect(seesNew(`li t0, ${small}\n sfence.vma t0, t2`).small).toBe(false);
  });

  it('with x0 drops everything', () => {
    expect(seesNew('sfence.vma')).toEqual({ large: true, small: true });
  });
});
