// The derivation tree: every capability knows its parent and its children; deleting one passes its children to its parent.
// Source: seL4 manual, "Capability Derivation Tree".

import { covers, isOriginal, sameObject } from './capability.ts';
import { illegalOperation, type Refused, revokeFirst } from './fault.ts';
import type { Capability, SlotId, State } from './state.ts';

export const capAt = (s: State, slot: SlotId): Capability | undefined => s.slots[slot]?.cap;

function setParent(s: State, slot: SlotId, parent: SlotId | null): void {
  s.slots[slot]!.parent = parent;
}
/** Puts slots where one was among its siblings; roots have no order. */
function replaceChild(s: State, parent: SlotId | null, child: SlotId, by: readonly SlotId[]): void {
  if (parent === null) return;
  const { children } = s.slots[parent]!;
  children.splice(children.indexOf(child), 1, ...by);
}

/** Whether a new copy of `source` becomes its child; otherwise it becomes its younger sibling. */
function isParent(s: State, source: SlotId, copy: Capability, copyIsOriginal: boolean): boolean {
  const { cap, original } = s.slots[source]!;
  if (!original || !covers(cap, copy)) return false;
  if ((cap.kind === 'endpoint' || cap.kind === 'notification') && cap.badge !== 0n) {
    return cap.badge === (copy as typeof cap).badge && !copyIsOriginal;
  }
  return true;
}

/** Puts a capability that was derived from another into an empty slot. */
export function insertCopy(s: State, cap: Capability, source: SlotId, slot: SlotId): void {
  const from = s.slots[source]!;
  const original = isOriginal(cap, from.cap);
  const parent = isParent(s, source, cap, original) ? source : from.parent;
  if (from.cap.kind === 'untyped' && cap.kind === 'untyped') {
    // Memory that another untyped hands out is no longer this one's to hand out.
    if (from.cap.address === cap.address && from.cap.bits === cap.bits) from.cap.used = 2 ** cap.bits;
  }
  s.slots[slot] = { cap, parent, children: [], original };
  if (parent === source) from.children.unshift(slot);
  else replaceChild(s, parent, source, [source, slot]);
}

/** Puts the first capability to something new into an empty slot. */
export function insertChild(s: State, cap: Capability, parent: SlotId, slot: SlotId): void {
  s.slots[slot] = { cap, parent, children: [], original: true };
  s.slots[parent]!.children.unshift(slot);
}

export function move(s: State, cap: Capability, source: SlotId, slot: SlotId): void {
  const { parent, children, original } = s.slots[source]!;
  s.slots[slot] = { cap, parent, children: [...children], original };
  replaceChild(s, parent, source, [slot]);
  for (const child of children) setParent(s, child, slot);
  delete s.slots[source];
}

/** Exchanges what two slots hold, with their places in the tree. */
export function swap(s: State, a: SlotId, b: SlotId): void {
  const aside: SlotId = 'aside';
  const exchange: [SlotId, SlotId][] = [
    [a, aside],
    [b, a],
    [aside, b],
  ];
  for (const [from, to] of exchange) if (s.slots[from] !== undefined) move(s, s.slots[from].cap, from, to);
}

/** Empties a slot. */
export function remove(s: State, slot: SlotId): void {
  const { parent, children } = s.slots[slot]!;
  replaceChild(s, parent, slot, children);
  for (const child of children) setParent(s, child, parent);
  delete s.slots[slot];
}

export const hasChildren = (s: State, slot: SlotId): boolean => s.slots[slot]!.children.length > 0;

/** Whether no other capability names the same object. */
export function isFinal(s: State, slot: SlotId): boolean {
  const { cap } = s.slots[slot]!;
  for (const [other, { cap: theirs }] of Object.entries(s.slots)) {
    if (other !== slot && sameObject(cap, theirs)) return false;
  }
  return true;
}

/** What a copy of the capability in a slot is, given what it is to look like; null: nothing. */
export function derive(s: State, slot: SlotId, cap: Capability | null): Capability | null | Refused {
  if (cap === null) return null;
  switch (cap.kind) {
    case 'zombie':
    case 'irq-control':
      return null;
    case 'untyped':
      return hasChildren(s, slot) ? revokeFirst : { ...cap };
    case 'page-table':
      return cap.mapping === null ? illegalOperation : { ...cap };
    case 'frame':
      return { ...cap, mapping: null };
    default:
      return { ...cap };
  }
}
