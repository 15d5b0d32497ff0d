// TCB: registers, spaces, priorities, handlers.
// Source: seL4 manual, "TCB - General Methods"; object-api.xml.

import { label } from '../abi/invocation-labels.ts';
import { sizeBits } from '../abi/limits.ts';
import { tcbFlag } from '../abi/rights.ts';
import { frameRegisterCount, userContext } from '../abi/user-context.ts';
import { mayHandleFaults, sameObject, withData } from './capability.ts';
import { bindThread, unbindThread } from './contexts.ts';
import { deleteSlot, takesLong } from './deletion.ts';
import { capAt, derive, insertCopy } from './derivation.ts';
import {
  alignmentError,
  type Finished,
  illegalOperation,
  invalidCapability,
  type Outcome,
  Refused,
  rangeError,
  truncatedMessage,
} from './fault.ts';
import { setUserRegister, userRegister } from './faults.ts';
import type { Invocation } from './invocation.ts';
import { setRegister } from './message.ts';
import { bind, unbind } from './notifications.ts';
import { isConfigured, isReady } from './refills.ts';
import { chooseAnew, isBlocked } from './schedule.ts';
import {
  type Capability,
  type ObjectId,
  type SlotId,
  type State,
  slotId,
  type Thread,
  tcbSlots,
  thread,
} from './state.ts';
import { resume, setPriority, suspend } from './threads.ts';

export function invokeTcb(invocation: Invocation, id: ObjectId): Outcome {
  const { s } = invocation;
  switch (invocation.label) {
    case label.TCBReadRegisters:
      return readRegisters(invocation, id);
    case label.TCBWriteRegisters:
      return writeRegisters(invocation, id);
    case label.TCBCopyRegisters:
      return copyRegisters(invocation, id);
    case label.TCBSuspend:
      suspend(s, id);
      return 'done';
    case label.TCBResume:
      resume(s, id);
      return 'done';
    case label.TCBConfigure:
      return configure(invocation, id);
    case label.TCBSetSpace:
      return setSpace(invocation, id);
    case label.TCBSetIPCBuffer:
      return setBuffer(invocation, id);
    case label.TCBSetTimeoutEndpoint:
      return setTimeoutEndpoint(invocation, id);
    case label.TCBSetPriority:
      return setOnePriority(invocation, id, setPriority);
    case label.TCBSetMCPriority:
      return setOnePriority(invocation, id, (_, to, mcp) => {
        thread(s, to).mcp = mcp;
      });
    case label.TCBSetSchedParams:
      return setSchedParams(invocation, id);
    case label.TCBBindNotification:
      return bindNotification(invocation, id);
    case label.TCBUnbindNotification:
      if (thread(s, id).notification === null) return illegalOperation;
      unbind(s, id);
      return 'done';
    case label.TCBSetTLSBase:
      if (invocation.lacks(1, 0)) return truncatedMessage;
      setTlsBase(thread(s, id), invocation.word(0));
      rescheduleSelf(s, id);
      return 'done';
    case label.TCBSetFlags:
      return setFlags(invocation, thread(s, id));
    default:
      return illegalOperation;
  }
}
/** A thread that changes itself gives the scheduler a new choice. */
function rescheduleSelf(s: State, id: ObjectId): void {
  if (id === s.current) chooseAnew(s);
}

// Registers.

const threadPointer = 4;
export function setTlsBase(t: Thread, base: bigint): void {
  setRegister(t, threadPointer, base);
}
function setFlags(invocation: Invocation, t: Thread): Outcome {
  if (invocation.lacks(2, 0)) return truncatedMessage;
  for (const flag of Object.values(tcbFlag)) {
    if (invocation.flag(0, flag)) t.flags &= ~flag;
    if (invocation.flag(1, flag)) t.flags |= flag;
  }
  return { words: [BigInt(t.flags)] };
}
function readRegisters(invocation: Invocation, id: ObjectId): Outcome {
  const { s } = invocation;
  if (invocation.lacks(2, 0)) return truncatedMessage;
  const count = invocation.number(1);
  if (count < 1 || count > userContext.length) return rangeError(1, userContext.length);
  if (id === s.current) return illegalOperation;
  if (invocation.flag(0, 1)) suspend(s, id);
  return { words: userContext.slice(0, count).map((index) => userRegister(thread(s, id), index)) };
}
function writeRegisters(invocation: Invocation, id: ObjectId): Outcome {
  const { s } = invocation;
  if (invocation.lacks(2, 0) || !invocation.hasMore(2, invocation.word(1))) return truncatedMessage;
  if (id === s.current) return illegalOperation;
  const t = thread(s, id);
  userContext.slice(0, invocation.number(1)).forEach((index, i) => {
    setUserRegister(t, index, invocation.word(2 + i));
  });
  t.pc = t.restartPc;
  if (invocation.flag(0, 1)) resume(s, id);
  return 'done';
}
const copying = { suspendSource: 1, resumeTarget: 2, frame: 4, integer: 8 } as const;
function copyRegisters(invocation: Invocation, id: ObjectId): Outcome {
  const { s } = invocation;
  if (invocation.lacks(1, 1)) return truncatedMessage;
  const from = invocation.cap(0);
  if (from?.kind !== 'tcb') return invalidCapability(1);
  if (invocation.flag(0, copying.suspendSource)) suspend(s, from.object);
  if (invocation.flag(0, copying.resumeTarget)) resume(s, id);
  const [source, target] = [thread(s, from.object), thread(s, id)];
  const copy = (indices: readonly number[]): void => {
    for (const index of indices) setUserRegister(target, index, userRegister(source, index));
  };
  if (invocation.flag(0, copying.frame)) {
    copy(userContext.slice(0, frameRegisterCount));
    target.pc = target.restartPc;
  }
  if (invocation.flag(0, copying.integer)) copy(userContext.slice(frameRegisterCount));
  rescheduleSelf(s, id);
  return 'done';
}

// Spaces and handlers.

/** What a slot of a TCB is to hold: a copy of what is in another slot. */
interface New {
  at: number;
  cap: Capability | null;
  source: SlotId;
}

/** Puts a capability into a slot of a TCB; unless emptying that took what is copied, or the TCB itself. */
function install(invocation: Invocation, id: ObjectId, { at, cap, source }: New): Finished {
  const { s } = invocation;
  const slot = slotId(id, at);
  if (!deleteSlot(s, slot)) return false;
  const [now, tcb] = [capAt(s, source), capAt(s, invocation.slot)];
  if (cap !== null && now !== undefined && sameObject(cap, now) && tcb?.kind === 'tcb' && tcb.object === id) {
    insertCopy(s, cap, source, slot);
  }
  return true;
}
function installAll(invocation: Invocation, id: ObjectId, news: readonly New[]): Outcome {
  return news.every((one) => install(invocation, id, one)) ? 'done' : 'preempted';
}

/** A capability as it is. */
function asIs(s: State, at: number, source: SlotId): New {
  const cap = capAt(s, source);
  return { at, cap: cap === undefined ? null : { ...cap }, source };
}

/** The roots that a thread gets, with new guards if words say so. */
function decodeRoots(invocation: Invocation, id: ObjectId, cSource: SlotId, vSource: SlotId): New[] | Refused {
  const { s } = invocation;
  if (takesLong(s, slotId(id, tcbSlots.cspace)) || takesLong(s, slotId(id, tcbSlots.vspace))) return illegalOperation;
  const copy = (source: SlotId, data: bigint): Capability | null | Refused => {
    const cap = capAt(s, source);
    return derive(s, source, cap === undefined || data === 0n ? (cap ?? null) : withData(cap, data, false));
  };
  const cspace = copy(cSource, invocation.word(0));
  if (cspace instanceof Refused) return cspace;
  if (cspace?.kind !== 'cnode') return illegalOperation;
  const vspace = copy(vSource, invocation.word(1));
  if (vspace instanceof Refused) return vspace;
  if (vspace?.kind !== 'page-table') return illegalOperation;
  return [
    { at: tcbSlots.cspace, cap: cspace, source: cSource },
    { at: tcbSlots.vspace, cap: vspace, source: vSource },
  ];
}
/** The buffer that a thread gets: none with address 0. */
function decodeBuffer(s: State, address: bigint, source: SlotId): New | Refused {
  const none = { at: tcbSlots.buffer, cap: null, source };
  if (address === 0n) return none;
  const cap = derive(s, source, capAt(s, source) ?? null);
  if (cap instanceof Refused) return cap;
  if (cap?.kind !== 'frame' || cap.device) return illegalOperation;
  return BigInt.asUintN(sizeBits.ipcBuffer, address) === 0n ? { ...none, cap } : alignmentError;
}
/** Unlike other slots, the thread may be running with what it holds. */
function installBuffer(invocation: Invocation, id: ObjectId, address: bigint, buffer: New): Outcome {
  const { s } = invocation;
  const slot = slotId(id, buffer.at);
  if (!deleteSlot(s, slot)) return 'preempted';
  const t = s.threads[id];
  if (t !== undefined) t.buffer = Number(BigInt.asUintN(sizeBits.hugePage, address));
  install(invocation, id, buffer);
  rescheduleSelf(s, id);
  return 'done';
}

function configure(invocation: Invocation, id: ObjectId): Outcome {
  const { s } = invocation;
  if (invocation.lacks(3, 3)) return truncatedMessage;
  const [cSource, vSource, bufferSource] = invocation.slots as [SlotId, SlotId, SlotId];
  const address = invocation.word(2);
  const buffer = decodeBuffer(s, address, bufferSource);
  if (buffer instanceof Refused) return buffer;
  const roots = decodeRoots(invocation, id, cSource, vSource);
  if (roots instanceof Refused) return roots;
  const outcome = installAll(invocation, id, roots);
  return outcome === 'done' ? installBuffer(invocation, id, address, buffer) : outcome;
}
function setBuffer(invocation: Invocation, id: ObjectId): Outcome {
  if (invocation.lacks(1, 1)) return truncatedMessage;
  const address = invocation.word(0);
  const buffer = decodeBuffer(invocation.s, address, invocation.slots[0]!);
  return buffer instanceof Refused ? buffer : installBuffer(invocation, id, address, buffer);
}
function setSpace(invocation: Invocation, id: ObjectId): Outcome {
  const { s } = invocation;
  if (invocation.lacks(2, 3)) return truncatedMessage;
  const [handler, cSource, vSource] = invocation.slots as [SlotId, SlotId, SlotId];
  const roots = decodeRoots(invocation, id, cSource, vSource);
  if (roots instanceof Refused) return roots;
  if (!mayHandleFaults(capAt(s, handler))) return invalidCapability(1);
  return installAll(invocation, id, [asIs(s, tcbSlots.faultHandler, handler), ...roots]);
}
function setTimeoutEndpoint(invocation: Invocation, id: ObjectId): Outcome {
  const { s } = invocation;
  if (invocation.lacks(0, 1)) return truncatedMessage;
  if (!mayHandleFaults(invocation.cap(0))) return invalidCapability(1);
  return installAll(invocation, id, [asIs(s, tcbSlots.timeoutHandler, invocation.slots[0]!)]);
}

// Scheduling.

/** The priorities that words ask for, if the thread in whose name that happens may give them. */
function decodePriorities(invocation: Invocation, words: number[]): number[] | Refused {
  const authority = invocation.cap(0);
  if (authority?.kind !== 'tcb') return invalidCapability(1);
  const { mcp } = thread(invocation.s, authority.object);
  const priorities = words.map((index) => invocation.number(index));
  return priorities.every((priority) => priority <= mcp) ? priorities : rangeError(0, mcp);
}
function setOnePriority(
  invocation: Invocation,
  id: ObjectId,
  set: (s: State, id: ObjectId, priority: number) => void,
): Outcome {
  if (invocation.lacks(1, 1)) return truncatedMessage;
  const priorities = decodePriorities(invocation, [0]);
  if (priorities instanceof Refused) return priorities;
  set(invocation.s, id, priorities[0]!);
  return 'done';
}
function setSchedParams(invocation: Invocation, id: ObjectId): Outcome {
  const { s } = invocation;
  if (invocation.lacks(2, 3)) return truncatedMessage;
  const priorities = decodePriorities(invocation, [0, 1]);
  if (priorities instanceof Refused) return priorities;
  const context = decodeContext(invocation, id);
  if (context instanceof Refused) return context;
  if (!mayHandleFaults(invocation.cap(2))) return invalidCapability(3);
  const [mcp, priority] = priorities as [number, number];
  if (!install(invocation, id, asIs(s, tcbSlots.faultHandler, invocation.slots[2]!))) return 'preempted';
  const t = thread(s, id);
  t.mcp = mcp;
  setPriority(s, id, priority);
  if (t.schedContext === context) return 'done';
  if (context !== null) bindThread(s, context, id);
  else unbindThread(s, t.schedContext!);
  return 'done';
}
/** The context that a thread is to have; null: none. */
function decodeContext(invocation: Invocation, id: ObjectId): ObjectId | null | Refused {
  const { s } = invocation;
  const cap = invocation.cap(1);
  const t = thread(s, id);
  if (cap === undefined) return id === s.current ? illegalOperation : null;
  if (cap.kind !== 'sched-context') return invalidCapability(2);
  const sc = s.schedContexts[cap.object]!;
  if (t.schedContext !== cap.object && (t.schedContext !== null || sc.thread !== null)) return illegalOperation;
  return isBlocked(t) && !(isConfigured(sc) && isReady(s, sc)) ? illegalOperation : cap.object;
}
function bindNotification(invocation: Invocation, id: ObjectId): Outcome {
  const { s } = invocation;
  if (invocation.lacks(0, 1)) return truncatedMessage;
  if (thread(s, id).notification !== null) return illegalOperation;
  const cap = invocation.cap(0);
  if (cap?.kind !== 'notification' || !cap.receive) return illegalOperation;
  const { waiters, thread: bound } = s.notifications[cap.object]!;
  if (waiters.length > 0 || bound !== null) return illegalOperation;
  bind(s, cap.object, id);
  return 'done';
}
