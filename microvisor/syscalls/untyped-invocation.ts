// Untyped_Retype: making objects of untyped memory, which is made whole again first when its last child is gone.

import { retypeFanOutLimit, sizeBits, wordBits } from '../abi/limits.ts';
import { objectType, objectTypeCount } from '../abi/object-types.ts';
import { preemptionPoint } from '../budget.ts';
import { createObject, getObjectSize } from '../creation.ts';
import { hasChildren, insertNewCap } from '../cspace/derivation.ts';
import { lookupSlotForCNodeOp } from '../cspace/lookup.ts';
import type { Kernel } from '../kernel.ts';
import { type CNode, capType, type Slot, type UntypedCap } from '../objects.ts';
import { preempted, type Result, refusal, SyscallError } from '../outcome.ts';
import type { Invocation, Methods } from './invocation.ts';

export const untypedMethods: Methods<UntypedCap> = { UntypedRetype: [6, 1, retype] };

function checkSizes({ config }: Kernel, type: number, userSize: number): SyscallError | null {
  if (type >= (config.extensions ? objectTypeCount : objectType.vcpu)) return refusal.invalidArgument(0);
  if (userSize >= wordBits || getObjectSize(type, userSize) > sizeBits.maxUntyped) {
    return refusal.rangeError(0, sizeBits.maxUntyped);
  }
  const tooSmall =
    (type === objectType.capTable && userSize === 0) ||
    (type === objectType.untyped && userSize < sizeBits.minUntyped) ||
    (type === objectType.schedContext && userSize < sizeBits.minSchedContext);
  const noSuchMode = type === objectType.guestRoot && userSize !== 0 && userSize !== 39 && userSize !== 48;
  return tooSmall || noSuchMode ? refusal.invalidArgument(1) : null;
}

/** The CNode for the new capabilities: the extra capability, or what words 2 and 3 name in it. */
function decodeNode(kernel: Kernel, invocation: Invocation): CNode | SyscallError {
  let cap = invocation.extraCap(0);
  const depth = invocation.word(3);
  if (depth !== 0n) {
    const found = lookupSlotForCNodeOp(kernel, false, cap, invocation.word(2), depth);
    if (found instanceof SyscallError) return found;
    ({ cap } = found);
  }
  return cap.type === capType.cNode ? cap.node : refusal.missingCapability(false, depth);
}

function retype(kernel: Kernel, invocation: Invocation, cap: UntypedCap): Result {
  const { slot } = invocation;
  const type = invocation.number(0);
  const userSize = invocation.number(1);
  const wrongSize = checkSizes(kernel, type, userSize);
  if (wrongSize !== null) return wrongSize;

  const node = decodeNode(kernel, invocation);
  if (node instanceof SyscallError) return node;
  const nodeOffset = invocation.number(4);
  const nodeWindow = invocation.number(5);
  const nodeSize = 2 ** node.radix;
  if (nodeOffset > nodeSize - 1) return refusal.rangeError(0, nodeSize - 1);
  if (nodeWindow < 1 || nodeWindow > retypeFanOutLimit) return refusal.rangeError(1, retypeFanOutLimit);
  if (nodeWindow > nodeSize - nodeOffset) return refusal.rangeError(1, nodeSize - nodeOffset);
  for (let i = 0; i < nodeWindow; i++) {
    if (node.slot(nodeOffset + i).cap.type !== capType.null) return refusal.deleteFirst;
  }

  const reset = !hasChildren(slot);
  const watermark = reset ? 0 : cap.watermark;
  const free = 2 ** cap.sizeBits - watermark;
  const objectSize = 2 ** getObjectSize(type, userSize);
  if (Math.floor(free / objectSize) < nodeWindow) return refusal.notEnoughMemory(free);
  if (cap.device && type !== objectType.untyped && !isFrameType(type)) return refusal.invalidArgument(1);
  // Ours: registers of threads lie in machine memory, whose room for them is limited.
  if (type === objectType.tcb && kernel.contextsLeft < nodeWindow) return refusal.notEnoughMemory(0);

  if (reset && !resetUntypedCap(kernel, slot, cap)) return preempted;
  const first = Math.ceil((cap.address + watermark) / objectSize) * objectSize;
  slot.cap = { ...cap, watermark: first + nodeWindow * objectSize - cap.address };
  for (let i = 0; i < nodeWindow; i++) {
    kernel.charge(kernel.costs.create);
    const newCap = createObject(kernel, type, first + i * objectSize, userSize, cap.device);
    insertNewCap(slot, node.slot(nodeOffset + i), newCap);
  }
}

const isFrameType = (type: number): boolean =>
  type === objectType.page || type === objectType.megaPage || type === objectType.gigaPage;

/** Bytes that are cleared between two preemption points. */
const resetChunk = 4096;

/** Clears what was used of an untyped without children, from the end, so that it can stop and go on. false: it was preempted. */
function resetUntypedCap(kernel: Kernel, slot: Slot, cap: UntypedCap): boolean {
  if (cap.watermark === 0) return true;
  const size = 2 ** cap.sizeBits;
  if (cap.device || size < resetChunk) {
    if (!cap.device) kernel.clearMemory(cap.address, size);
    slot.cap = { ...cap, watermark: 0 };
    return true;
  }
  for (let offset = Math.floor((cap.watermark - 1) / resetChunk) * resetChunk; offset >= 0; offset -= resetChunk) {
    kernel.clearMemory(cap.address + offset, resetChunk);
    slot.cap = { ...cap, watermark: offset };
    if (!preemptionPoint(kernel)) return false;
  }
  return true;
}
