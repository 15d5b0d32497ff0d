// Invocations of TCBs.

import { label } from '../abi/invocation-labels.ts';
import { sizeBits } from '../abi/limits.ts';
import { tcbFlag } from '../abi/rights.ts';
import { frameRegisterCount, userContext } from '../abi/user-context.ts';
import { sameObjectAs, updateCapData } from '../cspace/capability.ts';
import { cteInsert, deriveCap } from '../cspace/derivation.ts';
import { cteDelete, slotCapLongRunningDelete } from '../deletion.ts';
import type { Kernel } from '../kernel.ts';
import { unbindNotification } from '../notification.ts';
import type { Cap, Capability, SchedContext, Slot, Tcb } from '../objects.ts';
import { capType, nullCap, tcbSlot } from '../objects.ts';
import { Answer, preempted, type Result, refusal, SyscallError } from '../outcome.ts';
import { readRegister, rewind, setFpu, writeRegister } from '../registers.ts';
import { schedContextBindTCB, schedContextUnbindTCB } from '../sched-context.ts';
import { isBlocked, remoteTCBStall, rescheduleRequired } from '../scheduler.ts';
import { isReleased } from '../sporadic.ts';
import { restart, setPriority, suspend } from '../tcb.ts';
import type { Invocation, Methods } from './invocation.ts';

export const tcbMethods: Methods<Cap<'thread'>> = {
  TCBReadRegisters: [2, 0, readRegisters],
  TCBWriteRegisters: [2, 0, writeRegisters],
  TCBCopyRegisters: [1, 1, copyRegisters],
  TCBConfigure: [3, 3, configure],
  TCBSetPriority: [1, 1, setOnePriority],
  TCBSetMCPriority: [1, 1, setOnePriority],
  TCBSetSchedParams: [2, 3, setSchedParams],
  TCBSetTimeoutEndpoint: [0, 1, setTimeoutEndpoint],
  TCBSetIPCBuffer: [1, 1, setIPCBuffer],
  TCBSetSpace: [2, 3, setSpace],
  TCBSuspend: [0, 0, (kernel, _, { tcb }) => void suspend(kernel, tcb)],
  TCBResume: [0, 0, (kernel, _, { tcb }) => void restart(kernel, tcb)],
  TCBBindNotification: [0, 1, bind],
  TCBUnbindNotification: [0, 0, unbind],
  TCBSetTLSBase: [1, 0, setTls],
  TCBSetFlags: [2, 0, setFlags],
};

function rescheduleIfCurrent(kernel: Kernel, tcb: Tcb): void {
  if (tcb === kernel.node.current) rescheduleRequired(kernel);
}

// Registers.

const threadPointer = 4;
export function setTlsBase(tcb: Tcb, base: bigint): void {
  tcb.context.setX(threadPointer, BigInt.asIntN(64, base));
}

function setTls(kernel: Kernel, invocation: Invocation, { tcb }: Cap<'thread'>): undefined {
  setTlsBase(tcb, invocation.word(0));
  rescheduleIfCurrent(kernel, tcb);
}

function readRegisters(kernel: Kernel, invocation: Invocation, { tcb }: Cap<'thread'>): Result {
  const count = invocation.number(1);
  if (count < 1 || count > userContext.length) return refusal.rangeError(1, userContext.length);
  if (tcb === invocation.thread) return refusal.illegalOperation;
  if ((invocation.word(0) & 1n) !== 0n) suspend(kernel, tcb);
  return new Answer(userContext.slice(0, count).map((register) => readRegister(tcb, register)));
}

function writeRegisters(kernel: Kernel, invocation: Invocation, { tcb }: Cap<'thread'>): Result {
  const resumes = (invocation.word(0) & 1n) !== 0n;
  const asked = invocation.number(1);
  if (invocation.length - 2 < asked) return refusal.truncatedMessage;
  if (tcb === invocation.thread) return refusal.illegalOperation;
  const count = Math.min(asked, userContext.length);
  for (let i = 0; i < count; i++) writeRegister(tcb, userContext[i]!, invocation.word(2 + i));
  rewind(tcb.context);
  if (resumes) restart(kernel, tcb);
}

const copyFlag = { suspendSource: 1n, resumeTarget: 2n, transferFrame: 4n, transferInteger: 8n } as const;

function copyRegisters(kernel: Kernel, invocation: Invocation, { tcb }: Cap<'thread'>): Result {
  const flags = invocation.word(0);
  const sourceCap = invocation.extraCap(0);
  if (sourceCap.type !== capType.thread) return refusal.invalidCapability(1);
  const source = sourceCap.tcb;
  const transfer = (registers: readonly number[]): void => {
    for (const register of registers) writeRegister(tcb, register, readRegister(source, register));
  };
  remoteTCBStall(kernel, source);
  if ((flags & copyFlag.suspendSource) !== 0n) suspend(kernel, source);
  if ((flags & copyFlag.resumeTarget) !== 0n) restart(kernel, tcb);
  if ((flags & copyFlag.transferFrame) !== 0n) {
    transfer(userContext.slice(0, frameRegisterCount));
    rewind(tcb.context);
  }
  if ((flags & copyFlag.transferInteger) !== 0n) transfer(userContext.slice(frameRegisterCount));
  rescheduleIfCurrent(kernel, tcb);
}

function setFlags({ config }: Kernel, invocation: Invocation, { tcb }: Cap<'thread'>): Result {
  const known = tcbFlag.fpuDisabled | (config.extensions ? tcbFlag.foreign : 0);
  tcb.flags &= ~Number(invocation.word(0) & BigInt(known));
  tcb.flags |= Number(invocation.word(1) & BigInt(known));
  setFpu(tcb.context, (tcb.flags & tcbFlag.fpuDisabled) === 0);
  return new Answer([BigInt(tcb.flags)]);
}

// Spaces.

/** What an invocation puts into a slot of a TCB, in place of what is there. */
interface NewCap {
  readonly index: number;
  readonly cap: Capability;
  readonly source: Slot;
  /** Of an IPC buffer. */
  readonly address?: bigint;
}

function installTCBCaps(kernel: Kernel, { slot: invoked }: Invocation, tcb: Tcb, caps: readonly NewCap[]): Result {
  for (const { index, cap, source, address } of caps) {
    const slot = tcb.slots.slot(index);
    if (!cteDelete(kernel, slot, true)) return preempted;
    if (address !== undefined) tcb.ipcBuffer = Number(BigInt.asUintN(sizeBits.hugePage, address));
    // The deletion may have taken the source, or the TCB itself.
    const stillThere = sameObjectAs(cap, source.cap) && sameObjectAs({ type: capType.thread, tcb }, invoked.cap);
    if (cap.type !== capType.null && stillThere) cteInsert(kernel, cap, source, slot);
    if (address !== undefined) rescheduleIfCurrent(kernel, tcb);
  }
}

function decodeBuffer(address: bigint, source: Slot): NewCap | SyscallError {
  const index = tcbSlot.buffer;
  if (address === 0n) return { index, cap: nullCap, source, address };
  const cap = deriveCap(source, source.cap);
  if (cap instanceof SyscallError) return cap;
  if (cap.type !== capType.frame || cap.device) return refusal.illegalOperation;
  if (BigInt.asUintN(sizeBits.ipcBuffer, address) !== 0n) return refusal.alignmentError;
  return { index, cap, source, address };
}

/** A CSpace root or VSpace root as it would be in the TCB: with the guard that `data` says, unless that is 0. */
const deriveRoot = (source: Slot, data: bigint): Capability | SyscallError =>
  deriveCap(source, data === 0n ? source.cap : updateCapData(false, data, source.cap));

/** The roots of Configure and SetSpace, extra capabilities `first` and the next: their guards are the first two words. */
function decodeRoots(invocation: Invocation, tcb: Tcb, first: number): NewCap[] | SyscallError {
  const { cTable, vTable } = tcbSlot;
  if ([cTable, vTable].some((index) => slotCapLongRunningDelete(tcb.slots.slot(index)))) {
    return refusal.illegalOperation;
  }
  const cSource = invocation.extraSlot(first);
  const vSource = invocation.extraSlot(first + 1);
  const cRoot = deriveRoot(cSource, invocation.word(0));
  if (cRoot instanceof SyscallError) return cRoot;
  if (cRoot.type !== capType.cNode) return refusal.illegalOperation;
  const vRoot = deriveRoot(vSource, invocation.word(1));
  if (vRoot instanceof SyscallError) return vRoot;
  if (vRoot.type !== capType.pageTable || !vRoot.mapped || vRoot.guestLevels !== 0) return refusal.illegalOperation;
  return [
    { index: cTable, cap: cRoot, source: cSource },
    { index: vTable, cap: vRoot, source: vSource },
  ];
}

/** A fault or timeout handler, the extra capability `extra`: it must be able to answer; none is allowed too. */
function decodeHandler(invocation: Invocation, extra: number, index: number, number: number): NewCap | SyscallError {
  const source = invocation.extraSlot(extra);
  const { cap } = source;
  const answers = cap.type === capType.endpoint && cap.canSend && (cap.canGrant || cap.canGrantReply);
  return answers || cap.type === capType.null ? { index, cap, source } : refusal.invalidCapability(number);
}

function configure(kernel: Kernel, invocation: Invocation, { tcb }: Cap<'thread'>): Result {
  const buffer = decodeBuffer(invocation.word(2), invocation.extraSlot(2));
  if (buffer instanceof SyscallError) return buffer;
  const roots = decodeRoots(invocation, tcb, 0);
  return roots instanceof SyscallError ? roots : installTCBCaps(kernel, invocation, tcb, [...roots, buffer]);
}

function setSpace(kernel: Kernel, invocation: Invocation, { tcb }: Cap<'thread'>): Result {
  const roots = decodeRoots(invocation, tcb, 1);
  if (roots instanceof SyscallError) return roots;
  const handler = decodeHandler(invocation, 0, tcbSlot.faultHandler, 1);
  return handler instanceof SyscallError ? handler : installTCBCaps(kernel, invocation, tcb, [handler, ...roots]);
}

function setIPCBuffer(kernel: Kernel, invocation: Invocation, { tcb }: Cap<'thread'>): Result {
  const buffer = decodeBuffer(invocation.word(0), invocation.extraSlot(0));
  return buffer instanceof SyscallError ? buffer : installTCBCaps(kernel, invocation, tcb, [buffer]);
}

function setTimeoutEndpoint(kernel: Kernel, invocation: Invocation, { tcb }: Cap<'thread'>): Result {
  const handler = decodeHandler(invocation, 0, tcbSlot.timeoutHandler, 1);
  return handler instanceof SyscallError ? handler : installTCBCaps(kernel, invocation, tcb, [handler]);
}

// Scheduling.

function checkPriority(priority: number, authority: Tcb): SyscallError | null {
  return priority > authority.maxControlledPriority ? refusal.rangeError(0, authority.maxControlledPriority) : null;
}

/** SetPriority and SetMCPriority. */
function setOnePriority(kernel: Kernel, invocation: Invocation, { tcb }: Cap<'thread'>): Result {
  const authority = invocation.extraCap(0);
  if (authority.type !== capType.thread) return refusal.invalidCapability(1);
  const priority = invocation.number(0);
  const refused = checkPriority(priority, authority.tcb);
  if (refused !== null) return refused;
  if (invocation.label === label.TCBSetPriority) setPriority(kernel, tcb, priority);
  else tcb.maxControlledPriority = priority;
}

function setSchedParams(kernel: Kernel, invocation: Invocation, { tcb }: Cap<'thread'>): Result {
  const mcp = invocation.number(0);
  const priority = invocation.number(1);
  const authority = invocation.extraCap(0);
  if (authority.type !== capType.thread) return refusal.invalidCapability(1);
  const refused = checkPriority(mcp, authority.tcb) ?? checkPriority(priority, authority.tcb);
  if (refused !== null) return refused;
  const sc = decodeSchedContext(kernel, invocation, tcb);
  if (sc instanceof SyscallError) return sc;
  const handler = decodeHandler(invocation, 2, tcbSlot.faultHandler, 3);
  if (handler instanceof SyscallError) return handler;

  if (installTCBCaps(kernel, invocation, tcb, [handler]) === preempted) return preempted;
  tcb.maxControlledPriority = mcp;
  setPriority(kernel, tcb, priority);
  if (tcb.schedContext !== sc) {
    if (sc !== null) schedContextBindTCB(kernel, sc, tcb);
    else schedContextUnbindTCB(kernel, tcb.schedContext!);
  }
}

/** The scheduling context that SetSchedParams gives the thread: null, if it takes it away. */
function decodeSchedContext(kernel: Kernel, invocation: Invocation, tcb: Tcb): SchedContext | null | SyscallError {
  const cap = invocation.extraCap(1);
  if (cap.type === capType.null) return tcb === invocation.thread ? refusal.illegalOperation : null;
  if (cap.type !== capType.schedContext) return refusal.invalidCapability(2);
  const sc = cap.schedContext;
  const taken = tcb.schedContext !== sc && (tcb.schedContext !== null || sc.tcb !== null);
  return taken || (isBlocked(tcb) && !isReleased(kernel, sc)) ? refusal.illegalOperation : sc;
}

function bind(_: Kernel, invocation: Invocation, { tcb }: Cap<'thread'>): Result {
  if (tcb.boundNotification !== null) return refusal.illegalOperation;
  const cap = invocation.extraCap(0);
  if (cap.type !== capType.notification || !cap.canReceive) return refusal.illegalOperation;
  const { notification } = cap;
  if (notification.queue.head !== null || notification.boundTcb !== null) return refusal.illegalOperation;
  notification.boundTcb = tcb;
  tcb.boundNotification = notification;
}

function unbind(_: Kernel, __: Invocation, { tcb }: Cap<'thread'>): Result {
  if (tcb.boundNotification === null) return refusal.illegalOperation;
  unbindNotification(tcb);
}
