// The derivation tree: one list of slots in prefix order, from which parents and children follow (seL4's MDB).

import type { Kernel } from '../kernel.ts';
import { type Capability, capType, nullCap, type Slot } from '../objects.ts';
import { refusal, type SyscallError } from '../outcome.ts';
import { capSize, isCapRevocable, sameObjectAs, sameRegionAs } from './capability.ts';

/** Whether `b` is a child of `a`. */
export function isMDBParentOf(a: Slot, b: Slot): boolean {
  if (!a.revocable || !sameRegionAs(a.cap, b.cap)) return false;
  if (a.cap.type !== capType.endpoint && a.cap.type !== capType.notification) return true;
  if (a.cap.badge === 0n) return true;
  return a.cap.badge === (b.cap as typeof a.cap).badge && !b.firstBadged;
}

/** Children come right behind their parent. */
export const hasChildren = (slot: Slot): boolean => slot.next !== null && isMDBParentOf(slot, slot.next);

/** Whether no other capability names the same object: those that do are neighbours. */
export function isFinalCapability(slot: Slot): boolean {
  if (slot.prev !== null && sameObjectAs(slot.prev.cap, slot.cap)) return false;
  return slot.next === null || !sameObjectAs(slot.cap, slot.next.cap);
}

/** What a copy of a capability is. An error, or a null capability: there is none. */
export function deriveCap(slot: Slot, cap: Capability): Capability | SyscallError {
  switch (cap.type) {
    case capType.zombie:
    case capType.irqControl:
      return nullCap;
    case capType.untyped:
      return hasChildren(slot) ? refusal.revokeFirst : cap;
    case capType.pageTable:
      return cap.mapped ? cap : refusal.illegalOperation;
    case capType.frame:
      return { ...cap, asid: 0, mappedAddress: 0 };
    default:
      return cap;
  }
}

function set(slot: Slot, cap: Capability, revocable: boolean, firstBadged: boolean): void {
  slot.cap = cap;
  slot.revocable = revocable;
  slot.firstBadged = firstBadged;
}
function link(slot: Slot, prev: Slot | null, next: Slot | null): void {
  slot.prev = prev;
  slot.next = next;
  if (prev !== null) prev.next = slot;
  if (next !== null) next.prev = slot;
}

/** Puts a derived capability into an empty slot, as a child or sibling of its source. */
export function cteInsert(kernel: Kernel, cap: Capability, source: Slot, destination: Slot): void {
  kernel.charge(kernel.costs.derive);
  const revocable = isCapRevocable(cap, source.cap);
  // A copy of an untyped leaves nothing to retype in the original.
  if (cap.type === capType.untyped) source.cap = { ...cap, watermark: capSize(cap) };
  set(destination, cap, revocable, revocable);
  link(destination, source, source.next);
}

/** Puts the capability to a new object into an empty slot, as a child of the untyped that it was made from. */
export function insertNewCap(parent: Slot, slot: Slot, cap: Capability): void {
  set(slot, cap, true, true);
  link(slot, parent, parent.next);
}

export function cteMove(cap: Capability, source: Slot, destination: Slot): void {
  set(destination, cap, source.revocable, source.firstBadged);
  link(destination, source.prev, source.next);
  clear(source);
}

/** Exchanges two slots with their places in the tree; each capability may change on the way. */
export function cteSwap(cap1: Capability, slot1: Slot, cap2: Capability, slot2: Slot): void {
  const { prev, next, revocable, firstBadged } = slot1;
  set(slot1, cap2, slot2.revocable, slot2.firstBadged);
  set(slot2, cap1, revocable, firstBadged);
  if (next === slot2) {
    link(slot1, slot2, slot2.next);
    link(slot2, prev, slot1);
  } else if (prev === slot2) {
    link(slot1, slot2.prev, slot2);
    link(slot2, slot1, next);
  } else {
    link(slot1, slot2.prev, slot2.next);
    link(slot2, prev, next);
  }
}

/** Takes a capability out of the tree; what it was first of passes to the next. */
export function unlink(slot: Slot): void {
  const { prev, next } = slot;
  if (prev !== null) prev.next = next;
  if (next !== null) {
    next.prev = prev;
    next.firstBadged ||= slot.firstBadged;
  }
  clear(slot);
}
function clear(slot: Slot): void {
  set(slot, nullCap, false, false);
  slot.prev = null;
  slot.next = null;
}
