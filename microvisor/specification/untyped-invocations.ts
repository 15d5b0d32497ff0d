// Untyped: making objects out of memory.
// Source: seL4 manual, "Untyped"; object-api.xml, "Untyped - Retype".

import { label } from '../abi/invocation-labels.ts';
import { retypeFanOutLimit, sizeBits, wordBits } from '../abi/limits.ts';
import { objectType } from '../abi/object-types.ts';
import { preemptionPoint } from './deletion.ts';
import { capAt, hasChildren, insertChild } from './derivation.ts';
import {
  deleteFirst,
  type Finished,
  failedLookup,
  illegalOperation,
  invalidArgument,
  notEnoughMemory,
  type Outcome,
  Refused,
  rangeError,
  truncatedMessage,
} from './fault.ts';
import type { Invocation } from './invocation.ts';
import { lookupArgument } from './lookup.ts';
import { clear } from './message.ts';
import { type Capability, inactive, type ObjectId, type Of, type State, slotId } from './state.ts';

/** Binary logarithm of an object's size, where its maker doesn't choose it. */
const fixedSize: Readonly<Record<number, number>> = {
  [objectType.tcb]: sizeBits.tcb,
  [objectType.endpoint]: sizeBits.endpoint,
  [objectType.notification]: sizeBits.notification,
  [objectType.reply]: sizeBits.reply,
  [objectType.gigaPage]: sizeBits.hugePage,
  [objectType.page]: sizeBits.page,
  [objectType.megaPage]: sizeBits.largePage,
  [objectType.pageTable]: sizeBits.pageTable,
};
/** The least that a maker can choose. */
const leastSize: Readonly<Record<number, number>> = {
  [objectType.untyped]: sizeBits.minUntyped,
  [objectType.capTable]: 1,
  [objectType.schedContext]: sizeBits.minSchedContext,
};
const sizeOf = (type: number, chosen: number): number =>
  fixedSize[type] ?? (type === objectType.capTable ? chosen + sizeBits.slot : chosen);
const isFrame = (type: number): boolean =>
  type === objectType.page || type === objectType.megaPage || type === objectType.gigaPage;
/** Types of seL4's; those after them are not specified here. */
const types = objectType.pageTable + 1;

export function invokeUntyped(invocation: Invocation, untyped: Of<'untyped'>): Outcome {
  const { s, slot } = invocation;
  if (invocation.label !== label.UntypedRetype) return illegalOperation;
  if (invocation.lacks(6, 1)) return truncatedMessage;
  const [type, chosen, offset, count] = [0, 1, 4, 5].map((i) => invocation.number(i)) as [
    number,
    number,
    number,
    number,
  ];
  if (type >= types) return invalidArgument(0);
  const bits = sizeOf(type, chosen);
  if (chosen >= wordBits || bits > sizeBits.maxUntyped) return rangeError(0, sizeBits.maxUntyped);
  if (chosen < (leastSize[type] ?? 0)) return invalidArgument(1);

  const node = destination(invocation);
  if (node instanceof Refused) return node;
  const room = 2 ** node.radix;
  if (offset > room - 1) return rangeError(0, room - 1);
  if (count < 1 || count > retypeFanOutLimit) return rangeError(1, retypeFanOutLimit);
  if (count > room - offset) return rangeError(1, room - offset);
  const slots = Array.from({ length: count }, (_, i) => slotId(node.object, offset + i));
  if (slots.some((id) => capAt(s, id) !== undefined)) return deleteFirst;

  // Without children all of it is free again.
  const unused = !hasChildren(s, slot);
  const used = unused ? 0 : untyped.used;
  const free = 2 ** untyped.bits - used;
  if (Math.floor(free / 2 ** bits) < count) return notEnoughMemory(free);
  if (untyped.device && !isFrame(type) && type !== objectType.untyped) return invalidArgument(1);

  if (unused && !reset(s, untyped)) return 'preempted';
  const first = Math.ceil((untyped.address + used) / 2 ** bits) * 2 ** bits;
  slots.forEach((id, i) => {
    insertChild(s, create(s, type, first + i * 2 ** bits, chosen, untyped.device), slot, id);
  });
  untyped.used = first + count * 2 ** bits - untyped.address;
  return 'done';
}

/** The CNode that the new capabilities go into. */
function destination(invocation: Invocation): Of<'cnode'> | Refused {
  const { s } = invocation;
  const depth = invocation.word(3);
  let cap = invocation.cap(0);
  if (depth !== 0n) {
    const found = lookupArgument(s, cap, invocation.word(2), depth, false);
    if (found instanceof Refused) return found;
    cap = capAt(s, found);
  }
  if (cap?.kind === 'cnode') return cap;
  return failedLookup(false, { kind: 'missing capability', bitsLeft: Number(depth) });
}

const chunk = 4096;
/** Clears memory that was used, from the end. */
function reset(s: State, untyped: Of<'untyped'>): Finished {
  const size = 2 ** untyped.bits;
  if (untyped.used === 0) return true;
  if (untyped.device || size < chunk) {
    if (!untyped.device) clear(s, untyped.address, size);
    untyped.used = 0;
    return true;
  }
  for (let at = Math.floor((untyped.used - 1) / chunk) * chunk; at >= 0; at -= chunk) {
    clear(s, untyped.address + at, chunk);
    untyped.used = at;
    if (!preemptionPoint(s)) return false;
  }
  return true;
}
function create(s: State, type: number, object: ObjectId, chosen: number, device: boolean): Capability {
  switch (type) {
    case objectType.untyped:
      return { kind: 'untyped', address: object, bits: chosen, device, used: 0 };
    case objectType.tcb:
      createThread(s, object);
      return { kind: 'tcb', object };
    case objectType.endpoint:
      s.endpoints[object] = { senders: [], receivers: [] };
      return { kind: 'endpoint', object, badge: 0n, send: true, receive: true, grant: true, grantReply: true };
    case objectType.notification:
      s.notifications[object] = { signalled: null, waiters: [], thread: null, schedContext: null };
      return { kind: 'notification', object, badge: 0n, send: true, receive: true };
    case objectType.reply:
      s.replies[object] = { thread: null };
      return { kind: 'reply', object, grant: true };
    case objectType.capTable:
      return { kind: 'cnode', object, radix: chosen, guard: 0n, guardBits: 0 };
    case objectType.schedContext:
      createContext(s, object);
      return { kind: 'sched-context', object, bits: chosen };
    case objectType.pageTable:
      s.tables[object] = {};
      return { kind: 'page-table', object, mapping: null };
    default:
      return { kind: 'frame', object, bits: sizeOf(type, 0), device, rights: 'read-write', mapping: null };
  }
}
function createThread(s: State, object: ObjectId): void {
  s.threads[object] = {
    activity: inactive,
    fault: null,
    priority: 0,
    mcp: 0,
    domain: s.domain.current,
    schedContext: null,
    yieldsTo: null,
    notification: null,
    buffer: 0,
    flags: 0,
    registers: new Array<bigint>(32).fill(0n),
    pc: 0n,
    restartPc: 0n,
  };
}
function createContext(s: State, object: ObjectId): void {
  s.schedContexts[object] = {
    period: 0,
    consumed: 0,
    badge: 0n,
    sporadic: false,
    maxRefills: 0,
    refills: [],
    thread: null,
    notification: null,
    yieldsFrom: null,
    callers: [],
  };
}
