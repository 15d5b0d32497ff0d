// Memory: objects do not overlap, each lies within the used part of the untyped memory that it was made from, and whatever lies in
// untyped memory is derived from it.

import { ramBase } from '../../hw/engine/memory.ts';
import { sizeBits } from '../abi/limits.ts';
import { capAddress, capSize } from '../cspace/capability.ts';
import type { Kernel } from '../kernel.ts';
import { type Capability, capType, type Slot, type UntypedCap } from '../objects.ts';
import { identityOf } from './derivation-tree.ts';
import { hex, nameOfSlot } from './names.ts';
import { violated } from './violation.ts';

const rule = 'memory';

/** What a capability covers, and the nearest untyped memory above it in the derivation tree. */
interface Extent {
  slot: Slot;
  address: number;
  end: number;
  parent: Extent | null;
}

const isDevice = (cap: Capability): boolean =>
  (cap.type === capType.untyped || cap.type === capType.frame) && cap.device;

/** `order`: all slots, as `checkDerivationTree` returns them. */
export function checkMemory(kernel: Kernel, order: readonly Slot[]): void {
  const extents = extentsOf(order);
  const ramEnd = ramBase + kernel.machine.memory.layout.ramSize;
  for (const { slot, address, end, parent } of extents) {
    if (address % (end - address) !== 0) violated(rule, `${nameOfSlot(slot)} is not aligned`);
    if (!isDevice(slot.cap) && (address <= ramBase || end > ramEnd))
      violated(rule, `${nameOfSlot(slot)} is not in RAM`);
    if (parent !== null) checkChild(slot, end, parent.slot);
  }
  checkNesting(extents);
}

/** Extents in the order of the tree, one for all capabilities to an object. */
function extentsOf(order: readonly Slot[]): Extent[] {
  const extents: Extent[] = [];
  let parent: Extent | null = null;
  let identity: unknown = null;
  for (const slot of order) {
    const { cap } = slot;
    if (slot.prev === null) parent = null;
    const own = identityOf(cap);
    const repeats = slot.prev !== null && own !== null && own === identity;
    identity = own;
    const address = capAddress(cap);
    if (address < 0 || repeats) continue;
    const end = address + capSize(cap);
    while (parent !== null && !(parent.address <= address && end <= parent.end)) ({ parent } = parent);
    const extent: Extent = { slot, address, end, parent };
    extents.push(extent);
    if (cap.type === capType.untyped) parent = extent;
  }
  return extents;
}

function checkChild(slot: Slot, end: number, parent: Slot): void {
  const untyped = parent.cap as UntypedCap;
  if (end > untyped.address + untyped.watermark) {
    violated(rule, `${nameOfSlot(slot)} ends at ${hex(end)}, in the free part of ${nameOfSlot(parent)}`);
  }
  if (untyped.device !== isDevice(slot.cap)) {
    violated(rule, `${nameOfSlot(slot)} and ${nameOfSlot(parent)} do not agree on whether they are a device's`);
  }
}

/** By address, two extents are apart, or the second lies in the first: which is untyped memory, and above it in the tree. */
function checkNesting(extents: Extent[]): void {
  // A stable sort: of copies of untyped memory, the one above comes first.
  extents.sort((a, b) => a.address - b.address || b.end - a.end);
  const around: Extent[] = [];
  for (const extent of extents) {
    while (around.length > 0 && around.at(-1)!.end <= extent.address) around.pop();
    const nearest = around.at(-1) ?? null;
    if (nearest !== null && nearest.slot.cap.type !== capType.untyped) {
      violated(rule, `${nameOfSlot(extent.slot)} overlaps ${nameOfSlot(nearest.slot)}`);
    }
    if (nearest !== extent.parent) {
      const where = nearest === null ? 'no untyped memory' : nameOfSlot(nearest.slot);
      violated(rule, `${nameOfSlot(extent.slot)} lies in ${where} and is not derived from it`);
    }
    around.push(extent);
  }
}

/** What is free of untyped memory is zero: nothing of its last owner is left in what the next one gets. Slow. */
export function checkFreeMemory(kernel: Kernel, slots: Iterable<Slot>): void {
  const { memory } = kernel.machine;
  for (const slot of slots) {
    const { cap } = slot;
    if (cap.type !== capType.untyped || cap.device || cap.sizeBits < sizeBits.ipcBuffer) continue;
    const size = capSize(cap);
    const start = memory.hostAddress(cap.address, size);
    const end = (start + size) >>> 2;
    for (let at = (start + cap.watermark + 3) >>> 2; at < end; at++) {
      if (memory.u32[at] !== 0) {
        violated(
          rule,
          `${nameOfSlot(slot)} holds ${hex(memory.u32[at]!)} at offset ${hex(at * 4 - start)}, which is free`,
        );
      }
    }
  }
}
