// M-mode's loads and stores in regions, which look nothing up: where they must not reach, and when they must not be made so.

import { describe, expect, it } from 'vitest';
import { ram } from '../machine/bench.ts';
import { BothEngines, skippingTraps } from './both-engines.ts';
import { PageTables, rwxad } from './page-tables.ts';

const ramSize = 1 << 20;
const translated = (both: BothEngines, cycles: number): BothEngines => {
  both.run(cycles);
  expect(both.regionsEntered('open')).toBeGreaterThan(0);
  return both;
};

describe('an access of M-mode', () => {
  const accesses = [
    ['lbu', 'sb', 1],
    ['lhu', 'sh', 2],
    ['lw', 'sw', 4],
    ['ld', 'sd', 8],
  ] as const;

  it.each(accesses)('faults as soon as it reaches beyond either end of RAM: %s, %s', (load, store) => {
    const both = new BothEngines(
      `
  la t0, machine
  csrw mtvec, t0
outer:
  mv a4, a3
  li t3, 24
1: .option norvc
  ${load} t2, (a4)
  add s1, s1, t2
  ${store} s1, (a4)
  .option rvc
  addi a4, a4, 1
  addi t3, t3, -1
  bnez t3, 1b
  j outer
${skippingTraps}`,
      {},
      { ramSize },
    );
    for (const start of [ram + BigInt(ramSize) - 16n, ram - 12n, -12n]) {
      both.each((_, { context }) => context.setX(13, BigInt.asIntN(64, start)));
      translated(both, 8000);
    }
    both.each((_, { context }) => expect(context.x(18)).toBeGreaterThan(0n));
  });

  it.each([
    ['sw s4, (a3)', 'that reaches code'],
    ['sd t1, -4(a3)', 'whose second half reaches code'],
  ])('changes it: %s, %s', (store) => {
    const both = new BothEngines(
      `
  la a3, code
  li s4, 0x00148493 # addi s1, s1, 1
  li s5, 1 << 20
again:
  slli t1, s4, 32
  ${store}
  li t3, 30
1: jal ra, code
  addi t3, t3, -1
  bnez t3, 1b
  add s4, s4, s5
  li t1, 0x7ff48493
  bltu s4, t1, again
  j .
  .balign 4096
  .space 4096
code:
  addi s1, s1, 1
  nop
  ret
`,
      {},
      { ramSize },
    );
    translated(both, 20_000);
  });

  it('is told of if it stores to a watched page, however hot it is', () => {
    const both = new BothEngines(
      `
again:
  addi s1, s1, 1
  xor s2, s2, s1
  slli t1, s1, 13
  and t1, t1, a4
  add t1, t1, a3
  sd s2, (t1)
  j again
`,
      {},
      { ramSize },
    );
    const seen = new Map<unknown, string[]>();
    both.each((bench, { context }) => {
      const stores: string[] = [];
      seen.set(bench, stores);
      const { machine } = bench;
      machine.bus.onWatched = (address, size) => {
        stores.push(`${bench.memory(BigInt(address), size)}/${size} at ${machine.now}`);
      };
      machine.engine.watch(Number(ram) + 0xa_0000);
      context.setX(13, ram + 0x8_0000n);
      context.setX(14, 0x2_0000n);
    });
    translated(both, 8000);
    expect(seen.get(both.translator)).toEqual(seen.get(both.interpreter));
    expect(seen.get(both.translator)!.length).toBeGreaterThan(500);
  });

  it('is refused once an entry of the PMP that forbids it is locked', () => {
    const both = new BothEngines(
      `
  la t0, machine
  csrw mtvec, t0
  li a2, 600
again:
  li t3, 8
  .option norvc
1: ld t2, (a3)
  addi t2, t2, 1
  sd t2, (a3)
  sd t2, (a4)
  .option rvc
  addi t3, t3, -1
  bnez t3, 1b
  addi a2, a2, -1
  bnez a2, again
  csrr t0, pmpcfg0
  ori t0, t0, 0x80
  csrw pmpcfg0, t0
  li a2, 600
  j again
${skippingTraps}`,
      {},
      { ramSize },
    );
    both.each((_, { context }) => {
      context.setX(13, ram + 0x8_0000n);
      context.setX(14, ram + 0xa_0000n);
      context.setCsr('pmpaddr0', ((ram + 0x8_0000n) >> 2n) | 0x1ffn);
      context.setCsr('pmpaddr1', (1n << 54n) - 1n);
      context.setCsr('pmpcfg0', 0x1f18n);
    });
    translated(both, 80_000);
    both.each((_, { context }) => expect(context.x(18)).toBeGreaterThan(0n));
  });

  it('is translated while mstatus.MPRV says so', () => {
    const both = new BothEngines(
      `
  li a2, 0x21800 # MPRV, and MPP: M
  li a5, 0x1000 # MPP's upper bit
  csrw satp, a4
  csrs mstatus, a2
again:
  csrc mstatus, a5 # S
  jal ra, count
  csrs mstatus, a5 # M
  jal ra, count
  addi s1, s1, 1
  j again
count:
  li t3, 8
1: ld t2, (a3)
  addi t2, t2, 1
  sd t2, (a3)
  addi t3, t3, -1
  bnez t3, 1b
  ret
`,
      {},
      { ramSize },
    );
    both.each((bench, { context }) => {
      const tables = new PageTables(bench, ram + 0x4_0000n, 3);
      tables.map(ram, ram, rwxad);
      tables.map(ram + 0x8_0000n, ram + 0x9_0000n, rwxad);
      bench.openMemory();
      context.setX(13, ram + 0x8_0000n);
      context.setX(14, BigInt.asIntN(64, tables.atp(8n)));
    });
    translated(both, 40_000);
    expect(both.regionsEntered('paged')).toBeGreaterThan(0);
    both.each((bench) => {
      expect(bench.memory(ram + 0x8_0000n)).toBeGreaterThan(1000n);
      expect(bench.memory(ram + 0x9_0000n)).toBeGreaterThan(1000n);
    });
  });
});
