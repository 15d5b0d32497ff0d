// Traps: delivery to M, HS or VS mode or to a resident supervisor, and the returns from them.

import { control, csrAt, context as fields } from '../engine/layout.ts';
import { interruptBits } from './causes.ts';
import type { Context } from './context.ts';
import { hstatus, privileges, status } from './fields.ts';
import { foldFpDirty, updateFpOff } from './floating-point.ts';
import type { Hart } from './hart.ts';

type Target = 'M' | 'HS' | 'VS';

/** Takes the exception that `hart.raise` or the engine recorded, at the instruction that `pc` points to. */
export function deliver(hart: Hart): void {
  take(hart, hart.cause, false);
}

/** Takes an interrupt, as `pendingInterrupt` names it. */
export function deliverInterrupt(hart: Hart, interrupt: number): void {
  hart.raise(interrupt);
  take(hart, interrupt, true);
}

/** Where a trap goes (privileged spec: medeleg, mideleg, hedeleg, hideleg). Traps never go to a less privileged mode. */
export function trapTarget(context: Context, cause: number, interrupt: boolean): Target {
  const bit = 1 << cause;
  if (context.low(fields.privilege) === privileges.m) return 'M';
  if (!(context.low(interrupt ? csrAt.mideleg : csrAt.medeleg) & bit)) return 'M';
  if (!context.low(fields.virtual)) return 'HS';
  return context.low(interrupt ? csrAt.hideleg : csrAt.hedeleg) & bit ? 'VS' : 'HS';
}

function take(hart: Hart, cause: number, interrupt: boolean): void {
  const context = hart.context;
  context.setLow(fields.waiting, 0);
  foldFpDirty(context);
  const target = trapTarget(context, cause, interrupt);
  const { supervisor } = hart;
  if (supervisor !== undefined && (target === 'M' || (target === 'HS' && supervisor.mode === 'HS'))) {
    supervisor.trap(hart, cause, interrupt);
    return;
  }
  if (target === 'M') enterMachine(hart, context, cause, interrupt);
  else if (target === 'HS') enterSupervisor(hart, context, cause, interrupt);
  else enterVirtualSupervisor(context, cause, interrupt);
  updateFpOff(context);
  hart.port.translationChanged();
}

function enterMachine(hart: Hart, context: Context, cause: number, interrupt: boolean): void {
  const mstatus = context.low(csrAt.mstatus);
  context.setLow(
    csrAt.mstatus,
    (mstatus & ~(status.mie | status.mpie | status.mpp)) |
      (mstatus & status.mie ? status.mpie : 0) |
      (context.low(fields.privilege) << status.mppShift),
  );
  context.setHigh(
    csrAt.mstatus,
    (context.high(csrAt.mstatus) & ~(status.gvaHigh | status.mpvHigh)) |
      (hart.gva ? status.gvaHigh : 0) |
      (context.low(fields.virtual) ? status.mpvHigh : 0),
  );
  setCause(context, csrAt.mcause, cause, interrupt);
  move(context, csrAt.mepc, context.base + fields.pc);
  move(context, csrAt.mtval, control.tval);
  move(context, csrAt.mtval2, control.tval2);
  move(context, csrAt.mtinst, control.tinst);
  context.setLow(fields.privilege, privileges.m);
  context.setLow(fields.virtual, 0);
  jumpToVector(context, csrAt.mtvec, cause, interrupt);
}

function enterSupervisor(hart: Hart, context: Context, cause: number, interrupt: boolean): void {
  const privilege = context.low(fields.privilege);
  const virtual = context.low(fields.virtual) !== 0;
  pushSupervisorStack(context, csrAt.mstatus, privilege);
  let bits = context.low(csrAt.hstatus) & ~(hstatus.gva | hstatus.spv);
  if (hart.gva) bits |= hstatus.gva;
  // SPVP keeps its value when the trap comes from HS or U.
  if (virtual) bits = (bits & ~hstatus.spvp) | hstatus.spv | (privilege === privileges.s ? hstatus.spvp : 0);
  context.setLow(csrAt.hstatus, bits);
  setCause(context, csrAt.scause, cause, interrupt);
  move(context, csrAt.sepc, context.base + fields.pc);
  move(context, csrAt.stval, control.tval);
  move(context, csrAt.htval, control.tval2);
  move(context, csrAt.htinst, control.tinst);
  context.setLow(fields.privilege, privileges.s);
  context.setLow(fields.virtual, 0);
  jumpToVector(context, csrAt.stvec, cause, interrupt);
}

function enterVirtualSupervisor(context: Context, cause: number, interrupt: boolean): void {
  // VSSI, VSTI and VSEI look like SSI, STI and SEI to the guest.
  const isGuestInterrupt = interrupt && (interruptBits.virtualSupervisor & (1 << cause)) !== 0;
  const guestCause = isGuestInterrupt ? cause - 1 : cause;
  pushSupervisorStack(context, csrAt.vsstatus, context.low(fields.privilege));
  setCause(context, csrAt.vscause, guestCause, interrupt);
  move(context, csrAt.vsepc, context.base + fields.pc);
  move(context, csrAt.vstval, control.tval);
  context.setLow(fields.privilege, privileges.s);
  jumpToVector(context, csrAt.vstvec, guestCause, interrupt);
}

/** SPP, SPIE and SIE of sstatus (in mstatus) or vsstatus at a trap. */
function pushSupervisorStack(context: Context, at: number, privilege: number): void {
  const old = context.low(at);
  context.setLow(
    at,
    (old & ~(status.sie | status.spie | status.spp)) |
      (old & status.sie ? status.spie : 0) |
      (privilege === privileges.s ? status.spp : 0),
  );
}

/** The same at SRET. Returns the privilege to return to. */
function popSupervisorStack(context: Context, at: number): number {
  const old = context.low(at);
  context.setLow(at, (old & ~(status.sie | status.spp)) | status.spie | (old & status.spie ? status.sie : 0));
  return old & status.spp ? privileges.s : privileges.u;
}

function setCause(context: Context, at: number, cause: number, interrupt: boolean): void {
  context.setLow(at, cause);
  context.setHigh(at, interrupt ? 0x8000_0000 : 0);
}

/** Copies 8 bytes from an offset in machine memory to a field of the context. */
function move(context: Context, to: number, from: number): void {
  const { u32 } = context.memory;
  context.setLow(to, u32[from >>> 2]!);
  context.setHigh(to, u32[(from + 4) >>> 2]!);
}

function jumpToVector(context: Context, tvec: number, cause: number, interrupt: boolean): void {
  move(context, fields.pc, context.base + tvec);
  const low = context.low(fields.pc);
  context.setLow(fields.pc, low & ~3);
  if (interrupt && low & 1) context.pc += BigInt(4 * cause);
}

/** MRET in M-mode. */
export function returnFromMachine(hart: Hart): void {
  const context = hart.context;
  foldFpDirty(context);
  const low = context.low(csrAt.mstatus);
  const high = context.high(csrAt.mstatus);
  const privilege = (low & status.mpp) >>> status.mppShift;
  const virtual = privilege !== privileges.m && (high & status.mpvHigh) !== 0;
  let next = (low & ~(status.mie | status.mpp)) | status.mpie | (low & status.mpie ? status.mie : 0);
  if (privilege !== privileges.m) next &= ~status.mprv;
  context.setLow(csrAt.mstatus, next);
  context.setHigh(csrAt.mstatus, high & ~status.mpvHigh);
  goOn(hart, privilege, virtual, csrAt.mepc);
}

/** SRET in M, HS or VS mode. */
export function returnFromSupervisor(hart: Hart): void {
  const context = hart.context;
  foldFpDirty(context);
  if (context.low(fields.virtual)) {
    const privilege = popSupervisorStack(context, csrAt.vsstatus);
    goOn(hart, privilege, true, csrAt.vsepc);
    return;
  }
  const privilege = popSupervisorStack(context, csrAt.mstatus);
  context.setLow(csrAt.mstatus, context.low(csrAt.mstatus) & ~status.mprv);
  const bits = context.low(csrAt.hstatus);
  context.setLow(csrAt.hstatus, bits & ~hstatus.spv);
  goOn(hart, privilege, (bits & hstatus.spv) !== 0, csrAt.sepc);
}

function goOn(hart: Hart, privilege: number, virtual: boolean, epc: number): void {
  const context = hart.context;
  context.setLow(fields.privilege, privilege);
  context.setLow(fields.virtual, virtual ? 1 : 0);
  move(context, fields.pc, context.base + epc);
  updateFpOff(context);
  hart.port.translationChanged();
}
