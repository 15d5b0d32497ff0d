// Address translation: Sv39, Sv48, Sv57 and their x4 forms, two stages, accessed and dirty bits, NAPOT pages
// (privileged specification: 12.3 to 12.5, Svnapot, Svadu, 19.5).

import type { Fn, ModuleBuilder } from '../wasm/module.ts';
import { I32, I64, load } from '../wasm/values.ts';
import { control, csrOffset, regimes } from './layout.ts';
import { access, accessFaultCause, type Physical, pageFaultCause, zero64 } from './physical.ts';

/** Which table a walk goes through: the single stage of U/S, the first stage of VU/VS, or the guest stage. */
const stages = { single: 0, first: 1, guest: 2 } as const;

/** What a walk returns instead of an address. */
const pageFault = -1n;
const raised = -2n;

const pte = { v: 1, r: 2, w: 4, x: 8, u: 16, a: 64, d: 128 } as const;
/** N, PBMT and the bits that are reserved for future standard use. */
const pteNapot = -0x8000_0000_0000_0000n;
const pteReserved = 0x7fc0_0000_0000_0000n;
const adue = 1n << 61n;
/** Pseudoinstructions in tinst for accesses to first-stage page tables (table 19.5): 64-bit read and write. */
const pseudoRead = 0x3000n;
const pseudoWrite = 0x3020n;

export interface Translation {
  /** (context, virtual address, access, regime) → physical address, or a negative number: an exception was recorded. */
  translate: Fn<readonly ['i32', 'i64', 'i32', 'i32'], 'i64'>;
}

export function defineTranslation(module: ModuleBuilder, physical: Physical): Translation {
  const csr = (context: I32, name: Parameters<typeof csrOffset>[0]): I64 => load.i64(context, csrOffset(name));

  // (context, root, levels, address, needed access, regime, stage, virtual address, access of the instruction)
  const walk = module.declare(['i32', 'i64', 'i32', 'i64', 'i32', 'i32', 'i32', 'i64', 'i32'], 'i64');
  // (context, guest physical address, needed access, regime, virtual address, access of the instruction, tinst)
  const guestPhysical = module.declare(['i32', 'i64', 'i32', 'i32', 'i64', 'i32', 'i64'], 'i64');

  module.define(guestPhysical, (f, context, address, needed, regime, va, kind, tinst) => {
    const hgatp = f.let(csr(context.get, 'hgatp'));
    const mode = f.let(hgatp.shrU(60).wrap());
    f.if(mode.eqz(), () => f.return(address.get));
    const levels = f.let(mode.sub(5));
    const result = f.local('i64');
    f.set(result, I64.of(pageFault));
    f.if(address.get.shrU(levels.mul(9).add(14).i64U()).eqz(), () => {
      const root = hgatp.and(0xfff_ffff_ffffn).shl(12);
      f.set(
        result,
        walk.call(
          context.get,
          root,
          levels,
          address.get,
          needed.get,
          regime.get,
          I32.of(stages.guest),
          va.get,
          kind.get,
        ),
      );
    });
    f.if(result.get.eq(pageFault), () => {
      f.run(physical.raise.call(pageFaultCause(kind.get).add(8), va.get, address.get.shrU(2), tinst.get, I32.of(1)));
      f.return(I64.of(raised));
    });
    f.return(result.get);
  });

  module.define(walk, (f, context, root, levels, address, needed, regime, stage, va, kind) => {
    const fault = (): void => f.return(I64.of(pageFault));
    const accessFault = (): void => {
      f.run(
        physical.raise.call(accessFaultCause(kind.get), va.get, zero64, zero64, regime.get.and(regimes.virtual).ne(0)),
      );
      f.return(I64.of(raised));
    };
    const table = f.local('i64');
    const level = f.local('i32');
    const entryAddress = f.local('i64');
    const entryPhysical = f.local('i64');
    const entry = f.local('i64');
    const low = f.local('i32');
    f.set(table, root.get);
    f.set(level, levels.get);

    f.block((leaf) => {
      f.loop((next) => {
        f.if(level.get.eqz(), fault);
        f.set(level, level.get.sub(1));
        const indexMask = stage.get
          .eq(stages.guest)
          .and(level.get.eq(levels.get.sub(1)))
          .select(I64.of(0x7ff), I64.of(0x1ff));
        const index = address.get.shrU(level.get.mul(9).add(12).i64U()).and(indexMask);
        f.set(entryAddress, table.get.add(index.shl(3)));
        f.set(entryPhysical, entryAddress.get);
        f.if(stage.get.eq(stages.first), () => {
          f.set(
            entryPhysical,
            guestPhysical.call(
              context.get,
              entryAddress.get,
              I32.of(access.read),
              regime.get,
              va.get,
              kind.get,
              I64.of(pseudoRead),
            ),
          );
          f.if(entryPhysical.get.ltS(0), () => f.return(I64.of(raised)));
        });
        f.if(
          physical.pmpAllows.call(context.get, entryPhysical.get, I32.of(access.read), I32.of(1)).eqz(),
          accessFault,
        );
        const host = f.let(physical.hostOf.call(entryPhysical.get));
        f.if(host.eqz(), accessFault);
        f.set(entry, load.i64(host));
        f.set(low, entry.get.wrap());
        f.if(
          low.get
            .and(pte.v)
            .eqz()
            .or(low.get.and(pte.r | pte.w).eq(pte.w)),
          fault,
        );
        f.if(entry.get.and(pteReserved).ne(0), fault);
        f.brIf(leaf, low.get.and(pte.r | pte.x));
        // A pointer to the next table: A, D, U and N are reserved.
        f.if(
          low.get
            .and(pte.a | pte.d | pte.u)
            .ne(0)
            .or(entry.get.ltS(0)),
          fault,
        );
        f.set(table, entry.get.shrU(10).shl(12));
        f.br(next);
      });
    });

    // Permissions. The guest stage treats every access as one of U-mode.
    const isUser = low.get.and(pte.u).ne(0);
    f.if(
      stage.get.eq(stages.guest).or(regime.get.and(regimes.privilege).eqz()),
      () => f.if(isUser.eqz(), fault),
      () => f.if(isUser.and(needed.get.eq(access.execute).or(regime.get.and(regimes.sum).eqz())), fault),
    );
    const mxr = stage.get.eq(stages.guest).select(I32.of(regimes.hsMxr), I32.of(regimes.mxr | regimes.hsMxr));
    const readable = regime.get
      .and(mxr)
      .ne(0)
      .select(I32.of(pte.r | pte.x), I32.of(pte.r));
    const allowed = needed.get
      .eq(access.read)
      .select(readable, needed.get.eq(access.write).select(I32.of(pte.w), I32.of(pte.x)));
    f.if(low.get.and(allowed).eqz(), fault);

    // Alignment of superpages, and NAPOT: 64 KiB is the only size (Svnapot).
    const offsetBits = f.local('i64');
    f.set(offsetBits, level.get.mul(9).i64U());
    f.if(entry.get.shrU(10).and(I64.of(1).shl(offsetBits.get).sub(1)).ne(0), fault);
    f.if(entry.get.and(pteNapot).ne(0), () => {
      f.if(level.get.ne(0).or(entry.get.shrU(10).and(15).ne(8)), fault);
    });

    // Accessed and dirty (Svadu): without ADUE a clear bit is a page fault.
    const missing = needed.get.eq(access.write).select(I32.of(pte.a | pte.d), I32.of(pte.a));
    f.if(low.get.and(missing).ne(missing), () => {
      const envcfg = stage.get.eq(stages.first).select(csr(context.get, 'henvcfg'), csr(context.get, 'menvcfg'));
      f.if(envcfg.and(adue).eqz(), fault);
      f.if(stage.get.eq(stages.first), () => {
        f.set(
          entryPhysical,
          guestPhysical.call(
            context.get,
            entryAddress.get,
            I32.of(access.write),
            regime.get,
            va.get,
            kind.get,
            I64.of(pseudoWrite),
          ),
        );
        f.if(entryPhysical.get.ltS(0), () => f.return(I64.of(raised)));
      });
      f.if(physical.pmpAllows.call(context.get, entryPhysical.get, I32.of(access.write), I32.of(1)).eqz(), accessFault);
      f.store('i64', physical.hostOf.call(entryPhysical.get), entry.get.or(missing.i64U()));
    });

    const ppn = f.local('i64');
    f.set(ppn, entry.get.shrU(10).and(0xfff_ffff_ffffn));
    const span = f.local('i64'); // bits below the translated page number
    f.set(span, offsetBits.get.add(12));
    f.if(entry.get.and(pteNapot).ne(0), () => {
      f.set(ppn, ppn.get.and(-16));
      f.set(span, I64.of(16));
    });
    // A fence that names an address of the guest stage drops everything.
    f.if(stage.get.ne(stages.guest).and(span.get.gtU(12)), () =>
      f.store('i64as32', I32.of(0), span.get, control.large),
    );
    f.return(ppn.get.shl(12).or(address.get.and(I64.of(1).shl(span.get).sub(1))));
  });

  const translate = module.function(['i32', 'i64', 'i32', 'i32'], 'i64', (f, context, va, kind, regime) => {
    const result = f.local('i64');
    const privilege = f.let(regime.get.and(regimes.privilege));
    f.store('i32', I32.of(0), I32.of(0), control.large);
    f.set(result, va.get);
    f.if(privilege.ne(3), () => {
      const isVirtual = f.let(regime.get.and(regimes.virtual));
      const atp = f.let(isVirtual.select(csr(context.get, 'vsatp'), csr(context.get, 'satp')));
      const mode = f.let(atp.shrU(60).wrap());
      f.if(mode.ne(0), () => {
        const levels = f.let(mode.sub(5));
        const unused = f.let(I32.of(52).sub(levels.mul(9)).i64U());
        f.set(result, I64.of(pageFault));
        f.if(va.get.shl(unused).shrS(unused).eq(va.get), () => {
          const stage = isVirtual.select(I32.of(stages.first), I32.of(stages.single));
          const root = atp.and(0xfff_ffff_ffffn).shl(12);
          f.set(result, walk.call(context.get, root, levels, va.get, kind.get, regime.get, stage, va.get, kind.get));
        });
        f.if(result.get.eq(pageFault), () => {
          f.run(physical.raise.call(pageFaultCause(kind.get), va.get, zero64, zero64, isVirtual.ne(0)));
        });
        f.if(result.get.ltS(0), () => f.return(result.get));
      });
      f.if(isVirtual, () => {
        f.set(result, guestPhysical.call(context.get, result.get, kind.get, regime.get, va.get, kind.get, zero64));
        f.if(result.get.ltS(0), () => f.return(result.get));
      });
    });
    // Beyond the 56 bits of a physical address there is nothing.
    f.if(
      result.get
        .shrU(56)
        .ne(0)
        .or(physical.pmpAllows.call(context.get, result.get, kind.get, privilege).eqz()),
      () => {
        f.run(
          physical.raise.call(
            accessFaultCause(kind.get),
            va.get,
            zero64,
            zero64,
            regime.get.and(regimes.virtual).ne(0),
          ),
        );
        f.return(I64.of(raised));
      },
    );
    f.return(result.get);
  });

  return { translate };
}
