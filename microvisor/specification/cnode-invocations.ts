// CNode: copying, moving, deleting and revoking capabilities.
// Source: seL4 manual, "CNode - General Methods"; object-api.xml.

import { label } from '../abi/invocation-labels.ts';
import { allRights } from '../abi/rights.ts';
import { mayCancelSends, narrow, withData } from './capability.ts';
import { deleteSlot, revoke } from './deletion.ts';
import { capAt, derive, insertCopy, move, swap } from './derivation.ts';
import {
  deleteFirst,
  type Finished,
  failedLookup,
  illegalOperation,
  type Outcome,
  Refused,
  truncatedMessage,
} from './fault.ts';
import type { Invocation } from './invocation.ts';
import { cancelBadged } from './ipc.ts';
import { lookupArgument } from './lookup.ts';
import type { Capability, Of, SlotId } from './state.ts';

const outcomeOf = (finished: Finished): Outcome => (finished ? 'done' : 'preempted');

export function invokeCNode(invocation: Invocation, root: Of<'cnode'>): Outcome {
  const { s } = invocation;
  const method = invocation.label;
  if (method < label.CNodeRevoke || method > label.CNodeRotate) return illegalOperation;
  if (invocation.lacks(2, 0)) return truncatedMessage;
  const slot = lookupArgument(s, root, invocation.word(0), invocation.word(1), false);
  if (slot instanceof Refused) return slot;
  switch (method) {
    case label.CNodeRevoke:
      return outcomeOf(revoke(s, slot));
    case label.CNodeDelete:
      return outcomeOf(deleteSlot(s, slot));
    case label.CNodeCancelBadgedSends: {
      const cap = capAt(s, slot);
      if (!mayCancelSends(cap)) return illegalOperation;
      if (cap.badge !== 0n) cancelBadged(s, cap.object, cap.badge);
      return 'done';
    }
    case label.CNodeRotate:
      return rotate(invocation, slot);
    default:
      return copyOrMove(invocation, slot);
  }
}

/** The capability in a slot that is named by an address of `depth` bits; without one the lookup has failed. */
const missing = (source: boolean, depth: bigint): Refused =>
  failedLookup(source, { kind: 'missing capability', bitsLeft: Number(depth) });

function copyOrMove(invocation: Invocation, slot: SlotId): Outcome {
  const { s } = invocation;
  if (invocation.lacks(4, 1)) return truncatedMessage;
  if (capAt(s, slot) !== undefined) return deleteFirst;
  const depth = invocation.word(3);
  const source = lookupArgument(s, invocation.cap(0), invocation.word(2), depth, true);
  if (source instanceof Refused) return source;
  const cap = capAt(s, source);
  if (cap === undefined) return missing(true, depth);
  const mask = (): number => Number(invocation.word(4) & BigInt(allRights));
  let result: Capability | null | Refused;
  switch (invocation.label) {
    case label.CNodeCopy:
      if (invocation.lacks(5, 1)) return truncatedMessage;
      result = derive(s, source, narrow(cap, mask()));
      break;
    case label.CNodeMint:
      if (invocation.lacks(6, 1)) return truncatedMessage;
      result = derive(s, source, withData(narrow(cap, mask()), invocation.word(5), false));
      break;
    case label.CNodeMutate:
      if (invocation.lacks(5, 1)) return truncatedMessage;
      result = withData(cap, invocation.word(4), true);
      break;
    default:
      result = cap;
  }
  if (result instanceof Refused) return result;
  if (result === null) return illegalOperation;
  const isMove = invocation.label === label.CNodeMove || invocation.label === label.CNodeMutate;
  (isMove ? move : insertCopy)(s, result, source, slot);
  return 'done';
}

/** Moves the pivot to the destination, and the source to where the pivot was. */
function rotate(invocation: Invocation, destination: SlotId): Outcome {
  const { s } = invocation;
  if (invocation.lacks(8, 2)) return truncatedMessage;
  const source = lookupArgument(s, invocation.cap(1), invocation.word(6), invocation.word(7), true);
  if (source instanceof Refused) return source;
  const pivot = lookupArgument(s, invocation.cap(0), invocation.word(3), invocation.word(4), true);
  if (pivot instanceof Refused) return pivot;
  if (pivot === source || pivot === destination) return illegalOperation;
  if (source !== destination && capAt(s, destination) !== undefined) return deleteFirst;
  const sourceCap = capAt(s, source);
  if (sourceCap === undefined) return missing(true, invocation.word(7));
  const pivotCap = capAt(s, pivot);
  if (pivotCap === undefined) return missing(false, invocation.word(4));
  const newSource = withData(sourceCap, invocation.word(5), true);
  const newPivot = withData(pivotCap, invocation.word(2), true);
  if (newSource === null || newPivot === null) return illegalOperation;
  if (source === destination) {
    s.slots[source]!.cap = newSource;
    s.slots[pivot]!.cap = newPivot;
    swap(s, source, pivot);
  } else {
    move(s, newPivot, pivot, destination);
    move(s, newSource, source, pivot);
  }
  return 'done';
}
