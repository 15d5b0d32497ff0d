// Interrupts of a hart: which are pending, which one is taken next, and when a timer will raise one.

import { control, csrAt, context as fields } from '../engine/layout.ts';
import { interruptBits } from './causes.ts';
import type { Context } from './context.ts';
import { envcfg, hstatus, privileges, status } from './fields.ts';
import type { Hart } from './hart.ts';

const drivenByDevices = interruptBits.machine | interruptBits.sei;
const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);

const supervisorTimerOn = (context: Context): boolean => (context.high(csrAt.menvcfg) & envcfg.stceHigh) !== 0;
const guestTimerOn = (context: Context): boolean => (context.high(csrAt.henvcfg) & envcfg.stceHigh) !== 0;

/** The bits of mip that are in `wanted`; those that depend on time are only computed when wanted. */
export function pendingBits(hart: Hart, wanted = -1): number {
  const context = hart.context;
  let pending = (hart.lines & drivenByDevices) | context.low(csrAt.hvip);
  const stored = context.low(csrAt.mip);
  if (supervisorTimerOn(context)) {
    // Sstc: STIP is the comparison and nothing else.
    pending |= stored & ~interruptBits.sti;
    if (wanted & interruptBits.sti && hart.port.time() >= context.word(csrAt.stimecmp)) pending |= interruptBits.sti;
    if (wanted & interruptBits.vsti && guestTimerOn(context)) {
      const guestTime = u64(hart.port.time() + context.word(csrAt.htimedelta));
      if (guestTime >= context.word(csrAt.vstimecmp)) pending |= interruptBits.vsti;
    }
  } else {
    pending |= stored;
  }
  if (hart.guestLines !== 0n) {
    const lines = hart.guestLines;
    if (lines & context.word(csrAt.hgeie)) pending |= interruptBits.sgei;
    const vgein = (context.low(csrAt.hstatus) & hstatus.vgein) >>> hstatus.vgeinShift;
    if (vgein !== 0 && (lines >> BigInt(vgein)) & 1n) pending |= interruptBits.vsei;
  }
  return pending & wanted;
}

/** The interrupts that are pending and enabled in mie, whatever the modes' own enables say. */
export function enabledInterrupts(hart: Hart): number {
  const enabled = hart.context.low(csrAt.mie);
  return enabled === 0 ? 0 : pendingBits(hart, enabled);
}

/**
 * The code of the interrupt that would be taken now, or −1. VS-level interrupts have their own codes (2, 6, 10) here,
 * whichever mode will take them. Tells machine code whether there is anything to look for (`control.quiet`).
 */
export function pendingInterrupt(hart: Hart): number {
  const context = hart.context;
  const pending = enabledInterrupts(hart);
  hart.memory.u32[control.quiet >>> 2] = pending === 0 ? 1 : 0;
  if (pending === 0) return -1;

  const privilege = context.low(fields.privilege);
  const virtual = context.low(fields.virtual) !== 0;
  const mstatus = context.low(csrAt.mstatus);
  const mideleg = context.low(csrAt.mideleg);

  if (privilege < privileges.m || mstatus & status.mie) {
    const machine = pending & ~mideleg;
    if (machine !== 0) return highestPriority(machine);
  }
  if (privilege === privileges.m) return -1;
  const hideleg = context.low(csrAt.hideleg);
  if (virtual || privilege === privileges.u || mstatus & status.sie) {
    const supervisor = pending & mideleg & ~hideleg;
    if (supervisor !== 0) return highestPriority(supervisor);
  }
  if (virtual && (privilege === privileges.u || context.low(csrAt.vsstatus) & status.sie)) {
    const guest = pending & mideleg & hideleg;
    if (guest !== 0) return highestPriority(guest);
  }
  return -1;
}

/** MEI, MSI, MTI, SEI, SSI, STI, SGEI, VSEI, VSSI, VSTI (privileged spec: priority order for interrupts). */
const priorityOrder = [11, 3, 7, 9, 1, 5, 12, 10, 2, 6];

function highestPriority(pending: number): number {
  for (const code of priorityOrder) if (pending & (1 << code)) return code;
  return -1;
}

/** Whether WFI completes: an enabled interrupt is pending, whatever the global enables and delegation say. */
export function wfiWakes(hart: Hart): boolean {
  return enabledInterrupts(hart) !== 0;
}

/** A comparator so large that the clock never gets there: what stays of a timer that nobody uses. */
const isFarOff = (context: Context, at: number): boolean => context.high(at) === 0xffff_ffff;
const guestTimerIsFarOff = (context: Context): boolean =>
  !guestTimerOn(context) ||
  (isFarOff(context, csrAt.vstimecmp) && context.low(csrAt.htimedelta) === 0 && context.high(csrAt.htimedelta) === 0);

/** The next mtime, in timebase ticks, at which stimecmp or vstimecmp raises its interrupt; Infinity: not in this age. */
export function timerDeadline(hart: Hart): number {
  const context = hart.context;
  if (!supervisorTimerOn(context) || (isFarOff(context, csrAt.stimecmp) && guestTimerIsFarOff(context)))
    return Infinity;
  const now = hart.port.time();
  let wait = u64(context.word(csrAt.stimecmp) - now);
  if (guestTimerOn(context)) {
    const guestWait = u64(context.word(csrAt.vstimecmp) - context.word(csrAt.htimedelta) - now);
    // A wait of zero: it has just been raised, and rises again only when time has wrapped around.
    if (guestWait !== 0n && (guestWait < wait || wait === 0n)) wait = guestWait;
  }
  const deadline = Number(now + wait);
  return wait !== 0n && deadline <= Number.MAX_SAFE_INTEGER ? deadline : Infinity;
}
