// Invocations of CNodes: moving, copying and deleting capabilities.

import { label } from '../abi/invocation-labels.ts';
import { cancelBadgedSends } from '../cancel-ipc.ts';
import { maskCapRights, rightsFromWord, updateCapData } from '../cspace/capability.ts';
import { cteInsert, cteMove, cteSwap, deriveCap } from '../cspace/derivation.ts';
import { lookupSlotForCNodeOp } from '../cspace/lookup.ts';
import { cteDelete, cteRevoke } from '../deletion.ts';
import type { Kernel } from '../kernel.ts';
import { type Capability, type CNodeCap, capType, type Slot } from '../objects.ts';
import { done, type Outcome, preempted, type Result, refusal, SyscallError } from '../outcome.ts';
import { type Invocation, invoke, type Methods } from './invocation.ts';

/** Their target is the slot that the first two words name. */
const methods: Methods<Slot> = {
  CNodeRevoke: [2, 0, (kernel, _, slot) => (cteRevoke(kernel, slot) ? done : preempted)],
  CNodeDelete: [2, 0, (kernel, _, slot) => (cteDelete(kernel, slot, true) ? done : preempted)],
  CNodeCancelBadgedSends: [2, 0, cancelSends],
  CNodeCopy: [4, 1, fill],
  CNodeMint: [4, 1, fill],
  CNodeMove: [4, 1, fill],
  CNodeMutate: [4, 1, fill],
  CNodeRotate: [8, 2, rotate],
};

export function decodeCNodeInvocation(kernel: Kernel, invocation: Invocation, cap: CNodeCap): Outcome {
  if (invocation.label < label.CNodeRevoke || invocation.label > label.CNodeRotate) return refusal.illegalOperation;
  if (invocation.length < 2) return refusal.truncatedMessage;
  const destination = lookupSlotForCNodeOp(kernel, false, cap, invocation.word(0), invocation.word(1));
  return destination instanceof SyscallError ? destination : invoke(kernel, invocation, methods, destination);
}

function cancelSends(kernel: Kernel, _: Invocation, { cap }: Slot): Result {
  if (cap.type !== capType.endpoint) return refusal.illegalOperation;
  if (!(cap.canSend && cap.canReceive && cap.canGrant && cap.canGrantReply)) return refusal.illegalOperation;
  if (cap.badge !== 0n) cancelBadgedSends(kernel, cap.endpoint, cap.badge);
}

/** Copy, Mint, Move and Mutate. */
function fill(kernel: Kernel, invocation: Invocation, destination: Slot): Result {
  if (destination.cap.type !== capType.null) return refusal.deleteFirst;
  const depth = invocation.word(3);
  const source = lookupSlotForCNodeOp(kernel, true, invocation.extraCap(0), invocation.word(2), depth);
  if (source instanceof SyscallError) return source;
  if (source.cap.type === capType.null) return refusal.missingCapability(true, depth);
  const newCap = newCapability(invocation, source);
  if (newCap instanceof SyscallError) return newCap;
  if (newCap.type === capType.null) return refusal.illegalOperation;
  if (invocation.label >= label.CNodeMove) cteMove(newCap, source, destination);
  else cteInsert(kernel, newCap, source, destination);
}

function newCapability(invocation: Invocation, source: Slot): Capability | SyscallError {
  if (invocation.label === label.CNodeMove) return source.cap;
  if (invocation.length < (invocation.label === label.CNodeMint ? 6 : 5)) return refusal.truncatedMessage;
  if (invocation.label === label.CNodeMutate) return updateCapData(true, invocation.word(4), source.cap);
  const masked = maskCapRights(rightsFromWord(invocation.word(4)), source.cap);
  const isMint = invocation.label === label.CNodeMint;
  return deriveCap(source, isMint ? updateCapData(false, invocation.word(5), masked) : masked);
}

function rotate(kernel: Kernel, invocation: Invocation, destination: Slot): Result {
  const pivotDepth = invocation.word(4);
  const sourceDepth = invocation.word(7);
  const source = lookupSlotForCNodeOp(kernel, true, invocation.extraCap(1), invocation.word(6), sourceDepth);
  if (source instanceof SyscallError) return source;
  const pivot = lookupSlotForCNodeOp(kernel, true, invocation.extraCap(0), invocation.word(3), pivotDepth);
  if (pivot instanceof SyscallError) return pivot;
  if (pivot === source || pivot === destination) return refusal.illegalOperation;
  if (source !== destination && destination.cap.type !== capType.null) return refusal.deleteFirst;
  if (source.cap.type === capType.null) return refusal.missingCapability(true, sourceDepth);
  if (pivot.cap.type === capType.null) return refusal.missingCapability(false, pivotDepth);
  const newSource = updateCapData(true, invocation.word(5), source.cap);
  const newPivot = updateCapData(true, invocation.word(2), pivot.cap);
  if (newSource.type === capType.null || newPivot.type === capType.null) return refusal.illegalOperation;
  if (source === destination) {
    cteSwap(newSource, source, newPivot, pivot);
  } else {
    cteMove(newPivot, pivot, destination);
    cteMove(newSource, source, pivot);
  }
}
