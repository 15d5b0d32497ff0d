// Translated regions as the interpreter sees them: how hot code is noticed, and how a region is entered.

import type { Fn, FunctionBuilder, FunctionType, ModuleBuilder } from '../wasm/module.ts';
import { I32, type I64, load } from '../wasm/values.ts';
import { tlbEntry } from './access.ts';
import { control, type Layout, pageSize, regionEntry, tlb } from './layout.ts';
import { countArrival } from './profile.ts';
import { regionParams } from './translator/region-frame.ts';

export interface RegionImports {
  /** (context, record, pc, 1 if the instruction after it is meant): jumps arrive there often. */
  hot: Fn<readonly ['i32', 'i32', 'i64', 'i32']>;
  /** (number, context, virtual page of its head): a region has been entered so often that a larger one should take its place. */
  regionHot: Fn<readonly ['i32', 'i32', 'i64']>;
  /** (number): a region could not be entered `maxFailures` times. */
  regionFailed: Fn<readonly ['i32']>;
}

/** How often a region's pages may be found elsewhere before the translator is told. */
export const maxFailures = 1000;

export class Regions {
  readonly type: FunctionType<typeof regionParams, 'i32'>;
  /** (bank for fetches, bank for data, region entry, virtual page of the head) → 1 if the region finds what it relies on. */
  private readonly fits: Fn<readonly ['i32', 'i32', 'i32', 'i64'], 'i32'>;

  constructor(
    module: ModuleBuilder,
    private readonly layout: Layout,
    private readonly imports: RegionImports,
    private readonly threshold: number,
  ) {
    this.type = module.exportTable('regions', layout.maxRegions, regionParams, 'i32');
    this.fits = this.defineFits(module);
  }

  private defineFits(module: ModuleBuilder): Regions['fits'] {
    return module.function(['i32', 'i32', 'i32', 'i64'], 'i32', (f, bank, dataBank, entry, page) => {
      const at = f.local('i32');
      const fail = (): void => {
        const failures = f.let(load.u16(entry.get, regionEntry.failures).add(1));
        f.store('i16', entry.get, failures, regionEntry.failures);
        f.if(failures.eq(maxFailures), () => {
          f.run(this.imports.regionFailed.call(entry.get.sub(this.layout.regions).divU(regionEntry.size)));
        });
        f.return(I32.of(0));
      };
      const end = f.let(entry.get.add(load.u16(entry.get, regionEntry.pageCount).shl(3)));
      f.set(at, entry.get);
      f.block((found) => {
        f.loop((next) => {
          f.brIf(found, at.get.eq(end));
          const wanted = f.let(page.get.add(load.s32to64(at.get, regionEntry.pages).mul(pageSize)));
          const cached = f.let(tlbEntry(bank.get, wanted, tlb.fetch));
          const same = load
            .i64(cached)
            .eq(wanted)
            .and(load.i32(cached, 12).eq(load.i32(at.get, regionEntry.pages + 4)));
          f.if(same.eqz(), fail);
          f.set(at, at.get.add(8));
          f.br(next);
        });
      });
      f.if(this.isClosed(entry.get, dataBank.get), fail);
      f.if(load.i64(bank.get, tlb.stamp).eqz(), () => {
        const stamp = f.let(load.i64(I32.of(0), control.stamps).add(1));
        f.store('i64', I32.of(0), stamp, control.stamps);
        f.store('i64', bank.get, stamp, tlb.stamp);
      });
      f.store('i64', entry.get, load.i64(bank.get, tlb.stamp), regionEntry.stamp);
      f.store('i64', entry.get, page.get, regionEntry.page);
      f.return(I32.of(1));
    });
  }

  /** Whether a region that looks nothing up would have to. */
  private isClosed(entry: I32, dataBank: I32): I32 {
    return load.u16(entry, regionEntry.open).ne(0).and(load.i32(dataBank, tlb.open).eqz());
  }

  entryOf(number: I32): I32 {
    return number.mul(regionEntry.size).add(this.layout.regions);
  }

  /** Whether a region may be entered with `left` cycles; what it relies on is looked for if it may have changed. */
  mayEnter(f: FunctionBuilder, entry: I32, left: I32, bank: I32, dataBank: I32, page: I64): I32 {
    const enough = f.local('i32');
    f.set(enough, left.geU(load.i32(entry, regionEntry.needed)));
    f.if(enough.get, () => {
      const moved = load
        .i64(bank, tlb.stamp)
        .xor(load.i64(entry, regionEntry.stamp))
        .or(page.xor(load.i64(entry, regionEntry.page)))
        .ne(0)
        .or(this.isClosed(entry, dataBank));
      f.if(moved, () => f.set(enough, this.fits.call(bank, dataBank, entry, page)));
    });
    return enough.get;
  }

  /** Counts that a region is entered. */
  countEntry(f: FunctionBuilder, entry: I32, number: I32, context: I32, page: I64): void {
    const left = f.let(load.i32(entry, regionEntry.entriesLeft).sub(1));
    f.store('i32', entry, left, regionEntry.entriesLeft);
    f.if(left.eqz(), () => f.run(this.imports.regionHot.call(number, context, page)));
  }

  /** Counts a jump to a record that is not the head of a region. */
  count(f: FunctionBuilder, context: I32, at: I32, pc: I64, after: I32): void {
    const count = countArrival(f, this.layout, at);
    f.if(count.eq(this.threshold), () => f.run(this.imports.hot.call(context, at, pc, after)));
  }
}
