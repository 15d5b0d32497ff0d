import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode } from '../../../hw/isa/decode.ts';
import { Bench, enterSupervisor, ram } from '../machine/bench.ts';
import { PageTables, rwxad } from './page-tables.ts';

/** Instructions of the loop that changes itself, and how often it runs between two changes. */
const loopLength = 12;
const rounds = 10;

/**
 * A loop that adds up immediates, run hot, then changed by the instructions in `patches` and run hot again: the place and the new
 * immediate of each, and in which order. Returns the sum.
 */
function sumOfChangingLoop(patches: readonly { place: number; immediate: number }[], slack: number): bigint {
  const bench = new Bench(
    `
      la t0, body
      la t1, patches
      li a1, ${patches.length}
    next:
      li a0, ${rounds}
    again:
      ${'addi a5, a5, 0\n'.repeat(slack)}
    body:
      ${'addi s0, s0, 1\n'.repeat(loopLength)}
      addi a0, a0, -1
      bnez a0, again
      beqz a1, end
      addi a1, a1, -1
      lw t2, 0(t1)
      lw a2, 4(t1)
      addi t1, t1, 8
      add t2, t2, t0
      sw a2, 0(t2)
      fence.i
      j next
    end:
      j end
      .balign 8
    patches:
      .zero ${patches.length * 8 + 8}
    `,
    { ramSize: 1 << 20 },
  );
  const table = bench.symbols.get('patches')!;
  for (const [i, { place, immediate }] of patches.entries()) {
    bench.store(table + BigInt(8 * i), BigInt(4 * place), 4);
    // addi s0, s0, immediate
    bench.store(table + BigInt(8 * i + 4), BigInt(immediate * 2 ** 20 + 0x40413), 4);
  }
  const perRound = slack + loopLength + 2;
  return bench.run((patches.length + 1) * (rounds * perRound + 12) + 100).x('s0');
}

it('translated code notices stores to itself', () => {
  const patch = fc.record({ place: fc.nat(loopLength - 1), immediate: fc.integer({ min: 0, max: 2047 }) });
  fc.assert(
    fc.property(fc.array(patch, { maxLength: 120, size: 'max' }), fc.nat(8), (patches, slack) => {
      const immediates = new Array<number>(loopLength).fill(1);
      const sum = (): number => rounds * immediates.reduce((all, each) => all + each, 0);
      let expected = sum();
      for (const { place, immediate } of patches) {
        immediates[place] = immediate;
        expected += sum();
      }
      expect(sumOfChangingLoop(patches, slack)).toBe(BigInt(expected));
    }),
    { numRuns: 40 },
  );
});

describe('a store to code', () => {
  it('changes the instruction that was executed a moment ago', () => {
    const bench = new Bench(`
      la t0, patch
      lw t1, replacement
      li s1, 3
    again:
    patch:
      addi s0, s0, 1
      sw t1, (t0)
      fence.i
      addi s1, s1, -1
      bnez s1, again
      j .
    replacement:
      addi s0, s0, 100
    `);
    expect(bench.run(1_000).x('s0')).toBe(201n);
  });

  it('over itself leaves the instruction whole that is executing', () => {
    const bench = new Bench(`
      la t0, here
      lw t1, replacement
      li s1, 2
    again:
    here:
      sw t1, (t0)
      addi s1, s1, -1
      bnez s1, again
      j .
    replacement:
      addi s0, s0, 7
    `);
    bench.run(1_000);
    expect(bench.x('s0')).toBe(7n);
  });

  it("by an AMO over itself writes the AMO's own rd and goes on behind it", () => {
    const bench = new Bench(`
      la t0, here
      lw t1, replacement
    here:
      amoswap.w s0, t1, (t0)
      j .
    replacement:
      addi s1, s1, 7
    `);
    bench.run(100);
    expect(decode(Number(BigInt.asUintN(32, bench.x('s0'))))?.rd).toBe(8);
    expect(bench.x('s1')).toBe(0n);
    expect(bench.machine.harts[0]!.context.x(0)).toBe(0n);
  });

  it('counts as one instruction however often its page is stored to', () => {
    const bench = new Bench(`
      la t0, data
      li s1, 1000
      rdinstret a3
    loop:
      amoadd.d a1, s1, (t0)
      addi s1, s1, -1
      bnez s1, loop
      rdinstret a2
      j .
      .balign 8
    data: .dword 0
    `);
    bench.run(10_000);
    expect(bench.memory('data')).toBe(500_500n);
    expect(bench.x('a2') - bench.x('a3')).toBe(3_001n);
  });

  /** The word at `patch` straddles two pages. */
  const straddling = (target: string): string => `
      la t0, ${target}
      la t1, replacement
      lhu t1, ${target === 'patch' ? 0 : 2}(t1)
      li s1, 2
      j patch
    back:
      sh t1, (t0)
      fence.i
      addi s1, s1, -1
      bnez s1, patch
      j .
    replacement:
      addi s0, s0, 0x7f5
      .org 0x80000ffe
    patch:
      addi s0, s0, 1
      j back
  `;
  it('changes the first half of an instruction that straddles two pages', () => {
    // Only the second half of the replacement differs: the first store changes nothing.
    expect(new Bench(straddling('patch')).run(100).x('s0')).toBe(2n);
  });
  it('changes the second half of an instruction that straddles two pages', () => {
    expect(new Bench(straddling('patch + 2')).run(100).x('s0')).toBe(1n + 0x7f5n);
  });

  it('across a page boundary changes the code on both sides', () => {
    const bench = new Bench(`
      la t0, edge - 4
      ld t1, replacement
      li s1, 2
      j edge - 4
    back:
      sd t1, (t0)
      fence.i
      addi s1, s1, -1
      bnez s1, edge - 4
      j .
      .balign 8
    replacement:
      addi s0, s0, 16
      addi s0, s0, 32
      .org 0x80000ffc
      addi s0, s0, 1
    edge:
      addi s0, s0, 2
      j back
    `);
    expect(bench.run(100).x('s0')).toBe(51n);
  });

  it('by a device changes what is executed next', () => {
    const bench = new Bench('loop: addi s0, s0, 1\n j loop');
    bench.run(1_001);
    bench.store(0x8000_0000n, 0x0640_0413n, 4); // li s0, 100
    bench.run(2_000);
    expect(bench.x('s0')).toBe(100n);
  });

  it('by another hart is seen once the quantum is over', () => {
    const bench = new Bench(
      `
      bnez a0, loop
      la t0, loop
      lw t1, replacement
      sw t1, (t0)
      j .
    loop:
      addi s0, s0, 1
      j loop
    replacement:
      addi s1, s1, 1
    `,
      { harts: 2, lookaheadNs: 1_000 },
    );
    bench.run(3_000);
    expect(bench.x('s0', 1)).toBeLessThan(500n);
    expect(bench.x('s1', 1)).toBeGreaterThan(900n);
  });
});

describe('predecoded code', () => {
  it('of more pages than there are slots is decoded again', () => {
    // 4,096 slots; each of 5,000 pages holds a return and is called twice.
    const bench = new Bench(
      `
      li s1, 2
    round:
      li t0, 0x80010000
      li t1, 5000
    next:
      jalr ra, (t0)
      li t2, 4096
      add t0, t0, t2
      addi t1, t1, -1
      bnez t1, next
      addi s1, s1, -1
      bnez s1, round
      j .
    `,
      { ramSize: 32 << 20 },
    );
    const page = 0x8001_0000n;
    for (let index = 0n; index < 5_000n; index++) {
      bench.store(page + index * 4096n, 0x0000_8067_0014_0413n); // addi s0, s0, 1; ret
    }
    expect(bench.run(1_000_000).x('s0')).toBe(10_000n);
  });
});

describe('a page that becomes code', () => {
  const page = ram + 0x4000n;
  const addition = (immediate: number): number => immediate * 2 ** 20 + 0x40413; // addi s0, s0, immediate
  /** Virtual pages whose translations lie in different, and in the same entries of a TLB; and the numbers of address spaces. */
  const places = [
    { at: 0x40_0000n, space: 0 },
    { at: 0x40_3000n, space: 0 },
    { at: 0x80_0000n, space: 0 },
    { at: 0x40_0000n, space: 1 },
    { at: 0x40_5000n, space: 1 },
  ];

  it.each([
    ['the only place', [0]],
    ['one of two places', [0, 1]],
    ['the other of two places', [1, 0]],
    ['places that share an entry', [0, 2]],
    ['another address space', [0, 3]],
    ['every place', [4, 3, 2, 1, 0]],
  ])('is seen to change through %s that it was stored to before', (_name, chosen) => {
    const through = (index: number, what: string): string => `
      csrw satp, ${places[index]!.space === 0 ? 'a1' : 'a2'}
      li t0, ${places[index]!.at}
      ${what}`;
    const store = (index: number, immediate: number): string =>
      through(index, `li t1, ${addition(immediate)}\nsw t1, (t0)\nfence.i`);
    const bench = new Bench(
      `
      ${enterSupervisor}
      .balign 4
    supervisor:
      ${chosen.map((index) => store(index, 1)).join('\n')}
      ${through(chosen[0]!, 'jalr ra, t0')}
      ${chosen.map((index, turn) => `${store(index, 2 << turn)}\n${through(index, 'jalr ra, t0')}`).join('\n')}
      ecall
      .balign 4
    machine:
      csrr a3, mcause
      j .
    `,
      { ramSize: 1 << 20 },
    );
    const spaces = [0, 1].map((space) => new PageTables(bench, ram + 0x2_0000n + BigInt(space) * 0x1_0000n, 3));
    for (const tables of spaces) {
      tables.map(ram, ram, rwxad);
      for (const { at } of places) tables.map(at, page, rwxad);
    }
    bench.store(page + 4n, 0x8067n, 4); // ret
    const { context } = bench.machine.harts[0]!;
    context.setX(11, spaces[0]!.atp(8n) | (1n << 44n));
    context.setX(12, spaces[1]!.atp(8n) | (2n << 44n));
    bench.run(2000);
    expect([bench.x('a3'), bench.x('s0')]).toEqual([9n, BigInt(1 + 2 * (2 ** chosen.length - 1))]);
  });
});
