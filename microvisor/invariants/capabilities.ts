// Capabilities, each by itself: guards, rights, mappings, zombies, interrupt handlers.

import { asidsPerPool, sizeBits, wordBits } from '../abi/limits.ts';
import { irqState, type Kernel } from '../kernel.ts';
import {
  type Capability,
  type CNode,
  capType,
  type FrameCap,
  type PageTableCap,
  type Slot,
  tcbSlot,
} from '../objects.ts';
import type { Inventory } from './inventory.ts';
import { nameOfSlot } from './names.ts';
import { violated } from './violation.ts';

const rule = 'capability';

export function checkCapabilities(kernel: Kernel, inventory: Inventory): void {
  for (const slot of inventory.slots) checkCapability(kernel, slot, slot.cap);
  for (const slot of inventory.zombies) checkZombie(slot);
  checkInterrupts(kernel, inventory);
  checkPools(kernel, inventory);
}

function checkCapability(kernel: Kernel, slot: Slot, cap: Capability): void {
  switch (cap.type) {
    case capType.untyped:
      if (!(cap.watermark >= 0 && cap.watermark <= 2 ** cap.sizeBits)) {
        violated(rule, `${nameOfSlot(slot)} is used up to ${cap.watermark} of ${2 ** cap.sizeBits} bytes`);
      }
      return;
    case capType.cNode: {
      const { guardSize, guardLow, guardHigh } = cap;
      const fits = guardLow < 2 ** Math.min(guardSize, 32) && guardHigh < 2 ** Math.max(guardSize - 32, 0);
      if (guardSize + cap.node.radix > wordBits || !fits) violated(rule, `${nameOfSlot(slot)} has an impossible guard`);
      return;
    }
    case capType.schedControl:
      if (kernel.nodes[cap.core] === undefined) violated(rule, `${nameOfSlot(slot)} is for core ${cap.core}`);
      return;
    case capType.frame:
      checkMapping(slot, cap, cap.sizeBits);
      if (cap.rights < 1 || cap.rights > 3) violated(rule, `${nameOfSlot(slot)} has rights ${cap.rights}`);
      return;
    case capType.pageTable:
      checkMapping(slot, cap, sizeBits.page);
      if (cap.mapped && cap.asid === 0) violated(rule, `${nameOfSlot(slot)} is mapped in no address space`);
      return;
    default:
      return;
  }
}

function checkMapping(slot: Slot, { asid, mappedAddress }: FrameCap | PageTableCap, bits: number): void {
  if (mappedAddress % 2 ** bits !== 0) violated(rule, `${nameOfSlot(slot)} is mapped at a crooked address`);
  if (asid < 0 || asid >= 2 ** 16) violated(rule, `${nameOfSlot(slot)} is mapped with ASID ${asid}`);
}

/** Slots of a zombie from its count on are empty. */
function checkZombie(slot: Slot): void {
  const { cap } = slot;
  if (cap.type !== capType.zombie) return;
  const { node, count } = cap;
  const most = node.ofTcb ? tcbSlot.count : 2 ** node.radix;
  // None left: its deletion was preempted just before the end.
  if (count < 0 || count > most) violated(rule, `${nameOfSlot(slot)} has ${count} of ${most} slots left`);
  const left = lastOccupied(node);
  if (left >= count) violated(rule, `${nameOfSlot(slot)} has ${count} slots left, and something in slot ${left}`);
}
function lastOccupied(node: CNode): number {
  let last = -1;
  for (const { index } of node.occupied()) last = Math.max(last, index);
  return last;
}

/** An interrupt is handed out exactly if there is a capability to handle it; what it signals is a notification. */
function checkInterrupts(kernel: Kernel, { handlers }: Inventory): void {
  const handled = new Set<number>();
  for (const { cap } of handlers) if (cap.type === capType.irqHandler) handled.add(cap.irq);
  kernel.irqStates.forEach((state, irq) => {
    if ((state === irqState.signal) !== handled.has(irq)) {
      violated('interrupt', `interrupt ${irq} is in state ${state}, and has ${handled.has(irq) ? 'a' : 'no'} handler`);
    }
  });
  for (const slot of kernel.irqSlots.occupied()) {
    const { cap } = slot;
    if (kernel.irqStates[slot.index] !== irqState.signal) {
      violated('interrupt', `interrupt ${slot.index} is not handed out, and signals ${nameOfSlot(slot)}`);
    }
    if (cap.type !== capType.notification || !cap.canSend) {
      violated('interrupt', `interrupt ${slot.index} signals ${nameOfSlot(slot)}`);
    }
  }
}

/** The table of ASID pools and the capabilities to them agree. */
function checkPools(kernel: Kernel, { pools }: Inventory): void {
  for (const [pool, base] of pools) {
    if (kernel.asidTable[base / asidsPerPool] !== pool)
      violated('ASID', `the pool of ASIDs from ${base} on is not in the table`);
  }
  kernel.asidTable.forEach((pool, index) => {
    if (pool !== null && !pools.has(pool))
      violated('ASID', `no capability names the pool in entry ${index} of the table`);
  });
}
