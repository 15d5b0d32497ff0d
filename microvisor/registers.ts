// The two pcs of a thread in the kernel. Where it goes on is the context's pc; where it last entered the kernel is kept in the
// context's sepc, as seL4's FaultIP: a restarted system call and a fault begin there again.

import { csrOffset, context as fields } from '../hw/engine/layout.ts';
import type { Context } from '../hw/hart/context.ts';
import { tcbFlag } from './abi/rights.ts';
import type { Tcb } from './objects.ts';

const sepc = csrOffset('sepc');

export const faultIp = (tcb: Tcb): bigint => tcb.context.csr('sepc');
export function setFaultIp(tcb: Tcb, value: bigint): void {
  tcb.context.setCsr('sepc', BigInt.asUintN(64, value));
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

/** FS of mstatus and vsstatus. */
const fs = { mask: 0x6000n, initial: 0x2000n };
/** UXL and SXL of 64 bits. */
const xl64 = (2n << 32n) | (2n << 34n);
/** STCE and ADUE: the guest's own timer compare, hardware updates of A and D. */
export const environment = (1n << 63n) | (1n << 61n);

/**
 * What the mode below sees of a new thread: user mode; time, cycle and instret readable; external interrupts taken; every trap the
 * kernel's unless a VCPU hands it on.
 */
export function initContext(tcb: Tcb): void {
  const { context } = tcb;
  context.setCsr('mstatus', xl64 | fs.initial);
  context.setCsr('medeleg', 0xf0_b7ffn);
  context.setCsr('mideleg', 0x1666n);
  context.setCsr('mie', 1n << 9n);
  context.setCsr('mcounteren', 7n);
  context.setCsr('scounteren', 7n);
  context.setCsr('menvcfg', environment);
  context.setCsr('stimecmp', 0xffff_ffff_ffff_ffffn);
  applyFpuFlag(tcb);
}

/** Floating point is off for a thread that says so, and for a guest that has it off. */
export function applyFpuFlag(tcb: Tcb): void {
  const { context } = tcb;
  const disabled = (tcb.flags & tcbFlag.fpuDisabled) !== 0;
  const status = context.csr('mstatus') & ~fs.mask;
  context.setCsr('mstatus', disabled ? status : status | fs.initial);
  const offInGuest = tcb.vcpu !== null && (context.csr('vsstatus') & fs.mask) === 0n;
  context.set('fpOff', disabled || offInGuest ? 1 : 0);
}
