// The mode of a context in machine code: what hw/hart/regime.ts, hw/hart/floating-point.ts and Engine.chooseBanks do.

import { fpStates, privileges, status } from '../../hart/fields.ts';
import type { Fn, FunctionBuilder, ModuleBuilder } from '../../wasm/module.ts';
import { I32, load } from '../../wasm/values.ts';
import { control, csrAt, context as fields, regimes, space, spaceKinds } from '../layout.ts';

const zero = I32.of(0);
const dirty = fpStates.dirty << status.fsShift;

export const privilegeOf = (context: I32): I32 => load.i32(context, fields.privilege);
export const virtualOf = (context: I32): I32 => load.i32(context, fields.virtual);

/** `to` where `mask` is `from`, both single bits: moves a bit of a word. */
export function moveBit(word: I32, from: number, to: number): I32 {
  const shift = Math.clz32(from) - Math.clz32(to);
  return shift >= 0 ? word.and(from).shl(shift) : word.and(from).shrU(-shift);
}

/** See `foldFpDirty`. */
export function foldFpDirty(f: FunctionBuilder, context: I32): void {
  f.if(load.i32(context, fields.fpDirty), () => {
    f.store('i32', context, zero, fields.fpDirty);
    f.store('i32', context, load.i32(context, csrAt.mstatus).or(dirty), csrAt.mstatus);
    f.if(virtualOf(context), () =>
      f.store('i32', context, load.i32(context, csrAt.vsstatus).or(dirty), csrAt.vsstatus),
    );
  });
}

/** See `updateFpOff`. */
export function updateFpOff(f: FunctionBuilder, context: I32): void {
  const off = load.i32(context, csrAt.mstatus).and(status.fs).eqz();
  const guestOff = load.i32(context, csrAt.vsstatus).and(status.fs).eqz();
  f.store('i32', context, off.or(virtualOf(context).ne(0).and(guestOff)), fields.fpOff);
}

export interface Modes {
  /** (context) → the regime of its loads and stores. */
  dataRegime: Fn<readonly ['i32'], 'i32'>;
  /** (context): the privilege, V, or the status changed: chooses regimes and banks. */
  chooseBanks: Fn<readonly ['i32'], undefined>;
}

/** `chooseBanks` of the embedder makes the banks that do not exist yet. */
export function defineModes(module: ModuleBuilder, imports: { chooseBanks: Fn<readonly [], undefined> }): Modes {
  // See `dataRegimeOf`.
  const dataRegime = module.function(['i32'], 'i32', (f, context) => {
    const mstatus = f.let(load.i32(context.get, csrAt.mstatus));
    const privilege = f.local('i32');
    const virtual = f.local('i32');
    f.set(privilege, privilegeOf(context.get));
    f.set(virtual, virtualOf(context.get));
    f.if(mstatus.and(status.mprv), () => {
      f.set(privilege, mstatus.and(status.mpp).shrU(status.mppShift));
      f.set(virtual, load.i32(context.get, csrAt.mstatus + 4).and(status.mpvHigh));
    });
    f.if(privilege.get.eq(privileges.m), () => f.return(I32.of(privileges.m)));
    const sumAndMxr = (from: I32): I32 =>
      moveBit(from, status.mxr, regimes.mxr).or(
        privilege.get.eq(privileges.s).select(moveBit(from, status.sum, regimes.sum), zero),
      );
    f.if(virtual.get, () => {
      const vsstatus = f.let(load.i32(context.get, csrAt.vsstatus));
      const first = privilege.get.or(regimes.virtual).or(sumAndMxr(vsstatus));
      f.return(first.or(moveBit(mstatus, status.mxr, regimes.hsMxr)));
    });
    f.return(privilege.get.or(sumAndMxr(mstatus)));
  });

  const same = (context: I32, csr: number, at: I32, field: number): I32 =>
    load.i64(context, csr).eq(load.i64(at, field));

  // The space that a regime translates in, if it is the one that was looked up last; 0: it must be looked up.
  const spaceOf = module.function(['i32', 'i32'], 'i32', (f, context, regime) => {
    f.if(regime.get.and(regimes.privilege).eq(privileges.m), () => f.return(load.i32(zero, control.machineSpace)));
    const at = f.local('i32');
    f.if(
      regime.get.and(regimes.virtual),
      () => {
        f.set(at, load.i32(context.get, fields.virtualSpace));
        const named = load
          .i32(at.get, space.kind)
          .eq(spaceKinds.virtual)
          .and(same(context.get, csrAt.vsatp, at.get, space.atp))
          .and(same(context.get, csrAt.hgatp, at.get, space.hgatp));
        f.return(at.get.ne(0).and(named).select(at.get, zero));
      },
      () => {
        f.set(at, load.i32(context.get, fields.supervisorSpace));
        const named = load
          .i32(at.get, space.kind)
          .eq(spaceKinds.supervisor)
          .and(same(context.get, csrAt.satp, at.get, space.atp));
        f.return(at.get.ne(0).and(named).select(at.get, zero));
      },
    );
  });

  const chooseBanks = module.function(['i32'], undefined, (f, context) => {
    const data = f.let(dataRegime.call(context.get));
    const fetch = f.let(privilegeOf(context.get).or(virtualOf(context.get).select(I32.of(regimes.virtual), zero)));
    const dataSpace = f.let(spaceOf.call(context.get, data));
    const fetchSpace = f.let(spaceOf.call(context.get, fetch));
    const bankOf = (at: I32, regime: I32): I32 => load.i32(at.add(regime.shl(2)), space.banks);
    f.if(dataSpace.ne(0).and(fetchSpace.ne(0)), () => {
      const dataBank = f.let(bankOf(dataSpace, data));
      const fetchBank = f.let(bankOf(fetchSpace, fetch));
      f.if(dataBank.ne(0).and(fetchBank.ne(0)), () => {
        const clock = f.let(load.f64(zero, control.spaceClock));
        const one = I32.of(1).f64U();
        f.store('f64', dataSpace, clock.add(one), space.used);
        f.store('f64', fetchSpace, clock.add(one).add(one), space.used);
        f.store('f64', zero, load.f64(fetchSpace, space.used), control.spaceClock);
        for (const [field, value] of [
          ['dataRegime', data],
          ['fetchRegime', fetch],
          ['dataBank', dataBank],
          ['fetchBank', fetchBank],
        ] as const) {
          f.store('i32', context.get, value, fields[field]);
        }
        f.return();
      });
    });
    f.run(imports.chooseBanks.call());
  });

  return { dataRegime, chooseBanks };
}
