// Traps and the returns from them in machine code: what hw/hart/trap.ts does when guest code takes the trap and nobody
// watches, to the same effect on the machine's clock, counters and trace hash.

import { hstatus, privileges, status } from '../../hart/fields.ts';
import type { Fn, FunctionBuilder, ModuleBuilder } from '../../wasm/module.ts';
import { I32, type I64, load } from '../../wasm/values.ts';
import { defineTrapDigest } from '../digest.ts';
import { control, csrAt, context as fields, signals, targets } from '../layout.ts';
import { foldFpDirty, type Modes, moveBit, privilegeOf, updateFpOff, virtualOf } from './mode.ts';

/** What `returnFrom…` and the embedder's `system` return. */
export const outcomes = {
  next: 0,
  leave: 1,
  trap: 2,
  /** Go on at the context's `pc`, in its banks. */
  resume: 3,
} as const;

/** (context, record, operation) → one of `outcomes`. */
type TrapReturn = Fn<readonly ['i32', 'i32', 'i32'], 'i32'>;

export interface Traps {
  /**
   * (context, cycles left): takes the exception that was recorded, at the context's `pc`. 1 if that is done; 0 if
   * nothing has happened: the embedder is to take it.
   */
  deliver: Fn<readonly ['i32', 'i32'], 'i32'>;
  mret: TrapReturn;
  sret: TrapReturn;
}

const zero = I32.of(0);
const { m, s, u } = privileges;

/** Exceptions whose details only the embedder can complete: they tell the instruction. */
function isIncomplete(cause: I32): I32 {
  const guestPageFault = cause.eq(21).or(cause.eq(23));
  return cause.eq(2).or(guestPageFault.and(load.i64(zero, control.tinst).eqz()));
}

const move = (f: FunctionBuilder, to: I32, offset: number, value: I64): void => f.store('i64', to, value, offset);

/** See `pushSupervisorStack`. */
function pushSupervisorStack(f: FunctionBuilder, context: I32, at: number, privilege: I32): void {
  const old = f.let(load.i32(context, at));
  const next = old
    .and(~(status.sie | status.spie | status.spp))
    .or(moveBit(old, status.sie, status.spie))
    .or(privilege.eq(s).select(I32.of(status.spp), zero));
  f.store('i32', context, next, at);
}

/** Where an exception's handler begins. */
const jumpToVector = (f: FunctionBuilder, context: I32, tvec: number): void =>
  move(f, context, fields.pc, load.i64(context, tvec).and(-4));

export function defineTraps(
  module: ModuleBuilder,
  { chooseBanks }: Modes,
  imports: { system: Fn<readonly ['i32', 'i32'], 'i32'> },
): Traps {
  const digest = defineTrapDigest(module);

  const deliver = module.function(['i32', 'i32'], 'i32', (f, context, left) => {
    const delivered = f.let(load.i32(zero, control.delivered));
    const cause = f.let(load.i32(zero, control.cause));
    // Something may have asked to leave.
    const leaving = load.i32(zero, control.signal).eq(signals.leave);
    f.if(delivered.eqz().or(isIncomplete(cause)).or(leaving), () => f.return(zero));
    const privilege = f.let(privilegeOf(context.get));
    const virtual = f.let(virtualOf(context.get));
    const target = f.local('i32');
    const delegates = (csr: number): I32 => load.i32(context.get, csr).shrU(cause).and(1);
    f.set(target, I32.of(targets.m));
    f.if(privilege.ne(m).and(delegates(csrAt.medeleg)), () => {
      f.set(target, virtual.and(delegates(csrAt.hedeleg)).select(I32.of(targets.vs), I32.of(targets.hs)));
    });
    f.if(target.get.and(delivered).eqz(), () => f.return(zero));

    const cycle = load.f64(zero, control.sliceEnd).sub(left.get.f64U());
    f.run(digest.call(context.get, cycle, cause, load.i32(zero, control.hart)));
    f.store('i32', zero, load.i32(zero, control.traps).add(1), control.traps);
    f.store('i32', zero, I32.of(signals.none), control.signal);
    foldFpDirty(f, context.get);

    const pc = load.i64(context.get, fields.pc);
    const detail = (from: number): I64 => load.i64(zero, from);
    const record = (slots: readonly (readonly [csr: number, value: I64])[]): void => {
      for (const [csr, value] of slots) move(f, context.get, csr, value);
    };
    f.if(
      target.get.eq(targets.vs),
      () => {
        pushSupervisorStack(f, context.get, csrAt.vsstatus, privilege);
        record([
          [csrAt.vscause, cause.i64U()],
          [csrAt.vsepc, pc],
          [csrAt.vstval, detail(control.tval)],
        ]);
        f.store('i32', context.get, I32.of(s), fields.privilege);
        jumpToVector(f, context.get, csrAt.vstvec);
      },
      () => {
        f.if(
          target.get.eq(targets.hs),
          () => {
            pushSupervisorStack(f, context.get, csrAt.mstatus, privilege);
            const old = f.let(load.i32(context.get, csrAt.hstatus).and(~(hstatus.gva | hstatus.spv)));
            const gva = load.i32(zero, control.gva).ne(0).select(I32.of(hstatus.gva), zero);
            const fromGuest = old
              .and(~hstatus.spvp)
              .or(hstatus.spv)
              .or(privilege.eq(s).select(I32.of(hstatus.spvp), zero));
            f.store('i32', context.get, virtual.select(fromGuest, old).or(gva), csrAt.hstatus);
            record([
              [csrAt.scause, cause.i64U()],
              [csrAt.sepc, pc],
              [csrAt.stval, detail(control.tval)],
              [csrAt.htval, detail(control.tval2)],
              [csrAt.htinst, detail(control.tinst)],
            ]);
            f.store('i32', context.get, I32.of(s), fields.privilege);
            jumpToVector(f, context.get, csrAt.stvec);
          },
          () => {
            const low = f.let(load.i32(context.get, csrAt.mstatus));
            const pushed = low
              .and(~(status.mie | status.mpie | status.mpp))
              .or(moveBit(low, status.mie, status.mpie))
              .or(privilege.shl(status.mppShift));
            f.store('i32', context.get, pushed, csrAt.mstatus);
            const high = load
              .i32(context.get, csrAt.mstatus + 4)
              .and(~(status.gvaHigh | status.mpvHigh))
              .or(load.i32(zero, control.gva).ne(0).select(I32.of(status.gvaHigh), zero))
              .or(virtual.select(I32.of(status.mpvHigh), zero));
            f.store('i32', context.get, high, csrAt.mstatus + 4);
            record([
              [csrAt.mcause, cause.i64U()],
              [csrAt.mepc, pc],
              [csrAt.mtval, detail(control.tval)],
              [csrAt.mtval2, detail(control.tval2)],
              [csrAt.mtinst, detail(control.tinst)],
            ]);
            f.store('i32', context.get, I32.of(m), fields.privilege);
            jumpToVector(f, context.get, csrAt.mtvec);
          },
        );
        f.store('i32', context.get, zero, fields.virtual);
      },
    );
    updateFpOff(f, context.get);
    f.run(chooseBanks.call(context.get));
    f.return(I32.of(1));
  });

  const goOn = (f: FunctionBuilder, context: I32, privilege: I32, virtual: I32, epc: number): void => {
    f.store('i32', context, privilege, fields.privilege);
    f.store('i32', context, virtual, fields.virtual);
    move(f, context, fields.pc, load.i64(context, epc));
    updateFpOff(f, context);
    f.run(chooseBanks.call(context));
    f.return(I32.of(outcomes.resume));
  };

  /** See `popSupervisorStack`. */
  const popSupervisorStack = (f: FunctionBuilder, context: I32, at: number): I32 => {
    const old = f.let(load.i32(context, at));
    const next = old
      .and(~(status.sie | status.spp))
      .or(status.spie)
      .or(moveBit(old, status.spie, status.sie));
    f.store('i32', context, next, at);
    return f.let(old.and(status.spp).ne(0).select(I32.of(s), I32.of(u)));
  };

  const mret = module.function(['i32', 'i32', 'i32'], 'i32', (f, context, at, operation) => {
    // An interrupt may be pending that the other mode takes: the embedder looks.
    f.if(privilegeOf(context.get).eq(m).and(load.i32(zero, control.quiet)), () => {
      foldFpDirty(f, context.get);
      const low = f.let(load.i32(context.get, csrAt.mstatus));
      const high = f.let(load.i32(context.get, csrAt.mstatus + 4));
      const privilege = f.let(low.and(status.mpp).shrU(status.mppShift));
      const virtual = f.let(privilege.ne(m).and(high.and(status.mpvHigh).ne(0)));
      const popped = low
        .and(~(status.mie | status.mpp))
        .or(status.mpie)
        .or(moveBit(low, status.mpie, status.mie));
      const next = privilege.eq(m).select(popped, popped.and(~status.mprv));
      f.store('i32', context.get, next, csrAt.mstatus);
      f.store('i32', context.get, high.and(~status.mpvHigh), csrAt.mstatus + 4);
      goOn(f, context.get, privilege, virtual, csrAt.mepc);
    });
    f.return(imports.system.call(operation.get, at.get));
  });

  const sret = module.function(['i32', 'i32', 'i32'], 'i32', (f, context, at, operation) => {
    const privilege = f.let(privilegeOf(context.get));
    const virtual = f.let(virtualOf(context.get));
    const trapped = virtual.select(
      load.i32(context.get, csrAt.hstatus).and(hstatus.vtsr),
      load.i32(context.get, csrAt.mstatus).and(status.tsr),
    );
    const allowed = privilege.eq(m).or(privilege.eq(s).and(trapped.eqz()));
    f.if(allowed.and(load.i32(zero, control.quiet)), () => {
      foldFpDirty(f, context.get);
      f.if(virtual, () => {
        const previous = popSupervisorStack(f, context.get, csrAt.vsstatus);
        goOn(f, context.get, previous, I32.of(1), csrAt.vsepc);
      });
      const previous = popSupervisorStack(f, context.get, csrAt.mstatus);
      f.store('i32', context.get, load.i32(context.get, csrAt.mstatus).and(~status.mprv), csrAt.mstatus);
      const bits = f.let(load.i32(context.get, csrAt.hstatus));
      f.store('i32', context.get, bits.and(~hstatus.spv), csrAt.hstatus);
      goOn(f, context.get, previous, bits.and(hstatus.spv).ne(0), csrAt.sepc);
    });
    f.return(imports.system.call(operation.get, at.get));
  });

  return { deliver, mret, sret };
}
