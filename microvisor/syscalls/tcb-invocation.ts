// Invocations of TCBs.

import { label } from '../abi/invocation-labels.ts';
import { sizeBits } from '../abi/limits.ts';
import { tcbFlag } from '../abi/rights.ts';
import { frameRegisterCount, userContext } from '../abi/user-context.ts';
import { sameObjectAs, updateCapData } from '../cspace/capability.ts';
import { cteInsert, deriveCap } from '../cspace/derivation.ts';
import { cteDelete, slotCapLongRunningDelete } from '../deletion.ts';
import type { Kernel } from '../kernel.ts';
import { bindNotification, unbindNotification } from '../notification.ts';
import {
  type Capability,
  capType,
  nullCap,
  type SchedContext,
  type Slot,
  type Tcb,
  type ThreadCap,
  tcbSlot,
} from '../objects.ts';
import { Answer, type Completed, done, type Outcome, preempted, refusal, SyscallError } from '../outcome.ts';
import { readRegister, rewind, setFpu, writeRegister } from '../registers.ts';
import { schedContextBindTCB, schedContextUnbindTCB } from '../sched-context.ts';
import { isBlocked, remoteTCBStall, rescheduleRequired } from '../scheduler.ts';
import { isReleased } from '../sporadic.ts';
import { restart, setPriority, suspend } from '../tcb.ts';
import type { Invocation } from './invocation.ts';

export function decodeTCBInvocation(invocation: Invocation, cap: ThreadCap): Outcome {
  const { kernel } = invocation;
  const { tcb } = cap;
  remoteTCBStall(kernel, tcb);
  switch (invocation.label) {
    case label.TCBReadRegisters:
      return readRegisters(invocation, tcb);
    case label.TCBWriteRegisters:
      return writeRegisters(invocation, tcb);
    case label.TCBCopyRegisters:
      return copyRegisters(invocation, tcb);
    case label.TCBSuspend:
      suspend(kernel, tcb);
      return done;
    case label.TCBResume:
      restart(kernel, tcb);
      return done;
    case label.TCBConfigure:
      return configure(invocation, tcb);
    case label.TCBSetPriority:
      return decodeSetPriority(invocation, tcb);
    case label.TCBSetMCPriority:
      return decodeSetMCPriority(invocation, tcb);
    case label.TCBSetSchedParams:
      return setSchedParams(invocation, tcb);
    case label.TCBSetTimeoutEndpoint:
      return setTimeoutEndpoint(invocation, tcb);
    case label.TCBSetIPCBuffer:
      return setIPCBuffer(invocation, tcb);
    case label.TCBSetSpace:
      return setSpace(invocation, tcb);
    case label.TCBBindNotification:
      return decodeBindNotification(invocation, tcb);
    case label.TCBUnbindNotification:
      if (tcb.boundNotification === null) return refusal.illegalOperation;
      unbindNotification(tcb);
      return done;
    case label.TCBSetTLSBase:
      if (invocation.length < 1) return refusal.truncatedMessage;
      setTlsBase(tcb, invocation.word(0));
      rescheduleIfCurrent(kernel, tcb);
      return done;
    case label.TCBSetFlags:
      return setFlags(invocation, tcb);
    default:
      return refusal.illegalOperation;
  }
}

function rescheduleIfCurrent(kernel: Kernel, tcb: Tcb): void {
  if (tcb === kernel.node.current) rescheduleRequired(kernel);
}

// Registers.

const threadPointer = 4;
export function setTlsBase(tcb: Tcb, base: bigint): void {
  tcb.context.setX(threadPointer, BigInt.asIntN(64, base));
}

function readRegisters(invocation: Invocation, tcb: Tcb): Outcome {
  if (invocation.length < 2) return refusal.truncatedMessage;
  const count = invocation.number(1);
  if (count < 1 || count > userContext.length) return refusal.rangeError(1, userContext.length);
  if (tcb === invocation.thread) return refusal.illegalOperation;
  if ((invocation.word(0) & 1n) !== 0n) suspend(invocation.kernel, tcb);
  return new Answer(userContext.slice(0, count).map((register) => readRegister(tcb, register)));
}

function writeRegisters(invocation: Invocation, tcb: Tcb): Outcome {
  const { kernel } = invocation;
  if (invocation.length < 2) return refusal.truncatedMessage;
  const resume = (invocation.word(0) & 1n) !== 0n;
  const asked = invocation.number(1);
  if (invocation.length - 2 < asked) return refusal.truncatedMessage;
  if (tcb === invocation.thread) return refusal.illegalOperation;
  const count = Math.min(asked, userContext.length);
  for (let i = 0; i < count; i++) writeRegister(tcb, userContext[i]!, invocation.word(2 + i));
  rewind(tcb.context);
  if (resume) restart(kernel, tcb);
  return done;
}

const copyFlag = { suspendSource: 1n, resumeTarget: 2n, transferFrame: 4n, transferInteger: 8n } as const;

function copyRegisters(invocation: Invocation, tcb: Tcb): Outcome {
  const { kernel } = invocation;
  if (invocation.lacks(1, 1)) return refusal.truncatedMessage;
  const flags = invocation.word(0);
  const sourceCap = invocation.extraCap(0);
  if (sourceCap.type !== capType.thread) return refusal.invalidCapability(1);
  const source = sourceCap.tcb;
  if ((flags & copyFlag.suspendSource) !== 0n) suspend(kernel, source);
  if ((flags & copyFlag.resumeTarget) !== 0n) restart(kernel, tcb);
  if ((flags & copyFlag.transferFrame) !== 0n) {
    for (const register of userContext.slice(0, frameRegisterCount)) {
      writeRegister(tcb, register, readRegister(source, register));
    }
    rewind(tcb.context);
  }
  if ((flags & copyFlag.transferInteger) !== 0n) {
    for (const register of userContext.slice(frameRegisterCount)) {
      writeRegister(tcb, register, readRegister(source, register));
    }
  }
  rescheduleIfCurrent(kernel, tcb);
  return done;
}

function setFlags(invocation: Invocation, tcb: Tcb): Outcome {
  if (invocation.length < 2) return refusal.truncatedMessage;
  const known = tcbFlag.fpuDisabled | tcbFlag.foreign;
  tcb.flags &= ~Number(invocation.word(0) & BigInt(known));
  tcb.flags |= Number(invocation.word(1) & BigInt(known));
  setFpu(tcb.context, (tcb.flags & tcbFlag.fpuDisabled) === 0);
  return new Answer([BigInt(tcb.flags)]);
}

// Spaces.

/** The capabilities of a TCB that an invocation replaces; those that are absent stay. */
interface ThreadControlCaps {
  faultHandler?: NewCap;
  timeoutHandler?: NewCap;
  cRoot?: NewCap;
  vRoot?: NewCap;
  /** `source` null: the buffer is taken away. */
  buffer?: { address: bigint; cap: Capability; source: Slot | null };
}
interface NewCap {
  cap: Capability;
  source: Slot;
}

function installTCBCap(invocation: Invocation, tcb: Tcb, index: number, { cap, source }: NewCap): Completed {
  const { kernel } = invocation;
  const slot = tcb.slots.slot(index);
  if (!cteDelete(kernel, slot, true)) return false;
  if (cap.type === capType.null) return true;
  // The deletion may have taken the source, or the TCB itself.
  if (sameObjectAs(cap, source.cap) && sameObjectAs({ type: capType.thread, tcb }, invocation.slot.cap)) {
    cteInsert(kernel, cap, source, slot);
  }
  return true;
}

function threadControlCaps(invocation: Invocation, tcb: Tcb, caps: ThreadControlCaps): Outcome {
  const { kernel } = invocation;
  const installs: [number, NewCap | undefined][] = [
    [tcbSlot.faultHandler, caps.faultHandler],
    [tcbSlot.timeoutHandler, caps.timeoutHandler],
    [tcbSlot.cTable, caps.cRoot],
    [tcbSlot.vTable, caps.vRoot],
  ];
  for (const [index, newCap] of installs) {
    if (newCap !== undefined && !installTCBCap(invocation, tcb, index, newCap)) return preempted;
  }
  if (caps.buffer !== undefined) {
    const { address, cap, source } = caps.buffer;
    const slot = tcb.slots.slot(tcbSlot.buffer);
    if (!cteDelete(kernel, slot, true)) return preempted;
    tcb.ipcBuffer = Number(BigInt.asUintN(sizeBits.hugePage, address));
    if (
      source !== null &&
      sameObjectAs(cap, source.cap) &&
      sameObjectAs({ type: capType.thread, tcb }, invocation.slot.cap)
    ) {
      cteInsert(kernel, cap, source, slot);
    }
    rescheduleIfCurrent(kernel, tcb);
  }
  return done;
}

function decodeBuffer(address: bigint, slot: Slot): Required<ThreadControlCaps>['buffer'] | SyscallError {
  if (address === 0n) return { address, cap: nullCap, source: null };
  const cap = deriveCap(slot, slot.cap);
  if (cap instanceof SyscallError) return cap;
  if (cap.type !== capType.frame || cap.device) return refusal.illegalOperation;
  if (BigInt.asUintN(sizeBits.ipcBuffer, address) !== 0n) return refusal.alignmentError;
  return { address, cap, source: slot };
}

function decodeRoots(
  tcb: Tcb,
  cRootData: bigint,
  cRootSlot: Slot,
  vRootData: bigint,
  vRootSlot: Slot,
): { cRoot: NewCap; vRoot: NewCap } | SyscallError {
  if (
    slotCapLongRunningDelete(tcb.slots.slot(tcbSlot.cTable)) ||
    slotCapLongRunningDelete(tcb.slots.slot(tcbSlot.vTable))
  ) {
    return refusal.illegalOperation;
  }
  const cRoot = deriveCap(cRootSlot, cRootData === 0n ? cRootSlot.cap : updateCapData(false, cRootData, cRootSlot.cap));
  if (cRoot instanceof SyscallError) return cRoot;
  if (cRoot.type !== capType.cNode) return refusal.illegalOperation;
  const vRoot = deriveCap(vRootSlot, vRootData === 0n ? vRootSlot.cap : updateCapData(false, vRootData, vRootSlot.cap));
  if (vRoot instanceof SyscallError) return vRoot;
  if (vRoot.type !== capType.pageTable || !vRoot.mapped || vRoot.guestLevels !== 0) return refusal.illegalOperation;
  return { cRoot: { cap: cRoot, source: cRootSlot }, vRoot: { cap: vRoot, source: vRootSlot } };
}

function configure(invocation: Invocation, tcb: Tcb): Outcome {
  if (invocation.lacks(3, 3)) return refusal.truncatedMessage;
  const [cRootSlot, vRootSlot, bufferSlot] = [0, 1, 2].map((i) => invocation.extraSlot(i)) as [Slot, Slot, Slot];
  const buffer = decodeBuffer(invocation.word(2), bufferSlot);
  if (buffer instanceof SyscallError) return buffer;
  const roots = decodeRoots(tcb, invocation.word(0), cRootSlot, invocation.word(1), vRootSlot);
  if (roots instanceof SyscallError) return roots;
  return threadControlCaps(invocation, tcb, { ...roots, buffer });
}

function setSpace(invocation: Invocation, tcb: Tcb): Outcome {
  if (invocation.lacks(2, 3)) return refusal.truncatedMessage;
  const [handlerSlot, cRootSlot, vRootSlot] = [0, 1, 2].map((i) => invocation.extraSlot(i)) as [Slot, Slot, Slot];
  const handler = handlerSlot.cap;
  const roots = decodeRoots(tcb, invocation.word(0), cRootSlot, invocation.word(1), vRootSlot);
  if (roots instanceof SyscallError) return roots;
  if (!validFaultHandler(handler)) return refusal.invalidCapability(1);
  return threadControlCaps(invocation, tcb, { ...roots, faultHandler: { cap: handler, source: handlerSlot } });
}

function setIPCBuffer(invocation: Invocation, tcb: Tcb): Outcome {
  if (invocation.lacks(1, 1)) return refusal.truncatedMessage;
  const buffer = decodeBuffer(invocation.word(0), invocation.extraSlot(0));
  return buffer instanceof SyscallError ? buffer : threadControlCaps(invocation, tcb, { buffer });
}

function setTimeoutEndpoint(invocation: Invocation, tcb: Tcb): Outcome {
  if (invocation.extraCapCount < 1) return refusal.truncatedMessage;
  const source = invocation.extraSlot(0);
  if (!validFaultHandler(source.cap)) return refusal.invalidCapability(1);
  return threadControlCaps(invocation, tcb, { timeoutHandler: { cap: source.cap, source } });
}

/** A handler must be able to answer; none is allowed too. */
function validFaultHandler(cap: Capability): boolean {
  if (cap.type === capType.endpoint) return cap.canSend && (cap.canGrant || cap.canGrantReply);
  return cap.type === capType.null;
}

// Scheduling.

function checkPriority(priority: number, authority: Tcb): SyscallError | null {
  return priority > authority.maxControlledPriority ? refusal.rangeError(0, authority.maxControlledPriority) : null;
}

/** The priority that SetPriority or SetMCPriority asks for, if the authority allows it. */
function decodePriority(invocation: Invocation): number | SyscallError {
  if (invocation.lacks(1, 1)) return refusal.truncatedMessage;
  const authority = invocation.extraCap(0);
  if (authority.type !== capType.thread) return refusal.invalidCapability(1);
  const priority = invocation.number(0);
  return checkPriority(priority, authority.tcb) ?? priority;
}
function decodeSetPriority(invocation: Invocation, tcb: Tcb): Outcome {
  const priority = decodePriority(invocation);
  if (priority instanceof SyscallError) return priority;
  setPriority(invocation.kernel, tcb, priority);
  return done;
}
function decodeSetMCPriority(invocation: Invocation, tcb: Tcb): Outcome {
  const priority = decodePriority(invocation);
  if (priority instanceof SyscallError) return priority;
  tcb.maxControlledPriority = priority;
  return done;
}

function setSchedParams(invocation: Invocation, tcb: Tcb): Outcome {
  const { kernel } = invocation;
  if (invocation.lacks(2, 3)) return refusal.truncatedMessage;
  const mcp = invocation.number(0);
  const priority = invocation.number(1);
  const authority = invocation.extraCap(0);
  if (authority.type !== capType.thread) return refusal.invalidCapability(1);
  const refused = checkPriority(mcp, authority.tcb) ?? checkPriority(priority, authority.tcb);
  if (refused !== null) return refused;
  const sc = decodeSchedContext(invocation, tcb);
  if (sc instanceof SyscallError) return sc;
  const handler = invocation.extraSlot(2);
  if (!validFaultHandler(handler.cap)) return refusal.invalidCapability(3);

  if (!installTCBCap(invocation, tcb, tcbSlot.faultHandler, { cap: handler.cap, source: handler })) return preempted;
  tcb.maxControlledPriority = mcp;
  setPriority(kernel, tcb, priority);
  if (tcb.schedContext !== sc) {
    if (sc !== null) schedContextBindTCB(kernel, sc, tcb);
    else schedContextUnbindTCB(kernel, tcb.schedContext!);
  }
  return done;
}

/** The scheduling context that SetSchedParams gives the thread: null, if it takes it away. */
function decodeSchedContext(invocation: Invocation, tcb: Tcb): SchedContext | null | SyscallError {
  const cap = invocation.extraCap(1);
  switch (cap.type) {
    case capType.schedContext: {
      const { schedContext } = cap;
      if (tcb.schedContext !== schedContext && (tcb.schedContext !== null || schedContext.tcb !== null)) {
        return refusal.illegalOperation;
      }
      if (isBlocked(tcb) && !isReleased(invocation.kernel, schedContext)) return refusal.illegalOperation;
      return schedContext;
    }
    case capType.null:
      return tcb === invocation.thread ? refusal.illegalOperation : null;
    default:
      return refusal.invalidCapability(2);
  }
}

function decodeBindNotification(invocation: Invocation, tcb: Tcb): Outcome {
  if (invocation.extraCapCount < 1) return refusal.truncatedMessage;
  if (tcb.boundNotification !== null) return refusal.illegalOperation;
  const cap = invocation.extraCap(0);
  if (cap.type !== capType.notification || !cap.canReceive) return refusal.illegalOperation;
  const { notification } = cap;
  if (notification.queue.head !== null || notification.boundTcb !== null) return refusal.illegalOperation;
  bindNotification(tcb, notification);
  return done;
}
