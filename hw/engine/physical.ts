// Physical memory inside the engine: where a physical address lies in machine memory, and physical memory protection.

import type { Fn, ModuleBuilder } from '../wasm/module.ts';
import { I32, I64, load } from '../wasm/values.ts';
import { control, csrOffset, type Layout, pageSize, signals } from './layout.ts';
import { ramBase, romBase } from './memory.ts';

/** What an access is for. `readExecutable` reads what may be executed (HLVX). */
export const access = { read: 0, write: 1, execute: 2, readExecutable: 3 } as const;

export interface Physical {
  /** (physical address) → offset in machine memory, or 0 if it is neither RAM nor ROM. */
  hostOf: Fn<readonly ['i64'], 'i32'>;
  /** (context, physical address, access, privilege) → 1 if PMP allows it. */
  pmpAllows: Fn<readonly ['i32', 'i64', 'i32', 'i32'], 'i32'>;
  /** (cause, tval, tval2, tinst, gva): records an exception. */
  raise: Fn<readonly ['i32', 'i64', 'i64', 'i64', 'i32']>;
}

const pmpOff = 0;
const pmpTor = 1;

export function definePhysical(module: ModuleBuilder, layout: Layout): Physical {
  const hostOf = module.function(['i64'], 'i32', (f, address) => {
    const inRam = f.let(address.get.sub(ramBase));
    f.if(inRam.ltU(layout.ramSize), () => f.return(inRam.wrap().add(layout.ram)));
    const inRom = f.let(address.get.sub(romBase));
    f.if(inRom.ltU(pageSize), () => f.return(inRom.wrap().add(layout.rom)));
    f.return(I32.of(0));
  });

  // The privileged specification, 3.7, at a granularity of one page: the lowest-numbered entry that matches decides.
  const pmpAllows = module.function(['i32', 'i64', 'i32', 'i32'], 'i32', (f, context, address, kind, privilege) => {
    const word = f.let(address.get.shrU(2));
    const entry = f.local('i32');
    const previous = f.local('i64');
    f.loop((next) => {
      const config = f.let(load.u8(context.get.add(entry.get.and(7)).add(entry.get.and(8)), csrOffset('pmpcfg0')));
      const bound = f.let(load.i64(context.get.add(entry.get.shl(3)), csrOffset('pmpaddr0')));
      const mode = f.let(config.shrU(3).and(3));
      f.if(mode.ne(pmpOff), () => {
        const whole = f.let(bound.or(0x1ff));
        const mask = f.let(whole.xor(whole.add(1)));
        const inRange = word.geU(previous.get).and(word.ltU(bound.and(-0x400)));
        const matches = mode.eq(pmpTor).select(inRange, word.xor(whole).and(mask.not()).eqz());
        f.if(matches, () => {
          // An entry that is not locked does not bind M-mode.
          f.if(privilege.get.eq(3).and(config.and(0x80).eqz()), () => f.return(I32.of(1)));
          const wanted = kind.get
            .eq(access.write)
            .select(I32.of(2), kind.get.eq(access.execute).select(I32.of(4), I32.of(1)));
          f.return(config.and(wanted).ne(0));
        });
      });
      f.set(previous, bound.and(-0x400));
      f.set(entry, entry.get.add(1));
      f.brIf(next, entry.get.ltU(16));
    });
    f.return(privilege.get.eq(3));
  });

  const raise = module.function(['i32', 'i64', 'i64', 'i64', 'i32'], undefined, (f, cause, tval, tval2, tinst, gva) => {
    const base = I32.of(0);
    f.store('i64', base, cause.get.i64U(), control.cause);
    f.store('i64', base, tval.get, control.tval);
    f.store('i64', base, tval2.get, control.tval2);
    f.store('i64', base, tinst.get, control.tinst);
    f.store('i32', base, gva.get, control.gva);
    f.store('i32', base, I32.of(signals.trap), control.signal);
  });

  return { hostOf, pmpAllows, raise };
}

/** The cause of an access fault; a page fault's is 8 more (11 for fetches), a guest page fault's another 8. */
export function accessFaultCause(kind: I32): I32 {
  return kind.eq(access.write).select(I32.of(7), kind.eq(access.execute).select(I32.of(1), I32.of(5)));
}
export function pageFaultCause(kind: I32): I32 {
  return kind.eq(access.write).select(I32.of(15), kind.eq(access.execute).select(I32.of(12), I32.of(13)));
}
export const zero64 = I64.of(0n);
