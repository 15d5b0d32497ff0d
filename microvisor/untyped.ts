// Untyped memory: making objects of it, and making it whole again when its last child is gone.

import { lookupFailure } from './abi/faults.ts';
import { retypeFanOutLimit, sizeBits, wordBits } from './abi/limits.ts';
import { extensionSizeBits, objectType, objectTypeCount } from './abi/object-types.ts';
import { preemptionPoint } from './budget.ts';
import { ensureEmptySlot, ensureNoChildren, insertNewCap } from './cspace/derivation.ts';
import { lookupTargetSlot } from './cspace/lookup.ts';
import type { Kernel } from './kernel.ts';
import {
  type Capability,
  CNode,
  capType,
  Endpoint,
  Notification,
  Reply,
  SchedContext,
  type Slot,
  Tcb,
  type UntypedCap,
  Vcpu,
  vmRights,
} from './objects.ts';
import { type Completed, done, type Outcome, preempted, refusal, SyscallError } from './outcome.ts';

/** Binary logarithm of the size of an object; `userSize` counts for those whose size the user chooses. */
export function getObjectSize(type: number, userSize: number): number {
  switch (type) {
    case objectType.untyped:
    case objectType.schedContext:
      return userSize;
    case objectType.capTable:
      return sizeBits.slot + userSize;
    case objectType.tcb:
      return sizeBits.tcb;
    case objectType.endpoint:
      return sizeBits.endpoint;
    case objectType.notification:
      return sizeBits.notification;
    case objectType.reply:
      return sizeBits.reply;
    case objectType.gigaPage:
      return sizeBits.hugePage;
    case objectType.megaPage:
      return sizeBits.largePage;
    case objectType.vcpu:
      return extensionSizeBits.vcpu;
    case objectType.guestRoot:
      return extensionSizeBits.guestRoot;
    default:
      return sizeBits.page;
  }
}
const isFrameType = (type: number): boolean =>
  type === objectType.page || type === objectType.megaPage || type === objectType.gigaPage;

/** Arguments of Untyped_Retype, as numbers; those that are far too large only need to stay large. */
export interface RetypeArguments {
  type: number;
  userSize: number;
  nodeIndex: bigint;
  nodeDepth: bigint;
  nodeOffset: number;
  nodeWindow: number;
}

function checkSizes(type: number, userSize: number): SyscallError | null {
  if (type >= objectTypeCount) return refusal.invalidArgument(0);
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

export function retype(kernel: Kernel, slot: Slot, cap: UntypedCap, root: Capability, args: RetypeArguments): Outcome {
  const { type, userSize, nodeOffset, nodeWindow } = args;
  const wrongSize = checkSizes(type, userSize);
  if (wrongSize !== null) return wrongSize;

  let nodeCap = root;
  if (args.nodeDepth !== 0n) {
    const found = lookupTargetSlot(kernel, root, args.nodeIndex, args.nodeDepth);
    if (found instanceof SyscallError) return found;
    nodeCap = found.cap;
  }
  if (nodeCap.type !== capType.cNode) {
    return refusal.failedLookup(false, {
      type: lookupFailure.missingCapability,
      bitsLeft: Number(args.nodeDepth & 127n),
    });
  }
  const { node } = nodeCap;
  const nodeSize = 2 ** node.radix;
  if (nodeOffset > nodeSize - 1) return refusal.rangeError(0, nodeSize - 1);
  if (nodeWindow < 1 || nodeWindow > retypeFanOutLimit) return refusal.rangeError(1, retypeFanOutLimit);
  if (nodeWindow > nodeSize - nodeOffset) return refusal.rangeError(1, nodeSize - nodeOffset);
  for (let i = 0; i < nodeWindow; i++) {
    const taken = ensureEmptySlot(node.slot(nodeOffset + i));
    if (taken !== null) return taken;
  }

  const reset = ensureNoChildren(slot) === null;
  const watermark = reset ? 0 : cap.watermark;
  const free = 2 ** cap.sizeBits - watermark;
  const objectSize = 2 ** getObjectSize(type, userSize);
  if (Math.floor(free / objectSize) < nodeWindow) return refusal.notEnoughMemory(free);
  if (cap.device && !isFrameType(type) && type !== objectType.untyped) return refusal.invalidArgument(1);
  // Ours: registers of threads lie in machine memory, whose room for them is limited.
  if (type === objectType.tcb && kernel.contextsLeft < nodeWindow) return refusal.notEnoughMemory(0);

  if (reset && !resetUntypedCap(kernel, slot)) return preempted;
  const first = Math.ceil((cap.address + watermark) / objectSize) * objectSize;
  slot.cap = { ...(slot.cap as UntypedCap), watermark: first + nodeWindow * objectSize - cap.address };
  for (let i = 0; i < nodeWindow; i++) {
    kernel.charge(kernel.costs.create);
    insertNewCap(
      slot,
      node.slot(nodeOffset + i),
      createObject(kernel, type, first + i * objectSize, userSize, cap.device),
    );
  }
  return done;
}

/** Bytes that are cleared between two preemption points. */
const resetChunk = 4096;

/** Clears what was used of an untyped without children, from the end, so that it can stop and go on. */
function resetUntypedCap(kernel: Kernel, slot: Slot): Completed {
  const cap = slot.cap as UntypedCap;
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

/** Makes an object, and the capability to it that has all rights. The memory is zero. */
export function createObject(
  kernel: Kernel,
  type: number,
  address: number,
  userSize: number,
  device: boolean,
): Capability {
  switch (type) {
    case objectType.untyped:
      return { type: capType.untyped, address, sizeBits: userSize, device, watermark: 0 };
    case objectType.tcb: {
      const tcb = new Tcb(address, kernel.allocateContext());
      kernel.threads.push(tcb);
      tcb.domain = kernel.node.domain;
      tcb.name = `child of: '${kernel.node.current.name}'`;
      return { type: capType.thread, tcb };
    }
    case objectType.endpoint:
      return {
        type: capType.endpoint,
        endpoint: new Endpoint(address),
        badge: 0n,
        canSend: true,
        canReceive: true,
        canGrant: true,
        canGrantReply: true,
      };
    case objectType.notification:
      return {
        type: capType.notification,
        notification: new Notification(address),
        badge: 0n,
        canSend: true,
        canReceive: true,
      };
    case objectType.capTable:
      return {
        type: capType.cNode,
        node: new CNode(address, userSize, false),
        guardSize: 0,
        guardLow: 0,
        guardHigh: 0,
      };
    case objectType.schedContext:
      return { type: capType.schedContext, schedContext: new SchedContext(address, userSize) };
    case objectType.reply:
      return { type: capType.reply, reply: new Reply(address), canGrant: true };
    case objectType.gigaPage:
    case objectType.page:
    case objectType.megaPage:
      return {
        type: capType.frame,
        address,
        sizeBits: getObjectSize(type, 0),
        rights: vmRights.readWrite,
        device,
        asid: 0,
        mappedAddress: 0,
      };
    case objectType.pageTable:
      return { type: capType.pageTable, address, guestLevels: 0, mapped: false, asid: 0, mappedAddress: 0 };
    case objectType.vcpu:
      return { type: capType.vcpu, vcpu: new Vcpu(address) };
    case objectType.guestRoot:
      return {
        type: capType.pageTable,
        address,
        guestLevels: userSize === 48 ? 4 : 3,
        mapped: false,
        asid: 0,
        mappedAddress: 0,
      };
    default:
      throw new Error(`object type ${type}`);
  }
}
