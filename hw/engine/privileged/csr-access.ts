// CSR instructions in machine code: the accesses that the table of CSRs describes. What it doesn't describe, may not be
// done in this mode, or could let an interrupt through is left to hw/hart/system.ts.

import { fpStates, status } from '../../hart/fields.ts';
import type { Fn, FunctionBuilder, Label, ModuleBuilder } from '../../wasm/module.ts';
import { I32, I64, load } from '../../wasm/values.ts';
import { control, csrAt, csrEntry, context as fields, record } from '../layout.ts';
import { accessKinds } from './csr-table.ts';
import { foldFpDirty, type Modes, privilegeOf, updateFpOff, virtualOf } from './mode.ts';

/** How an instruction combines its operand with the old value. */
export const combinations = { replace: 0, set: 1, clear: 2 } as const;

/** (context, record, operation, one of `combinations`, operand) → as the embedder's `system`. */
export type CsrAccess = Fn<readonly ['i32', 'i32', 'i32', 'i32', 'i64'], 'i32'>;

const zero = I32.of(0);
const enables = status.sie | status.mie;
const regimeFields = BigInt(status.sum | status.mxr | status.mprv | status.mpp) | (BigInt(status.mpvHigh) << 32n);

/** Cycles of the running hart, up to the instruction that executes. */
const cycles = () => load.f64(zero, control.sliceEnd).sub(load.i32(zero, control.left).f64U());
/** The same of retired instructions. */
const retired = () =>
  load.f64(zero, control.sliceRetired).sub(load.i32(zero, control.left).add(load.i32(zero, control.traps)).f64U());

export function defineCsrAccess(
  module: ModuleBuilder,
  modes: Modes,
  imports: { system: Fn<readonly ['i32', 'i32'], 'i32'> },
): CsrAccess {
  return module.function(
    ['i32', 'i32', 'i32', 'i32', 'i64'],
    'i32',
    (f, context, at, operation, combination, operand) => {
      const number = f.let(load.i32(at.get, record.imm).and(0xfff));
      const privilege = f.let(privilegeOf(context.get));
      const virtual = f.let(virtualOf(context.get));
      const index = f.local('i32');
      const entry = f.local('i32');
      const entryOf = (): I32 => index.get.mul(csrEntry.size).add(control.csrEntries);

      f.block((slow) => {
        f.set(index, load.u8(number, control.csrIndex));
        f.if(virtual, () => f.set(index, load.u8(entryOf(), csrEntry.guest)));
        f.set(entry, entryOf());
        // HS-mode counts as 2, the mode of hypervisor CSRs.
        const rank = privilege.add(privilege.eq(1).and(virtual.eqz()));
        f.brIf(slow, number.shrU(8).and(3).gtU(rank));
        const writes = f.let(combination.get.eqz().or(load.u16(at.get, record.rs1)));
        f.brIf(slow, writes.ne(0).and(number.shrU(10).eq(3)));
        const slot = f.let(context.get.add(load.u16(entry.get, csrEntry.at)));
        const next = (old: I64): I64 =>
          combination.get
            .eq(combinations.set)
            .select(old.or(operand.get), combination.get.select(old.and(operand.get.not()), operand.get));
        const done = (old: I64): void => {
          f.store('i64', context.get.add(load.u16(at.get, record.rd)), old);
          f.return(zero);
        };
        const kinds: Record<(typeof accessKinds)[number], () => void> = {
          none: () => f.br(slow),
          stored: () => {
            const old = f.let(load.i64(slot));
            f.if(writes, () => {
              const writable = f.let(load.i64(entry.get, csrEntry.writable));
              f.store('i64', slot, old.and(writable.not()).or(next(old).and(writable)));
            });
            done(old);
          },
          status: () => accessStatus(f, context.get, modes, { entry: entry.get, slot, writes, next, done, slow }),
          float: () => {
            f.brIf(slow, load.i32(context.get, fields.fpOff));
            const old = f.let(load.u32to64(slot));
            f.if(writes, () => {
              f.store('i64as32', slot, next(old).and(load.i64(entry.get, csrEntry.view)));
              f.store('i32', context.get, I32.of(1), fields.fpDirty);
            });
            done(old);
          },
          fcsr: () => {
            f.brIf(slow, load.i32(context.get, fields.fpOff));
            const old = f.let(
              load.u32to64(context.get, fields.frm).shl(5).or(load.u32to64(context.get, fields.fflags)),
            );
            f.if(writes, () => {
              const value = f.let(next(old));
              f.store('i64as32', context.get, value.and(0x1f), fields.fflags);
              f.store('i64as32', context.get, value.shrU(5).and(7), fields.frm);
              f.store('i32', context.get, I32.of(1), fields.fpDirty);
            });
            done(old);
          },
          cycle: () => {
            checkCounter(f, context.get, entry.get, writes, slow);
            done(count(f, context.get, slot, 1, cycles().i64S()));
          },
          instret: () => {
            checkCounter(f, context.get, entry.get, writes, slow);
            done(count(f, context.get, slot, 4, retired().i64S()));
          },
          time: () => {
            checkCounter(f, context.get, entry.get, writes, slow);
            const ticks = cycles().div(load.f64(zero, control.cyclesPerTick)).i64S();
            const time = f.let(ticks.add(load.i64(zero, control.timeOffset)));
            done(time.add(virtual.ne(0).select(load.i64(context.get, csrAt.htimedelta), I64.of(0))));
          },
        };
        f.switch(
          load.u8(entry.get, csrEntry.kind),
          accessKinds.map((kind) => kinds[kind]),
          () => f.unreachable(),
        );
      });
      f.return(imports.system.call(operation.get, at.get));
    },
  );

  /** Without a machine there is no time; M-mode may write counters; mcounteren, hcounteren and scounteren may close them. */
  function checkCounter(f: FunctionBuilder, context: I32, entry: I32, writes: I32, slow: Label): void {
    f.brIf(slow, writes);
    f.brIf(slow, load.f64(zero, control.cyclesPerTick).bits().eqz());
    const bit = f.let(load.i32(entry, csrEntry.counter));
    const privilege = privilegeOf(context);
    f.if(bit.ne(0).and(privilege.ne(3)), () => {
      f.brIf(slow, load.i32(context, csrAt.mcounteren).and(bit).eqz());
      f.brIf(slow, virtualOf(context).ne(0).and(load.i32(context, csrAt.hcounteren).and(bit).eqz()));
      f.brIf(slow, privilege.eqz().and(load.i32(context, csrAt.scounteren).and(bit).eqz()));
    });
  }

  /** See `readCounter`. */
  function count(f: FunctionBuilder, context: I32, slot: I32, inhibit: number, counted: I64): I64 {
    const inhibited = load.i32(context, csrAt.mcountinhibit).and(inhibit).ne(0);
    return f.let(load.i64(slot).add(inhibited.select(I64.of(0), counted)));
  }
}

interface StatusAccess {
  entry: I32;
  slot: I32;
  writes: I32;
  next: (old: I64) => I64;
  done: (old: I64) => void;
  slow: Label;
}

/** See hw/hart/csr/status.ts. */
function accessStatus(
  f: FunctionBuilder,
  context: I32,
  { dataRegime, chooseBanks }: Modes,
  { entry, slot, writes, next, done, slow }: StatusAccess,
): void {
  foldFpDirty(f, context);
  const whole = f.let(load.i64(slot));
  const isDirty = whole.and(status.fs).eq(fpStates.dirty << status.fsShift);
  const old = f.let(whole.and(load.i64(entry, csrEntry.view)).or(isDirty.select(I64.of(status.sd), I64.of(0))));
  f.if(writes, () => {
    const writable = f.let(load.i64(entry, csrEntry.writable));
    const value = f.local('i64');
    f.set(value, whole.and(writable.not()).or(next(old).and(writable)));
    f.if(value.get.and(status.mpp).eq(2 << status.mppShift), () =>
      f.set(value, value.get.and(~status.mpp).or(whole.and(status.mpp))),
    );
    const raised = value.get.and(whole.not()).and(enables).ne(I64.of(0));
    f.brIf(slow, raised.and(load.i32(I32.of(0), control.quiet).eqz()));
    f.store('i64', slot, value.get);
    const changed = f.let(value.get.xor(whole));
    f.if(changed.and(status.fs).ne(0), () => updateFpOff(f, context));
    f.if(changed.and(regimeFields).ne(0), () => {
      f.if(dataRegime.call(context).ne(load.i32(context, fields.dataRegime)), () => f.run(chooseBanks.call(context)));
    });
  });
  done(old);
}
