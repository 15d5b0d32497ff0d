// The derivation tree: lists of slots in prefix order. Capabilities to one object are neighbours, the one that came with the object
// first; who is whose child follows from that order and the marks, and so does which capability is the last.

import { objectOf } from '../cspace/capability.ts';
import { type Capability, capType, type KernelObject, type Slot } from '../objects.ts';
import { nameOfSlot } from './names.ts';
import { violated } from './violation.ts';

const rule = 'derivation tree';

/** What a capability names, to compare by; null if it names memory that others may name part of, or nothing in particular. */
export function identityOf(cap: Capability): KernelObject | number | null {
  if (cap.type === capType.frame || cap.type === capType.pageTable) return cap.address;
  return cap.type === capType.irqHandler ? -cap.irq : objectOf(cap);
}

/** Checks the links and the order. Returns all slots, list after list, each in prefix order. */
export function checkDerivationTree(slots: ReadonlySet<Slot>): Slot[] {
  const order: Slot[] = [];
  for (const first of slots) {
    if (first.prev !== null) continue;
    for (let slot: Slot | null = first; slot !== null; slot = slot.next) {
      checkSlot(slot);
      order.push(slot);
      if (order.length > slots.size) violated(rule, `${nameOfSlot(slot)} lies in a circle`);
    }
  }
  if (order.length !== slots.size) {
    const reached = new Set(order);
    for (const slot of slots) if (!reached.has(slot)) violated(rule, `${nameOfSlot(slot)} lies in a circle`);
  }
  checkNeighbours(order);
  return order;
}

function checkSlot(slot: Slot): void {
  const { cap, next, prev } = slot;
  if (cap.type === capType.null) violated(rule, `${nameOfSlot(slot)} is empty and linked`);
  if (next !== null && next.prev !== slot) {
    violated(rule, `${nameOfSlot(slot)} comes before ${nameOfSlot(next)}, which does not know`);
  }
  if (prev !== null && prev.next !== slot) {
    violated(rule, `${nameOfSlot(slot)} comes after ${nameOfSlot(prev)}, which does not know`);
  }
  if (slot.node.slot(slot.index) !== slot) violated(rule, `${nameOfSlot(slot)} is no longer in its CNode`);
  if (cap.type === capType.untyped && !slot.revocable) {
    violated(rule, `${nameOfSlot(slot)} is untyped memory and cannot be revoked`);
  }
}

/** Capabilities to one object follow each other without a gap. */
function checkNeighbours(order: readonly Slot[]): void {
  const seen = new Set<object | number>();
  let before: object | number | null = null;
  for (const slot of order) {
    const identity = identityOf(slot.cap);
    const { prev } = slot;
    const together = identity === before;
    before = identity;
    if (identity === null) continue;
    if (prev !== null && together) {
      checkPair(prev, slot);
      continue;
    }
    if (seen.has(identity)) violated(rule, `${nameOfSlot(slot)} lies apart from others to the same object`);
    seen.add(identity);
    const { cap } = slot;
    if (badgeOf(cap) !== 0n && !slot.firstBadged) {
      violated(rule, `${nameOfSlot(slot)} has a badge and is not marked as the first with it`);
    }
  }
}

const badgeOf = (cap: Capability): bigint =>
  cap.type === capType.endpoint || cap.type === capType.notification ? cap.badge : 0n;

/** Two neighbours that name the same object. */
function checkPair(prev: Slot, slot: Slot): void {
  if (slot.cap.type !== prev.cap.type || slot.cap.type === capType.zombie) {
    violated(rule, `${nameOfSlot(slot)} names the same memory as ${nameOfSlot(prev)}`);
  }
  const before = badgeOf(prev.cap);
  const badge = badgeOf(slot.cap);
  if (badge === 0n) {
    if (slot.revocable) violated(rule, `${nameOfSlot(slot)} is the original and comes after ${nameOfSlot(prev)}`);
  } else if (!slot.firstBadged && (badge !== before || slot.revocable)) {
    violated(rule, `${nameOfSlot(slot)} is the first with its badge and not marked so`);
  }
}
