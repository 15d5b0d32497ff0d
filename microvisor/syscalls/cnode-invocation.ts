// Invocations of CNodes: moving, copying and deleting capabilities.

import { lookupFailure } from '../abi/faults.ts';
import { label } from '../abi/invocation-labels.ts';
import { maskCapRights, rightsFromWord, updateCapData } from '../cspace/capability.ts';
import { cteInsert, cteMove, cteSwap, deriveCap, ensureEmptySlot } from '../cspace/derivation.ts';
import { lookupSourceSlot, lookupTargetSlot } from '../cspace/lookup.ts';
import { cteDelete, cteRevoke } from '../deletion.ts';
import { cancelBadgedSends } from '../endpoint.ts';
import { type Capability, type CNodeCap, capType, type Slot } from '../objects.ts';
import { done, type Outcome, preempted, refusal, SyscallError } from '../outcome.ts';
import type { Invocation } from './invocation.ts';

const missing = (wasSource: boolean, depth: bigint): SyscallError =>
  refusal.failedLookup(wasSource, { type: lookupFailure.missingCapability, bitsLeft: Number(depth & 127n) });

export function decodeCNodeInvocation(invocation: Invocation, cap: CNodeCap): Outcome {
  const { kernel } = invocation;
  if (invocation.label < label.CNodeRevoke || invocation.label > label.CNodeRotate) return refusal.illegalOperation;
  if (invocation.length < 2) return refusal.truncatedMessage;
  const destination = lookupTargetSlot(kernel, cap, invocation.word(0), invocation.word(1));
  if (destination instanceof SyscallError) return destination;
  switch (invocation.label) {
    case label.CNodeRevoke:
      return cteRevoke(kernel, destination) ? done : preempted;
    case label.CNodeDelete:
      return cteDelete(kernel, destination, true) ? done : preempted;
    case label.CNodeCancelBadgedSends:
      return decodeCancelBadgedSends(invocation, destination);
    case label.CNodeRotate:
      return decodeRotate(invocation, destination);
    default:
      return decodeCopyOrMove(invocation, destination);
  }
}

function decodeCopyOrMove(invocation: Invocation, destination: Slot): Outcome {
  const { kernel } = invocation;
  if (invocation.lacks(4, 1)) return refusal.truncatedMessage;
  const taken = ensureEmptySlot(destination);
  if (taken !== null) return taken;
  const depth = invocation.word(3);
  const source = lookupSourceSlot(kernel, invocation.extraCap(0), invocation.word(2), depth);
  if (source instanceof SyscallError) return source;
  if (source.cap.type === capType.null) return missing(true, depth);

  const { isMove, newCap } = newCapability(invocation, source);
  if (newCap instanceof SyscallError) return newCap;
  if (newCap.type === capType.null) return refusal.illegalOperation;
  if (isMove) cteMove(newCap, source, destination);
  else cteInsert(kernel, newCap, source, destination);
  return done;
}

/** The capability that Copy, Mint, Move or Mutate puts into its destination. */
function newCapability(invocation: Invocation, source: Slot): { isMove: boolean; newCap: Capability | SyscallError } {
  const words = { [label.CNodeCopy]: 5, [label.CNodeMint]: 6, [label.CNodeMutate]: 5 }[invocation.label] ?? 4;
  const isMove = invocation.label === label.CNodeMove || invocation.label === label.CNodeMutate;
  if (invocation.length < words) return { isMove, newCap: refusal.truncatedMessage };
  switch (invocation.label) {
    case label.CNodeMove:
      return { isMove, newCap: source.cap };
    case label.CNodeMutate:
      return { isMove, newCap: updateCapData(true, invocation.word(4), source.cap) };
    default: {
      const masked = maskCapRights(rightsFromWord(invocation.word(4)), source.cap);
      const badged = invocation.label === label.CNodeMint ? updateCapData(false, invocation.word(5), masked) : masked;
      return { isMove, newCap: deriveCap(source, badged) };
    }
  }
}

function decodeCancelBadgedSends(invocation: Invocation, slot: Slot): Outcome {
  const { cap } = slot;
  if (cap.type !== capType.endpoint) return refusal.illegalOperation;
  if (!(cap.canSend && cap.canReceive && cap.canGrant && cap.canGrantReply)) return refusal.illegalOperation;
  if (cap.badge !== 0n) cancelBadgedSends(invocation.kernel, cap.endpoint, cap.badge);
  return done;
}

function decodeRotate(invocation: Invocation, destination: Slot): Outcome {
  const { kernel } = invocation;
  if (invocation.lacks(8, 2)) return refusal.truncatedMessage;
  const pivotDepth = invocation.word(4);
  const sourceDepth = invocation.word(7);
  const source = lookupSourceSlot(kernel, invocation.extraCap(1), invocation.word(6), sourceDepth);
  if (source instanceof SyscallError) return source;
  const pivot = lookupSourceSlot(kernel, invocation.extraCap(0), invocation.word(3), pivotDepth);
  if (pivot instanceof SyscallError) return pivot;
  if (pivot === source || pivot === destination) return refusal.illegalOperation;
  if (source !== destination) {
    const taken = ensureEmptySlot(destination);
    if (taken !== null) return taken;
  }
  if (source.cap.type === capType.null) return missing(true, sourceDepth);
  if (pivot.cap.type === capType.null) return missing(false, pivotDepth);
  const newSource = updateCapData(true, invocation.word(5), source.cap);
  const newPivot = updateCapData(true, invocation.word(2), pivot.cap);
  if (newSource.type === capType.null || newPivot.type === capType.null) return refusal.illegalOperation;
  if (source === destination) {
    cteSwap(newSource, source, newPivot, pivot);
  } else {
    cteMove(newPivot, pivot, destination);
    cteMove(newSource, source, pivot);
  }
  return done;
}
