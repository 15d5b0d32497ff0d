// Regions that are entered often are made anew: larger, and from what the program does by then.

import { describe, expect, it } from 'vitest';
import { regionEntry } from '../../../hw/engine/layout.ts';
import { BothEngines } from './both-engines.ts';
import { regionsOf } from './known-regions.ts';

/** Goes on at `before` for so many rounds, from then on at `after`. Every round ends with an instruction that no region holds. */
const turning = (rounds: number): string => `
  li t3, ${rounds}
again:
  addi s0, s0, 1
  xor s1, s1, s0
  sltu t1, s0, t3
  bnez t1, before
after:
  addi s2, s2, 3
  xor s2, s2, s0
  csrr t2, mscratch
  j again
before:
  addi s3, s3, 5
  xor s3, s3, s0
  csrr t2, mscratch
  j again
`;

/** A loop with something that happens every 64th time. */
const rarely = `
again:
  addi s0, s0, 1
  xor s1, s1, s0
  andi t1, s0, 63
  bnez t1, 1f
rare:
  addi s2, s2, 7
  csrr t2, mscratch
1: j again
`;

it.each(['j', 'bgez s0,'])(
  'a region that was left before its first instruction is entered the next time: %s',
  (jump) => {
    const both = new BothEngines(
      `
  la a1, data
again:
  ld t1, (a1)
  add s1, s1, t1
  addi s0, s0, 1
  csrr t2, mscratch
  ${jump} again
  .balign 8
data: .dword 3
`,
      { entriesUntilLarge: 1_000_000 },
    ).run(1000);
    const { engine, memory } = both.translator.machine;
    const left = (): number[] =>
      Array.from({ length: both.statistics.regions }, (_, number) => {
        return memory.u32[(memory.layout.regions + number * regionEntry.size + regionEntry.entriesLeft) >>> 2]!;
      });
    const before = left();
    expect(engine.translator!.alive.regions).toBe(both.statistics.regions);
    // The load misses the TLB.
    both.each(({ machine }) => machine.engine.flushTranslations()).run(1000, 1);
    expect(Math.max(...left().map((now, number) => before[number]! - now))).toBeGreaterThan(100);
  },
);

describe('a region that is entered often', () => {
  it.each([80, 20_000])(
    'is made anew when the program goes another way, once, though it had gone one way %i times',
    (threshold) => {
      const rounds = threshold + 600;
      const both = new BothEngines(turning(rounds), { threshold, entriesUntilLarge: 1 }).run(rounds * 8, 100);
      expect([both.translates('before'), both.translates('after')]).toEqual([true, false]);
      const { regions } = both.statistics;
      both.run(60_000, 300);
      expect([both.translates('before'), both.translates('after')]).toEqual([true, true]);
      expect(both.statistics.regions).toBe(regions + 1);
    },
  );

  it('is made anew later if what was to take its place has gone before it was compiled', () => {
    const both = new BothEngines(rarely, { threshold: 80, patience: 3000, entriesUntilLarge: 5 }).run(600, 6);
    const slices = (until: () => boolean): void => {
      for (let slice = 0; slice < 60 && !until(); slice++) both.run(1000, 1);
    };
    slices(() => both.translates('rare'));
    both.each((bench) => bench.store(bench.address('rare'), bench.memory('rare')));
    expect([both.translates('rare'), both.translates('again')]).toEqual([false, true]);
    slices(() => both.translates('rare'));
    expect(both.translates('rare')).toBe(true);
  });
});

it('a branch that straddles two pages is known to go one way, as any other', () => {
  const both = new BothEngines(
    `
  j again
  .balign 4096
  .zero 4092
before:
  .half 0x0001
  .option norvc
  bnez t1, 1f
  .option rvc
rare:
  addi s2, s2, 7
  xor s2, s2, s0
1: xor s1, s1, s0
again:
  addi s0, s0, 1
  andi t1, s0, 63
  j before
`,
    { threshold: 80, entriesUntilLarge: 1_000_000 },
  ).run(20_000);
  // The head is at the end of the first page, before the branch.
  const second = 4096 + Number(both.translator.address('rare') & 0xfffn);
  const starts = [...regionsOf(both.translator.machine).made].map(({ extents }) =>
    extents.some((start, index) => index % 2 === 0 && start <= second && second < extents[index + 1]!),
  );
  expect(both.regionsEntered('open') + both.regionsEntered('paged')).toBeGreaterThan(0);
  expect(starts).not.toContain(true);
});
