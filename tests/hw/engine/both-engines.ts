// A program on two machines, one that interprets everything and one that translates eagerly, compared after every slice.

import { expect } from 'vitest';
import { special, tlb } from '../../../hw/engine/layout.ts';
import type { TranslatorOptions } from '../../../hw/engine/translator/options.ts';
import type { TranslatorStatistics } from '../../../hw/engine/translator/translator.ts';
import type { Hart } from '../../../hw/hart/hart.ts';
import type { MachineConfig } from '../../../hw/machine/machine.ts';
import { differences } from '../../../tools/lockstep/difference.ts';
import { Bench } from '../machine/bench.ts';
import { entriesOf, type KnownRegion, type KnownRegions, regionsOf } from './known-regions.ts';

/** A jump target is translated the second time, at the end of the slice; large regions come soon. */
const eager: TranslatorOptions = { threshold: 2, patience: 0, observation: 100, entriesUntilLarge: 20 };

/** Skips what trapped, and folds its cause into s2 and its address into s3. */
export const skippingTraps = `
  .balign 4
machine:
  csrr t1, mepc
  addi t1, t1, 4
  csrw mepc, t1
  csrr t1, mcause
  add s2, s2, t1
  csrr t1, mtval
  xor s3, s3, t1
  mret
`;

export class BothEngines {
  readonly interpreter: Bench;
  readonly translator: Bench;
  private now = 0;
  /** What the fetch tables held under which stamps after the last slice. */
  private found = new Map<string, bigint>();
  private readonly entered = new Set<KnownRegion>();

  constructor(source: string, options: TranslatorOptions = {}, config: Partial<MachineConfig> = {}) {
    this.interpreter = new Bench(source, { ...config, translator: false });
    this.translator = new Bench(source, { ...config, translator: { ...eager, ...options } });
  }

  get statistics(): TranslatorStatistics {
    return this.translator.machine.engine.translator!.statistics;
  }

  /** How many regions have run that look nothing up, or look pages up: of those that were there after a slice. */
  regionsEntered(way: 'open' | 'paged'): number {
    return [...this.entered].filter(({ open }) => open === (way === 'open')).length;
  }

  /** Whether a region holds the instruction at a symbol in its head's page, or will hold it once it is compiled. */
  translates(symbol: string): boolean {
    const offset = Number(this.translator.address(symbol) & 0xfffn);
    const starts = (extents: readonly number[]): number[] => extents.filter((_, index) => index % 2 === 0);
    return [...this.known.made].some(({ extents }) =>
      starts(extents).some((start, run) => start <= offset && offset < extents[2 * run + 1]!),
    );
  }

  private get known(): KnownRegions {
    return regionsOf(this.translator.machine);
  }

  /** Does something to both machines. */
  each(act: (bench: Bench, hart: Hart) => void): this {
    for (const bench of [this.interpreter, this.translator]) act(bench, bench.machine.harts[0]!);
    return this;
  }

  /** Runs both for so many cycles, and expects that they agree on everything, and did all the way. */
  run(cycles: number, slices = 40): this {
    const start = this.now;
    for (let slice = 1; slice <= slices; slice++) {
      this.now = start + Math.ceil((cycles * slice) / slices);
      this.each(({ machine }) => machine.run(this.now));
      expect(differences(this.interpreter.machine, this.translator.machine, 'harts')).toEqual([]);
      this.expectStamps();
      this.expectHeads();
      this.noteEntered();
    }
    expect(differences(this.interpreter.machine, this.translator.machine, 'everything')).toEqual([]);
    return this;
  }

  /** As `run`, and expects that code was translated. */
  runTranslated(cycles: number): this {
    this.run(cycles);
    expect(this.statistics.regions).toBeGreaterThan(0);
    return this;
  }

  /** Expects that no translation for fetches has gone from a bank whose stamp has stayed. */
  private expectStamps(): void {
    const { engine, memory } = this.translator.machine;
    const found = new Map<string, bigint>();
    for (const bank of engine.caches.flatMap((cache) => [...cache.banksInUse()])) {
      const stamp = memory.u64[(bank + tlb.stamp) >>> 3]!;
      if (stamp === 0n) continue;
      for (let entry = bank + tlb.fetch; entry < bank + tlb.large; entry += tlb.entrySize) {
        const low = memory.u32[entry >>> 2]!;
        if ((low & 0x800) !== 0) continue;
        found.set([bank, memory.u32[(entry >>> 2) + 1], low, memory.u32[(entry >>> 2) + 3]].join(), stamp);
      }
    }
    const stamps = new Set(found.values());
    const gone = [...this.found].filter(([entry, stamp]) => stamps.has(stamp) && found.get(entry) !== stamp);
    expect(gone).toEqual([]);
    this.found = found;
  }

  /** Expects that the translator knows every region that can be entered, by its head, and no others. */
  private expectHeads(): void {
    const { memory } = this.translator.machine;
    const { made, heads } = this.known;
    for (const one of made) {
      const entered = memory.u16[one.head >>> 1] === special.firstRegion + one.number;
      expect(entered).toBe(one.installed);
      if (entered) expect(heads.get(one.head) === one).toBe(true);
    }
    expect([...heads.values()].every((one) => made.has(one))).toBe(true);
  }

  private noteEntered(): void {
    const { machine } = this.translator;
    for (const one of this.known.made) if (one.installed && entriesOf(machine, one) > 0) this.entered.add(one);
  }
}
