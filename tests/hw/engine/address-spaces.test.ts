import { describe, expect, it } from 'vitest';
import { Bench, enterSupervisor, ram } from '../machine/bench.ts';
import { PageTables, rwxad } from './page-tables.ts';

const spaces = 400;
const virtual = 0x40_0000n;
const atps = ram + 0x3000n;

/** S-mode goes round all address spaces twice, and adds up what the same address holds in each. */
const source = `
  ${enterSupervisor}
  .balign 4
supervisor:
  li s1, 2
round:
  li a1, ${atps}
  li a2, ${spaces}
next:
  ld t0, (a1)
  csrw satp, t0
  li t1, ${virtual}
  ld t2, (t1)
  add s0, s0, t2
  addi t2, t2, 1
  sd t2, (t1)
  addi a1, a1, 8
  addi a2, a2, -1
  bnez a2, next
  addi s1, s1, -1
  bnez s1, round
  ecall
  .balign 4
machine:
  csrr a3, mcause
  j .
`;

describe('address spaces', () => {
  it('keep to themselves, however many there are and however seldom software fences', () => {
    const bench = new Bench(source, { ramSize: 16 << 20 });
    let expected = 0n;
    for (let index = 0n; index < BigInt(spaces); index++) {
      const tables = new PageTables(bench, ram + 0x10_0000n + index * 0x8000n, 3);
      // Four spaces share a page; the code and the list of spaces are in each.
      const page = ram + 0x1_0000n + (index / 4n) * 0x1000n;
      tables.map(virtual, page, rwxad);
      tables.map(ram, ram, rwxad);
      tables.map(atps, atps, rwxad);
      bench.store(page, (index / 4n) * 10n);
      bench.store(atps + index * 8n, tables.atp(8n) | ((index + 1n) << 44n));
    }
    for (let round = 0n; round < 2n; round++) {
      for (let index = 0n; index < BigInt(spaces); index++) expected += (index / 4n) * 10n + (index % 4n) + 4n * round;
    }
    bench.run(100_000);
    expect([bench.x('a3'), bench.x('s0')]).toEqual([9n, expected]);
  });

  it('with the same ASID see a change after a fence for the address', () => {
    const bench = new Bench(`
      ${enterSupervisor}
      .balign 4
    supervisor:
      csrw satp, a1
      ld s0, (a2)
      sd a4, (a3)
      sfence.vma a2, zero
      ld s1, (a2)
      ecall
      .balign 4
    machine:
      j .
    `);
    const tables = new PageTables(bench, ram + 0x2_0000n, 3);
    tables.map(ram, ram, rwxad);
    const entry = tables.map(virtual, ram + 0x4000n, rwxad);
    for (let page = 0n; page < 16n; page++)
      tables.map(ram + 0x2_0000n + (page << 12n), ram + 0x2_0000n + (page << 12n), rwxad);
    bench.store(ram + 0x4000n, 1n);
    bench.store(ram + 0x5000n, 2n);
    const { context } = bench.machine.harts[0]!;
    context.setX(11, tables.atp(8n));
    context.setX(12, virtual);
    context.setX(13, entry);
    context.setX(14, (((ram + 0x5000n) >> 12n) << 10n) | rwxad);
    bench.run(200);
    expect([bench.x('s0'), bench.x('s1')]).toEqual([1n, 2n]);
  });
});

describe('physical memory protection', () => {
  it('holds for translated addresses and for the tables themselves, and M-mode is free of it unless locked', () => {
    const data = ram + 0x4000n;
    const run = (protect: bigint, locked: boolean): { cause: bigint; tval: bigint } => {
      const bench = new Bench(`
        la t0, machine
        csrw mtvec, t0
        csrw pmpaddr0, a2
        li t0, -1
        csrw pmpaddr1, t0
        li t0, ${0x1f00 | (locked ? 0x98 : 0x18)}
        csrw pmpcfg0, t0
        ld t1, (a3)
        li t0, 0x1800
        csrc mstatus, t0
        li t0, 0x0800
        csrs mstatus, t0
        la t0, supervisor
        csrw mepc, t0
        csrw satp, a1
        mret
      supervisor:
        ld s0, (a4)
        ecall
        .balign 4
      machine:
        csrr a1, mcause
        csrr a2, mtval
        j .
      `);
      const tables = new PageTables(bench, ram + 0x2_0000n, 3);
      tables.map(ram, ram, rwxad);
      tables.map(virtual, data, rwxad);
      const { context } = bench.machine.harts[0]!;
      context.setX(11, tables.atp(8n));
      // NAPOT: 4 KiB.
      context.setX(12, (protect >> 2n) | 0x1ffn);
      context.setX(13, protect);
      context.setX(14, virtual);
      bench.run(200);
      return { cause: bench.x('a1'), tval: bench.x('a2') };
    };
    expect(run(ram + 0x8000n, false).cause).toBe(9n);
    expect(run(data, false)).toEqual({ cause: 5n, tval: virtual });
    expect(run(ram + 0x2_0000n, false).cause).toBe(1n);
    expect(run(data, true)).toEqual({ cause: 5n, tval: data });
  });
});
