// Deleting: what ends with the last capability to an object. CNodes and TCBs go slot by slot, so that it can be interrupted.
// Source: seL4 manual, "Deletion, Revocation, and Recycling"; where it is silent, seL4's own order.

import { sizeBits } from '../abi/limits.ts';
import { releasePool, releaseTable, unmapFrame } from './address-spaces.ts';
import { completeYield, popCall, schedContext, unbindNotificationFrom, unbindThread } from './contexts.ts';
import { isFinal, remove, swap } from './derivation.ts';
import type { Finished } from './fault.ts';
import { cancel, cancelAll } from './ipc.ts';
import { cancelWaits, unbind } from './notifications.ts';
import { advance, hasBudget, isDomainOver } from './schedule.ts';
import { type Capability, type ObjectId, type Of, type SlotId, type State, slotId, tcbSlots, thread } from './state.ts';
import { suspend } from './threads.ts';

const stepsPerLook = 100;

/** One step of a long operation is done. false: something else is due, and the operation has to be started again. */
export function preemptionPoint(s: State): Finished {
  if (++s.work < stepsPerLook) return true;
  s.work = 0;
  advance(s, s.now);
  return !s.interrupted && !isDomainOver(s) && hasBudget(s);
}

/** Ends what only this capability stood for. What is left is nothing, or a zombie. */
function finalise(s: State, slot: SlotId): Of<'zombie'> | null {
  const { cap } = s.slots[slot]!;
  if (cap.kind === 'zombie') return cap;
  if (cap.kind === 'frame') {
    if (cap.mapping !== null) unmapFrame(s, cap.object, cap.bits, cap.mapping);
    return null;
  }
  return isFinal(s, slot) ? destroy(s, cap) : null;
}
function destroy(s: State, cap: Capability): Of<'zombie'> | null {
  switch (cap.kind) {
    case 'endpoint':
      cancelAll(s, cap.object);
      delete s.endpoints[cap.object];
      return null;
    case 'notification':
      destroyNotification(s, cap.object);
      return null;
    case 'reply':
      destroyReply(s, cap.object);
      return null;
    case 'sched-context':
      destroyContext(s, cap.object);
      return null;
    case 'tcb':
      destroyThread(s, cap.object);
      return { kind: 'zombie', object: cap.object, bits: sizeBits.tcb, left: tcbSlots.count };
    case 'cnode':
      return { kind: 'zombie', object: cap.object, bits: cap.radix + sizeBits.slot, left: 2 ** cap.radix };
    case 'irq-handler':
      deleteHandler(s, cap.irq);
      delete s.irqs[cap.irq];
      return null;
    case 'page-table':
      releaseTable(s, cap.object, cap.mapping);
      delete s.tables[cap.object];
      return null;
    case 'asid-pool':
      releasePool(s, cap.object, cap.base);
      delete s.pools[cap.object];
      return null;
    default:
      return null;
  }
}
function destroyNotification(s: State, id: ObjectId): void {
  const { schedContext: context, thread: bound } = s.notifications[id]!;
  if (context !== null) unbindNotificationFrom(s, context);
  if (bound !== null) unbind(s, bound);
  cancelWaits(s, id);
  delete s.notifications[id];
}
function destroyReply(s: State, id: ObjectId): void {
  const { thread: waiting } = s.replies[id]!;
  if (waiting !== null) {
    if (thread(s, waiting).activity.kind === 'calling') popCall(s, id);
    else cancel(s, waiting);
  }
  delete s.replies[id];
}
function destroyContext(s: State, id: ObjectId): void {
  unbindThread(s, id);
  unbindNotificationFrom(s, id);
  const { yieldsFrom } = schedContext(s, id);
  if (yieldsFrom !== null) completeYield(s, yieldsFrom);
  delete s.schedContexts[id];
}
function destroyThread(s: State, id: ObjectId): void {
  unbind(s, id);
  const { schedContext: context } = thread(s, id);
  if (context !== null) {
    unbindThread(s, context);
    const { yieldsFrom } = schedContext(s, context);
    if (yieldsFrom !== null) completeYield(s, yieldsFrom);
  }
  suspend(s, id);
  delete s.threads[id];
}

/** Empties a slot whose capability takes no long work. */
export function deleteHandler(s: State, irq: number): void {
  const slot = slotId('irq', irq);
  if (s.slots[slot] === undefined) return;
  finalise(s, slot);
  remove(s, slot);
}

/** Whether a zombie has nothing left but, at most, itself. */
const isSpent = (zombie: Of<'zombie'>, slot: SlotId): boolean =>
  zombie.left === 0 || (zombie.left === 1 && slotId(zombie.object, 0) === slot);

/**
 * Empties a slot. `inside` a zombie a further zombie is not worked through, which could take for ever, but put into the first of
 * its own slots, whose capability takes its place: there it stays, until what it is made from is revoked.
 */
export function deleteSlot(s: State, slot: SlotId, inside = false): Finished {
  while (s.slots[slot] !== undefined) {
    const zombie = finalise(s, slot);
    if (zombie === null || isSpent(zombie, slot)) {
      remove(s, slot);
      return true;
    }
    s.slots[slot]!.cap = zombie;
    const first = slotId(zombie.object, 0);
    if (inside) {
      if (first === slot) return true;
      swap(s, first, slot);
    } else if (!shrink(s, slot, zombie)) {
      return false;
    }
    if (!preemptionPoint(s)) return false;
  }
  return true;
}
/** Empties the last slot of a zombie. */
function shrink(s: State, slot: SlotId, { object, left }: Of<'zombie'>): Finished {
  if (!deleteSlot(s, slotId(object, left - 1), true)) return false;
  // That may have moved the zombie elsewhere, or brought another here.
  const cap = s.slots[slot]?.cap;
  if (cap?.kind === 'zombie' && cap.object === object && cap.left === left) cap.left--;
  return true;
}

/** Deletes all descendants. */
export function revoke(s: State, slot: SlotId): Finished {
  for (;;) {
    const child = s.slots[slot]?.children[0];
    if (child === undefined) return true;
    if (!deleteSlot(s, child) || !preemptionPoint(s)) return false;
  }
}

/** Whether emptying a slot could take long. */
export function takesLong(s: State, slot: SlotId): boolean {
  const kind = s.slots[slot]?.cap.kind;
  return (kind === 'tcb' || kind === 'cnode' || kind === 'zombie') && isFinal(s, slot);
}
