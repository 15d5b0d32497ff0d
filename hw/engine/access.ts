// The slow paths of memory accesses: a TLB miss, a device, a page boundary, a page whose stores are watched.
// Each reports through `control.signal`; results are void after `signals.trap`.

import type { Fn, FunctionBuilder, Local, ModuleBuilder } from '../wasm/module.ts';
import { I32, I64, load } from '../wasm/values.ts';
import {
  codeSlot,
  control,
  csrOffset,
  context as fields,
  type Layout,
  pageFlags,
  pages,
  regimes,
  signals,
  tlb,
} from './layout.ts';
import { ramBase } from './memory.ts';
import { access, accessFaultCause, type Physical, zero64 } from './physical.ts';
import type { Translation } from './walk.ts';

/** What the embedder supplies. Values of devices pass through `control.mmioValue`. */
export interface AccessImports {
  /** (physical address below 2^32, bytes) → 1 if a device answered. */
  mmioLoad: Fn<readonly ['i32', 'i32'], 'i32'>;
  mmioStore: Fn<readonly ['i32', 'i32'], 'i32'>;
  /** (host address, bytes): predecoded code in this range is stale. */
  codeStored: Fn<readonly ['i32', 'i32']>;
  /** (physical address, bytes): a watched page was stored to. */
  watchedStored: Fn<readonly ['i32', 'i32']>;
  /** (host address of a page) → base of the page's predecoded code, which exists from now on. */
  codePage: Fn<readonly ['i32'], 'i32'>;
}

export interface Access {
  /** (context, address, bytes, access, regime, bank or 0) → the value, zero-extended. */
  load: Fn<readonly ['i32', 'i64', 'i32', 'i32', 'i32', 'i32'], 'i64'>;
  /** (context, address, bytes, value, regime, bank or 0) */
  store: Fn<readonly ['i32', 'i64', 'i32', 'i64', 'i32', 'i32']>;
  /** (context, address, bytes, access) → host address of an aligned atomic access, or 0. `signals.leave`: call `watchedAtomic` if it stores. */
  atomic: Fn<readonly ['i32', 'i64', 'i32', 'i32'], 'i32'>;
  /** (host address, bytes): an atomic access has stored to a watched page. */
  watchedAtomic: Fn<readonly ['i32', 'i32']>;
  /** (context, address) → host address of the fetch TLB's entry for the page, or 0. */
  fetch: Fn<readonly ['i32', 'i64'], 'i32'>;
}

/** The locked entries among the eight that a pmpcfg register holds. */
const lockedEntries = -0x7f7f_7f7f_7f7f_7f80n;

/** Host address of the TLB entry that `address` may be in; `table` is the offset of the table in the bank. */
export function tlbEntry(bank: I32, address: I64, table: number): I32 {
  return bank
    .add(
      address
        .shrU(12 - 4)
        .wrap()
        .and((tlb.entries - 1) * tlb.entrySize),
    )
    .add(table);
}

export function defineAccess(
  module: ModuleBuilder,
  layout: Layout,
  physical: Physical,
  { translate }: Translation,
  imports: AccessImports,
): Access {
  const pageOf = (address: I64): I64 => address.and(-4096);
  const isVirtual = (regime: I32): I32 => regime.shrU(2).and(1);

  const flagsOf = (host: I32): I32 => load.u8(host.shrU(12), pages.flags);

  const noteFilled = (f: FunctionBuilder, bank: I32, address: I64): void => {
    f.store('i32', bank, I32.of(1), tlb.dirty);
    f.if(load.i32(I32.of(0), control.large), () => {
      const offset = f.let(
        I64.of(1)
          .shl(load.i32(I32.of(0), control.large).i64U())
          .sub(1),
      );
      const first = f.let(address.and(offset.not()));
      const last = f.let(address.or(offset));
      const known = f.let(load.i32(bank, tlb.large));
      f.if(known.eqz().or(first.ltU(load.i64(bank, tlb.largeFirst))), () =>
        f.store('i64', bank, first, tlb.largeFirst),
      );
      f.if(known.eqz().or(last.gtU(load.i64(bank, tlb.largeLast))), () => f.store('i64', bank, last, tlb.largeLast));
      f.store('i32', bank, I32.of(1), tlb.large);
    });
  };

  const fill = (f: FunctionBuilder, bank: I32, address: I64, host: I32, table: number): void => {
    f.if(bank, () => {
      const entry = f.let(tlbEntry(bank, address, table));
      f.store('i64', entry, pageOf(address));
      f.store('i32', entry, host.sub(address.wrap()), 8);
      noteFilled(f, bank, address);
    });
  };

  const noteOpen = (f: FunctionBuilder, context: I32, regime: I32, bank: I32): void => {
    f.if(regime.and(regimes.privilege).eq(3).and(bank.ne(0)), () => {
      const configs = load.i64(context, csrOffset('pmpcfg0')).or(load.i64(context, csrOffset('pmpcfg2')));
      f.store('i32', bank, configs.and(lockedEntries).eqz(), tlb.open);
    });
  };

  const markStorable = (f: FunctionBuilder, host: I32, address: I64): void => {
    const page = f.let(host.shrU(12));
    const flags = f.let(load.u8(page, pages.flags));
    const entry = f.let(address.shrU(12).and(tlb.entries - 1));
    f.if(
      flags.and(pageFlags.storable),
      () => {
        const moved = load.u16(page.shl(1), pages.slots).ne(entry.wrap());
        f.if(moved, () => f.store('i64as8', page, flags.or(pageFlags.elsewhere).i64U(), pages.flags));
      },
      () => {
        f.store('i64as8', page, flags.or(pageFlags.storable).i64U(), pages.flags);
        f.store('i64as16', page.shl(1), entry, pages.slots);
      },
    );
  };

  const loadSized = (f: FunctionBuilder, host: I32, size: Local<'i32'>): void => {
    f.if(size.get.eq(8), () => f.return(load.i64(host)));
    f.if(size.get.eq(4), () => f.return(load.u32to64(host)));
    f.if(size.get.eq(2), () => f.return(load.u16to64(host)));
    f.return(load.u8to64(host));
  };

  const trapped = (): I32 => load.i32(I32.of(0), control.signal).eq(signals.trap);

  /**
   * (context, address, bytes, access, regime, bank or 0) → 1; 0 if a trap was raised. An access across the end of a page happens as
   * a whole or not at all, so that no trap of its second half hides what its first half did; devices take no part of one.
   */
  const bothPagesAllow = module.function(['i32', 'i64', 'i32', 'i32', 'i32', 'i32'], 'i32', (f, ...params) => {
    const [context, address, size, kind, regime, bank] = params;
    const stores = f.let(kind.get.eq(access.write));
    const last = pageOf(address.get.add(size.get.sub(1).i64U()));
    for (const at of [address.get, f.let(last)]) {
      const entry = f.let(tlbEntry(bank.get, at, 0).add(stores.select(I32.of(tlb.write), I32.of(tlb.read))));
      f.if(bank.get.eqz().or(load.i64(entry).ne(pageOf(at))), () => {
        const target = f.let(translate.call(context.get, at, kind.get, regime.get));
        f.if(target.ltS(0), () => f.return(I32.of(0)));
        // The ROM is for loads only.
        f.if(physical.hostOf.call(target).ltU(stores.select(I32.of(layout.ram), I32.of(1))), () => {
          f.run(physical.raise.call(accessFaultCause(kind.get), at, zero64, zero64, isVirtual(regime.get)));
          f.return(I32.of(0));
        });
      });
    }
    f.return(I32.of(1));
  });

  const loadSlow = module.declare(['i32', 'i64', 'i32', 'i32', 'i32', 'i32'], 'i64');
  module.define(loadSlow, (f, context, address, size, kind, regime, bank) => {
    f.if(address.get.wrap().and(0xfff).add(size.get).gtU(4096), () => {
      const value = f.local('i64');
      const byte = f.local('i32');
      const allowed = bothPagesAllow.call(context.get, address.get, size.get, kind.get, regime.get, bank.get);
      f.if(allowed.eqz(), () => f.return(zero64));
      f.loop((next) => {
        const at = address.get.add(byte.get.i64U());
        f.set(
          value,
          value.get.or(
            loadSlow.call(context.get, at, I32.of(1), kind.get, regime.get, bank.get).shl(byte.get.shl(3).i64U()),
          ),
        );
        f.set(byte, byte.get.add(1));
        f.brIf(next, byte.get.ltU(size.get));
      });
      f.return(value.get);
    });
    // What brings an aligned access here is a miss; a misaligned one may hit.
    f.if(bank.get, () => {
      const entry = f.let(tlbEntry(bank.get, address.get, tlb.read));
      f.if(load.i64(entry).eq(pageOf(address.get)), () => {
        loadSized(f, f.let(address.get.wrap().add(load.i32(entry, 8))), size);
      });
    });
    const target = f.let(translate.call(context.get, address.get, kind.get, regime.get));
    f.if(target.ltS(0), () => f.return(zero64));
    const host = f.let(physical.hostOf.call(target));
    f.if(host, () => {
      fill(f, bank.get, address.get, host, tlb.read);
      loadSized(f, host, size);
    });
    const answered = f.local('i32');
    const aligned = address.get.wrap().and(size.get.sub(1)).eqz();
    f.if(target.shrU(32).eqz().and(aligned), () => f.set(answered, imports.mmioLoad.call(target.wrap(), size.get)));
    f.if(answered.get, () => f.return(load.i64(I32.of(0), control.mmioValue)));
    f.run(physical.raise.call(I32.of(5), address.get, zero64, zero64, isVirtual(regime.get)));
    f.return(zero64);
  });

  const storeSized = (f: FunctionBuilder, host: I32, size: Local<'i32'>, value: Local<'i64'>): void => {
    f.if(size.get.eq(8), () => f.store('i64', host, value.get));
    f.if(size.get.eq(4), () => f.store('i64as32', host, value.get));
    f.if(size.get.eq(2), () => f.store('i64as16', host, value.get));
    f.if(size.get.eq(1), () => f.store('i64as8', host, value.get));
  };

  const storeSlow = module.declare(['i32', 'i64', 'i32', 'i64', 'i32', 'i32']);
  module.define(storeSlow, (f, context, address, size, value, regime, bank) => {
    f.if(address.get.wrap().and(0xfff).add(size.get).gtU(4096), () => {
      const write = I32.of(access.write);
      const allowed = bothPagesAllow.call(context.get, address.get, size.get, write, regime.get, bank.get);
      f.if(allowed.eqz(), () => f.return());
      const byte = f.local('i32');
      f.loop((next) => {
        const at = address.get.add(byte.get.i64U());
        f.run(storeSlow.call(context.get, at, I32.of(1), value.get.shrU(byte.get.shl(3).i64U()), regime.get, bank.get));
        // The first half may be of the tables that the second is found by.
        f.if(trapped(), () => f.return());
        f.set(byte, byte.get.add(1));
        f.brIf(next, byte.get.ltU(size.get));
      });
      f.return();
    });
    f.if(bank.get, () => {
      const entry = f.let(tlbEntry(bank.get, address.get, tlb.write));
      f.if(load.i64(entry).eq(pageOf(address.get)), () => {
        storeSized(f, f.let(address.get.wrap().add(load.i32(entry, 8))), size, value);
        f.return();
      });
    });
    const target = f.let(translate.call(context.get, address.get, I32.of(access.write), regime.get));
    f.if(target.ltS(0), () => f.return());
    const host = f.let(physical.hostOf.call(target));
    f.if(host.geU(layout.ram), () => {
      const flags = f.let(flagsOf(host).and(pageFlags.code | pageFlags.watched));
      storeSized(f, host, size, value);
      f.if(
        flags,
        () => {
          f.if(flags.and(pageFlags.code), () => f.run(imports.codeStored.call(host, size.get)));
          f.if(flags.and(pageFlags.watched), () => f.run(imports.watchedStored.call(target.wrap(), size.get)));
        },
        () => {
          fill(f, bank.get, address.get, host, tlb.write);
          markStorable(f, host, address.get);
          noteOpen(f, context.get, regime.get, bank.get);
        },
      );
      f.return();
    });
    const answered = f.local('i32');
    const aligned = address.get.wrap().and(size.get.sub(1)).eqz();
    f.if(host.eqz().and(target.shrU(32).eqz()).and(aligned), () => {
      f.store('i64', I32.of(0), value.get, control.mmioValue);
      f.set(answered, imports.mmioStore.call(target.wrap(), size.get));
    });
    f.if(answered.get, () => f.return());
    f.run(physical.raise.call(I32.of(7), address.get, zero64, zero64, isVirtual(regime.get)));
  });

  const atomic = module.function(['i32', 'i64', 'i32', 'i32'], 'i32', (f, context, address, size, kind) => {
    const regime = f.let(load.i32(context.get, fields.dataRegime));
    const isStore = kind.get.eq(access.write);
    f.if(address.get.wrap().and(size.get.sub(1)), () => {
      f.run(physical.raise.call(isStore.select(I32.of(6), I32.of(4)), address.get, zero64, zero64, isVirtual(regime)));
      f.return(I32.of(0));
    });
    const target = f.let(translate.call(context.get, address.get, kind.get, regime));
    f.if(target.ltS(0), () => f.return(I32.of(0)));
    const host = f.let(physical.hostOf.call(target));
    f.if(host.ltU(layout.ram), () => {
      f.run(physical.raise.call(accessFaultCause(kind.get), address.get, zero64, zero64, isVirtual(regime)));
      f.return(I32.of(0));
    });
    const bank = f.let(load.i32(context.get, fields.dataBank));
    f.if(
      isStore,
      () => {
        const flags = f.let(flagsOf(host).and(pageFlags.code | pageFlags.watched));
        f.if(flags.eqz(), () => {
          fill(f, bank, address.get, host, tlb.write);
          markStorable(f, host, address.get);
          noteOpen(f, context.get, regime, bank);
        });
        f.if(flags.and(pageFlags.code), () => f.run(imports.codeStored.call(host, size.get)));
        f.if(flags.and(pageFlags.watched), () => f.store('i32', I32.of(0), I32.of(signals.leave), control.signal));
      },
      () => fill(f, bank, address.get, host, tlb.read),
    );
    f.return(host);
  });

  const watchedAtomic = module.function(['i32', 'i32'], undefined, (f, host, size) => {
    f.run(imports.watchedStored.call(host.get.add(ramBase - layout.ram), size.get));
  });

  const fetch = module.function(['i32', 'i64'], 'i32', (f, context, address) => {
    const entry = f.let(tlbEntry(load.i32(context.get, fields.fetchBank), address.get, tlb.fetch));
    f.if(load.i64(entry).eq(pageOf(address.get)), () => f.return(entry));
    const regime = f.let(load.i32(context.get, fields.fetchRegime));
    const target = f.let(translate.call(context.get, address.get, I32.of(access.execute), regime));
    f.if(target.ltS(0), () => f.return(I32.of(0)));
    const host = f.let(physical.hostOf.call(pageOf(target)));
    f.if(host.eqz(), () => {
      f.run(physical.raise.call(I32.of(1), address.get, zero64, zero64, isVirtual(regime)));
      f.return(I32.of(0));
    });
    const code = f.local('i32');
    f.if(
      flagsOf(host).and(pageFlags.code),
      () => f.set(code, load.u16(host.shrU(12).shl(1), pages.slots).mul(codeSlot.size).add(layout.code)),
      () => f.set(code, imports.codePage.call(host)),
    );
    // A translation that makes room: whoever relied on its being there must look again.
    f.if(load.i64(entry).and(0x800).eqz(), () => {
      f.store('i64', load.i32(context.get, fields.fetchBank), zero64, tlb.stamp);
    });
    f.store('i64', entry, pageOf(address.get));
    f.store('i32', entry, code.get, 8);
    f.store('i32', entry, host, 12);
    noteFilled(f, load.i32(context.get, fields.fetchBank), address.get);
    f.return(entry);
  });

  return { load: loadSlow, store: storeSlow, atomic, watchedAtomic, fetch };
}
