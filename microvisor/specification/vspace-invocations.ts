// PageTable, Page, ASIDControl, ASIDPool.
// Source: seL4 manual, "Address Spaces and Virtual Memory"; the riscv object-api-arch.xml.

import { label } from '../abi/invocation-labels.ts';
import { asidsPerPool, sizeBits, userTop } from '../abi/limits.ts';
import { allRights, vmAttribute } from '../abi/rights.ts';
import { entryAt, freeAsid, freePool, lastPlace, rootOf, setEntry, unmapFrame, unmapTable } from './address-spaces.ts';
import { narrowFrame } from './capability.ts';
import { capAt, hasChildren, insertCopy, isFinal } from './derivation.ts';
import {
  alignmentError,
  deleteFirst,
  failedLookup,
  illegalOperation,
  invalidArgument,
  invalidCapability,
  type Outcome,
  Refused,
  revokeFirst,
  truncatedMessage,
} from './fault.ts';
import type { Invocation } from './invocation.ts';
import { lookupArgument } from './lookup.ts';
import { clear } from './message.ts';
import type { Capability, Mapping, ObjectId, Of, State } from './state.ts';

/** The space that a capability to its root names. */
function spaceOf(s: State, cap: Capability | undefined): { root: ObjectId; asid: number } | Refused {
  if (cap?.kind !== 'page-table' || cap.mapping === null) return invalidCapability(1);
  const { asid } = cap.mapping;
  const root = rootOf(s, asid);
  if (root === null) return failedLookup(false, { kind: 'invalid root' });
  return root === cap.object ? { root, asid } : invalidCapability(1);
}

export function invokePageTable(invocation: Invocation, cap: Of<'page-table'>): Outcome {
  const { s, slot } = invocation;
  if (invocation.label === label.RISCVPageTableUnmap) {
    if (!isFinal(s, slot)) return revokeFirst;
    const { mapping } = cap;
    if (mapping === null) return 'done';
    if (rootOf(s, mapping.asid) === cap.object) return revokeFirst;
    unmapTable(s, cap.object, mapping);
    s.tables[cap.object] = {};
    cap.mapping = null;
    return 'done';
  }
  if (invocation.label !== label.RISCVPageTableMap) return illegalOperation;
  if (invocation.lacks(2, 1)) return truncatedMessage;
  if (cap.mapping !== null) return invalidCapability(0);
  const address = invocation.number(0);
  const root = invocation.cap(0);
  if (root?.kind !== 'page-table' || root.mapping === null) return invalidCapability(1);
  if (address >= userTop) return invalidArgument(0);
  const space = spaceOf(s, root);
  if (space instanceof Refused) return space;
  const place = lastPlace(s, space.root, address);
  if (place.bits === sizeBits.page || entryAt(s, place) !== undefined) return deleteFirst;
  setEntry(s, place, { kind: 'table', object: cap.object });
  cap.mapping = { asid: space.asid, address: Math.floor(address / 2 ** place.bits) * 2 ** place.bits };
  return 'done';
}

export function invokePage(invocation: Invocation, cap: Of<'frame'>): Outcome {
  switch (invocation.label) {
    case label.RISCVPageMap:
      return mapPage(invocation, cap);
    case label.RISCVPageUnmap:
      if (cap.mapping !== null) unmapFrame(invocation.s, cap.object, cap.bits, cap.mapping);
      cap.mapping = null;
      return 'done';
    case label.RISCVPageGetAddress:
      return { words: [BigInt(cap.object)] };
    default:
      return illegalOperation;
  }
}
function mapPage(invocation: Invocation, cap: Of<'frame'>): Outcome {
  const { s } = invocation;
  if (invocation.lacks(3, 1)) return truncatedMessage;
  const address = invocation.number(0);
  const space = spaceOf(s, invocation.cap(0));
  if (space instanceof Refused) return space;
  // The end is reckoned in 64 bits.
  if (Number(BigInt.asUintN(64, invocation.word(0) + 2n ** BigInt(cap.bits) - 1n)) >= userTop)
    return invalidArgument(0);
  if (BigInt.asUintN(cap.bits, invocation.word(0)) !== 0n) return alignmentError;
  const place = lastPlace(s, space.root, address);
  if (place.bits !== cap.bits) return failedLookup(false, { kind: 'missing capability', bitsLeft: place.bits });
  const refused = alreadyMapped(cap.mapping, { asid: space.asid, address });
  if (refused !== null) return refused;
  const entry = entryAt(s, place);
  if (entry !== undefined && (cap.mapping === null || entry.kind === 'table')) return deleteFirst;
  const rights = narrowFrame(cap.rights, Number(invocation.word(1) & BigInt(allRights)));
  const executable = !invocation.flag(2, vmAttribute.executeNever);
  // An entry that allows nothing is none.
  const allows = rights !== 'none' || executable;
  setEntry(s, place, allows ? { kind: 'frame', object: cap.object, rights, executable } : null);
  cap.mapping = { asid: space.asid, address };
  return 'done';
}
/** A frame that is mapped can only be mapped again where it is. */
function alreadyMapped(mapping: Mapping | null, { asid, address }: Mapping): Refused | null {
  if (mapping === null) return null;
  if (mapping.asid !== asid) return invalidCapability(1);
  return mapping.address === address ? null : invalidArgument(0);
}

export function invokeAsidControl(invocation: Invocation): Outcome {
  const { s } = invocation;
  if (invocation.label !== label.RISCVASIDControlMakePool) return illegalOperation;
  if (invocation.lacks(2, 2)) return truncatedMessage;
  const at = freePool(s);
  if (at === null) return deleteFirst;
  const source = invocation.slots[0]!;
  const untyped = capAt(s, source);
  if (untyped?.kind !== 'untyped' || untyped.bits !== sizeBits.asidPool || untyped.device) return invalidCapability(1);
  if (hasChildren(s, source)) return revokeFirst;
  const slot = lookupArgument(s, invocation.cap(1), invocation.word(0), invocation.word(1), false);
  if (slot instanceof Refused) return slot;
  if (capAt(s, slot) !== undefined) return deleteFirst;
  const object = untyped.address;
  untyped.used = 2 ** untyped.bits;
  clear(s, object, 2 ** untyped.bits);
  s.pools[object] = {};
  s.asids[at] = object;
  insertCopy(s, { kind: 'asid-pool', object, base: at * asidsPerPool }, source, slot);
  return 'done';
}
export function invokeAsidPool(invocation: Invocation, { object, base }: Of<'asid-pool'>): Outcome {
  const { s } = invocation;
  if (invocation.label !== label.RISCVASIDPoolAssign) return illegalOperation;
  if (invocation.lacks(0, 1)) return truncatedMessage;
  const root = invocation.cap(0);
  if (root?.kind !== 'page-table' || root.mapping !== null) return invalidCapability(1);
  const pool = s.asids[base / asidsPerPool];
  if (pool === undefined) return failedLookup(false, { kind: 'invalid root' });
  if (pool !== object) return invalidCapability(0);
  const asid = freeAsid(s, object, base);
  if (asid === null) return deleteFirst;
  root.mapping = { asid, address: 0 };
  s.pools[object]![asid - base] = root.object;
  return 'done';
}
