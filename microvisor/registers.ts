// The two pcs of a thread in the kernel. Where it goes on is the context's pc; where it last entered the kernel is kept in the
// context's sepc, as seL4's FaultIP: a restarted system call and a fault begin there again.

import { csrOffset, context as fields } from '../hw/engine/layout.ts';
import type { Context } from '../hw/hart/context.ts';
import { foldFpDirty, updateFpOff } from '../hw/hart/floating-point.ts';
import { resetContext } from '../hw/hart/reset.ts';
import type { Tcb } from './objects.ts';

const sepc = csrOffset('sepc');

export const faultIp = (tcb: Tcb): bigint => tcb.context.csr('sepc');
export function setFaultIp(tcb: Tcb, value: bigint): void {
  tcb.context.setCsr('sepc', BigInt.asUintN(64, value));
}

/**
 * Where a register of a user context (abi/user-context.ts; −1: the pc that the thread would start again at) lies, in words of
 * machine memory. All accesses go through one load or store of the index: TurboFan in Node 20 dies of 64-bit BigInts that meet
 * from two branches.
 */
const wordOf = (tcb: Tcb, register: number): number =>
  (tcb.context.base + (register < 0 ? sepc : fields.x + 8 * register)) >>> 3;
/** Unsigned. */
export const readRegister = (tcb: Tcb, register: number): bigint => tcb.context.memory.u64[wordOf(tcb, register)]!;
export function writeRegister(tcb: Tcb, register: number, value: bigint): void {
  if (register !== 0) tcb.context.memory.u64[wordOf(tcb, register)] = value;
}

/** On entry: the thread would start again at the instruction that trapped. */
export function saveFaultIp(context: Context): void {
  copyWord(context, fields.pc, sepc);
}
/** The thread goes on where it entered (seL4: NextIP = FaultIP). */
export function rewind(context: Context): void {
  copyWord(context, sepc, fields.pc);
}
function copyWord(context: Context, from: number, to: number): void {
  const { u32 } = context.memory;
  u32[(context.base + to) >>> 2] = u32[(context.base + from) >>> 2]!;
  u32[(context.base + to + 4) >>> 2] = u32[(context.base + from + 4) >>> 2]!;
}
/** The thread goes on behind its ecall. */
export function skipInstruction(context: Context): void {
  const { u32 } = context.memory;
  const at = (context.base + fields.pc) >>> 2;
  const low = u32[at]!;
  u32[at] = low + 4;
  if (low + 4 > 0xffff_ffff) u32[at + 1] = u32[at + 1]! + 1;
}

/** FS of mstatus. */
const fs = { mask: 0x6000n, initial: 0x2000n };
const seie = 1n << 9n;

/** All but instret. */
const countersOfTime = 0xffff_fffbn;

/**
 * A new context: user mode, floating point on, external interrupts taken; every trap is the kernel's. With `windows` it cannot read
 * how many instructions its hart has retired: those of others count as well.
 */
export function initContext(context: Context, windows: boolean): void {
  resetContext(context, { pc: 0n, privilege: 0, supervisor: 'HS' });
  context.setCsr('mie', seie);
  if (windows) context.setCsr('mcounteren', countersOfTime);
  setFpu(context, true);
}

/** Switches floating point on or off for a thread; a guest has a switch of its own besides. */
export function setFpu(context: Context, on: boolean): void {
  foldFpDirty(context);
  const status = context.csr('mstatus') & ~fs.mask;
  context.setCsr('mstatus', on ? status | fs.initial : status);
  updateFpOff(context);
}
