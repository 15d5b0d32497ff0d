// Endpoints and replies: messages, the capabilities beside them, and who waits for whom.
// Source: seL4 manual, "Message Passing (IPC)".

import { ipcBuffer } from '../abi/ipc-buffer.ts';
import { msgRegisterCount } from '../abi/limits.ts';
import { callRegister } from '../abi/system-calls.ts';
import { abandonCall, donate, leaveReply, popCall, pushCall, unblockContextOf } from './contexts.ts';
import { capAt, derive, insertCopy } from './derivation.ts';
import { type Fault, type LookupFailure, Refused } from './fault.ts';
import { applyAnswer, tellFault } from './faults.ts';
import { lookup, lookupArgument } from './lookup.ts';
import { bufferOf, bufferWord, infoOf, setBadge, setBufferWord, setInfo, setRegister, word } from './message.ts';
import { collect, returnContext } from './notifications.ts';
import { insertByPriority, removeFrom } from './queue.ts';
import { isReady, suffices } from './refills.ts';
import { become, canRun, chooseAnew, postpone, reconsider, wake } from './schedule.ts';
import {
  inactive,
  type ObjectId,
  type Of,
  restart,
  running,
  type SlotId,
  type State,
  slotId,
  tcbSlots,
  thread,
} from './state.ts';

// Transfer.

/** The slots of the capabilities beside a thread's message; or the address that leads nowhere. */
export function lookupBeside(
  s: State,
  id: ObjectId,
  buffer: number | null,
): { slots: SlotId[] } | { address: bigint; failure: LookupFailure } {
  const slots: SlotId[] = [];
  const count = buffer === null ? 0 : infoOf(thread(s, id)).extraCaps;
  for (let i = 0; i < count; i++) {
    const address = bufferWord(s, buffer!, ipcBuffer.capsOrBadges + i);
    const found = lookup(s, id, address);
    if ('failure' in found) return { address, failure: found.failure };
    slots.push(found.slot);
  }
  return { slots };
}

/** Where a receiver wants a capability, if it has prepared an empty slot. */
function receiveSlot(s: State, receiver: ObjectId, buffer: number): SlotId | null {
  const root = lookup(s, receiver, bufferWord(s, buffer, ipcBuffer.receiveCNode));
  if ('failure' in root) return null;
  const index = bufferWord(s, buffer, ipcBuffer.receiveIndex);
  const depth = bufferWord(s, buffer, ipcBuffer.receiveDepth);
  const slot = lookupArgument(s, capAt(s, root.slot), index, depth, false);
  return slot instanceof Refused || s.slots[slot] !== undefined ? null : slot;
}

/** Of the capabilities beside a message those to the endpoint itself arrive as badges; of the others one, if there is room. */
function transferCaps(
  s: State,
  slots: readonly SlotId[],
  endpoint: ObjectId | null,
  receiver: ObjectId,
): { extraCaps: number; capsUnwrapped: number } {
  const buffer = bufferOf(s, receiver, true);
  const arrived = { extraCaps: 0, capsUnwrapped: 0 };
  if (buffer === null || slots.length === 0) return arrived;
  let room = receiveSlot(s, receiver, buffer);
  for (const slot of slots) {
    const cap = capAt(s, slot);
    if (cap?.kind === 'endpoint' && cap.object === endpoint) {
      setBufferWord(s, buffer, ipcBuffer.capsOrBadges + arrived.extraCaps, cap.badge);
      arrived.capsUnwrapped |= 1 << arrived.extraCaps;
    } else {
      const copy = room === null ? null : derive(s, slot, cap ?? null);
      if (room === null || copy === null || copy instanceof Refused) break;
      insertCopy(s, copy, slot, room);
      room = null;
    }
    arrived.extraCaps++;
  }
  return arrived;
}

/** A message arrives: or, if the sender has faulted, the news of that. */
function transfer(
  s: State,
  sender: ObjectId,
  receiver: ObjectId,
  how: { endpoint: ObjectId | null; badge: bigint; grant: boolean },
): void {
  if (thread(s, sender).fault !== null) {
    tellFault(s, sender, how.badge, receiver);
    return;
  }
  const from = bufferOf(s, sender, false);
  const to = bufferOf(s, receiver, true);
  const { label, length } = infoOf(thread(s, sender));
  const beside = how.grant ? lookupBeside(s, sender, from) : { slots: [] };
  const arriving = from === null || to === null ? Math.min(length, msgRegisterCount) : length;
  for (let i = 0; i < arriving; i++) {
    const value = word(s, sender, from, i);
    if (i < msgRegisterCount) setRegister(thread(s, receiver), callRegister.message0 + i, value);
    else setBufferWord(s, to!, ipcBuffer.message + i, value);
  }
  const caps = transferCaps(s, 'slots' in beside ? beside.slots : [], how.endpoint, receiver);
  setInfo(thread(s, receiver), { label, length: arriving, ...caps });
  setBadge(thread(s, receiver), how.badge);
}

// Endpoints.

export interface Sending {
  blocking: boolean;
  call: boolean;
  donates: boolean;
}

export function send(s: State, sender: ObjectId, cap: Of<'endpoint'>, how: Sending): void {
  const { object: endpoint, badge, grant, grantReply } = cap;
  const { receivers, senders } = s.endpoints[endpoint]!;
  const receiver = receivers.shift();
  const t = thread(s, sender);
  if (receiver === undefined) {
    if (!how.blocking) return;
    t.activity = { kind: 'sending', endpoint, badge, grant, grantReply, call: how.call };
    reconsider(s, sender);
    insertByPriority(s, senders, sender);
    return;
  }
  transfer(s, sender, receiver, { endpoint, badge, grant });
  const { activity } = thread(s, receiver);
  const reply = activity.kind === 'receiving' ? activity.reply : null;
  leaveReply(s, receiver);
  if (how.call || t.fault !== null) {
    if (reply !== null && (grant || grantReply)) pushCall(s, sender, receiver, reply, how.donates);
    else become(s, sender, inactive);
  } else if (how.donates && thread(s, receiver).schedContext === null && t.schedContext !== null) {
    donate(s, t.schedContext, receiver);
  }
  become(s, receiver, running);
  unblockContextOf(s, receiver);
  wake(s, receiver);
}

/** `reply`: where a caller is to wait for the answer. */
export function receive(
  s: State,
  receiver: ObjectId,
  endpoint: ObjectId,
  reply: ObjectId | null,
  blocking: boolean,
): void {
  const waiting = reply === null ? null : s.replies[reply]!.thread;
  if (waiting !== null && waiting !== receiver) cancel(s, waiting);
  const { notification } = thread(s, receiver);
  if (notification !== null && s.notifications[notification]!.signalled !== null) {
    collect(s, notification, receiver);
    return;
  }
  if (notification !== null && blocking) returnContext(s, notification, receiver);
  const { senders, receivers } = s.endpoints[endpoint]!;
  const sender = senders.shift();
  if (sender === undefined) {
    if (!blocking) {
      setBadge(thread(s, receiver), 0n);
      return;
    }
    thread(s, receiver).activity = { kind: 'receiving', endpoint, reply };
    reconsider(s, receiver);
    if (reply !== null) s.replies[reply]!.thread = receiver;
    insertByPriority(s, receivers, receiver);
    return;
  }
  const t = thread(s, sender);
  if (t.activity.kind !== 'sending') throw new Error('a sender does not send');
  const { badge, grant, grantReply, call } = t.activity;
  transfer(s, sender, receiver, { endpoint, badge, grant });
  unblockContextOf(s, sender);
  if (!call && t.fault === null) {
    become(s, sender, running);
    wake(s, sender);
  } else if ((grant || grantReply) && reply !== null) {
    pushCall(s, sender, receiver, reply, t.fault?.kind !== 'timeout');
  } else {
    become(s, sender, inactive);
  }
}

// Answers.

/** Answers the thread that waits with a reply object, if one does: with a message, or by ending its fault. */
export function answerCaller(s: State, replier: ObjectId, { object, grant }: Of<'reply'>): void {
  const caller = s.replies[object]!.thread;
  if (caller === null || thread(s, caller).activity.kind !== 'calling') return;
  popCall(s, object);
  unblockContextOf(s, caller);
  const t = thread(s, caller);
  const { fault } = t;
  if (fault === null) {
    transfer(s, replier, caller, { endpoint: null, badge: 0n, grant });
    become(s, caller, running);
  } else {
    const goesOn = applyAnswer(s, caller, replier);
    t.fault = null;
    become(s, caller, goesOn ? restart : inactive);
  }
  if (t.schedContext === null || !canRun(t)) return;
  const sc = s.schedContexts[t.schedContext]!;
  if (isReady(s, sc) && suffices(s, sc)) wake(s, caller);
  else if (hasTimeoutHandler(s, caller) && fault?.kind !== 'timeout') raiseTimeout(s, caller, sc.badge);
  else postpone(s, caller);
}

// Faults.

function handlerOf(s: State, id: ObjectId, slot: number): Of<'endpoint'> | null {
  const cap = capAt(s, slotId(id, slot));
  return cap?.kind === 'endpoint' ? cap : null;
}
function sendFault(s: State, id: ObjectId, fault: Fault, handler: Of<'endpoint'>, donates: boolean): void {
  thread(s, id).fault = fault;
  send(s, id, handler, { blocking: true, call: false, donates });
}
/** A thread that nobody looks after stops. */
export function raise(s: State, id: ObjectId, fault: Fault): void {
  const handler = handlerOf(s, id, tcbSlots.faultHandler);
  if (handler === null) become(s, id, inactive);
  else sendFault(s, id, fault, handler, thread(s, id).schedContext !== null);
}
export const hasTimeoutHandler = (s: State, id: ObjectId): boolean =>
  handlerOf(s, id, tcbSlots.timeoutHandler) !== null;
export function raiseTimeout(s: State, id: ObjectId, badge: bigint): void {
  sendFault(s, id, { kind: 'timeout', badge }, handlerOf(s, id, tcbSlots.timeoutHandler)!, false);
}

// Giving up.

/** Ends what a thread waits for, faults included. */
export function cancel(s: State, id: ObjectId): void {
  const t = thread(s, id);
  t.fault = null;
  const { activity } = t;
  switch (activity.kind) {
    case 'sending':
    case 'receiving': {
      const { senders, receivers } = s.endpoints[activity.endpoint]!;
      removeFrom(activity.kind === 'sending' ? senders : receivers, id);
      leaveReply(s, id);
      become(s, id, inactive);
      return;
    }
    case 'waiting':
      removeFrom(s.notifications[activity.notification]!.waiters, id);
      become(s, id, inactive);
      return;
    case 'calling':
      abandonCall(s, id);
      return;
    default:
  }
}

function restartUnlessFaulted(s: State, id: ObjectId): void {
  if (thread(s, id).fault !== null) {
    become(s, id, inactive);
    return;
  }
  become(s, id, restart);
  unblockContextOf(s, id);
  wake(s, id);
}
/** The endpoint goes: those that wait start their system call again, and find it gone. */
export function cancelAll(s: State, endpoint: ObjectId): void {
  const { senders, receivers } = s.endpoints[endpoint]!;
  const waiting = [...senders, ...receivers];
  senders.length = 0;
  receivers.length = 0;
  for (const id of waiting) {
    leaveReply(s, id);
    restartUnlessFaulted(s, id);
  }
  if (waiting.length > 0) chooseAnew(s);
}
/** Those that send with a badge give up, so that it can be given to someone else. */
export function cancelBadged(s: State, endpoint: ObjectId, badge: bigint): void {
  const { senders } = s.endpoints[endpoint]!;
  if (senders.length === 0) return;
  for (const id of [...senders]) {
    const { activity } = thread(s, id);
    if (activity.kind !== 'sending' || activity.badge !== badge) continue;
    removeFrom(senders, id);
    restartUnlessFaulted(s, id);
  }
  chooseAnew(s);
}
