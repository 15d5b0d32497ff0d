// Everything that exists: what can be reached from the kernel's own slots and its threads, through capabilities and the
// derivation tree. An object that no capability names does not exist: whatever still points to it is a violation.

import type { Kernel } from '../kernel.ts';
import { type AsidPool, type CNode, capType, type Slot } from '../objects.ts';
import { type NamedObject, nameOf } from './names.ts';
import { violated } from './violation.ts';

export class Inventory {
  /** Slots that hold something, or that the derivation tree says do. */
  readonly slots = new Set<Slot>();
  readonly objects = new Set<NamedObject>();
  readonly pools = new Map<AsidPool, number>();
  readonly frames: Slot[] = [];
  readonly tables: Slot[] = [];
  readonly handlers: Slot[] = [];
  readonly zombies: Slot[] = [];
  private readonly nodes = new Set<CNode>();
  private readonly work: Slot[] = [];

  constructor(kernel: Kernel) {
    this.addNode(kernel.irqSlots);
    for (const { slots } of kernel.threads) this.addNode(slots);
    for (let slot = this.work.pop(); slot !== undefined; slot = this.work.pop()) {
      this.addSlot(slot.prev);
      this.addSlot(slot.next);
      this.addNode(slot.node);
      this.addTarget(slot);
    }
  }

  private addNode(node: CNode): void {
    if (this.nodes.has(node)) return;
    this.nodes.add(node);
    for (const slot of node.occupied()) this.addSlot(slot);
  }
  private addSlot(slot: Slot | null): void {
    if (slot === null || this.slots.has(slot)) return;
    this.slots.add(slot);
    this.work.push(slot);
  }
  private addTarget(slot: Slot): void {
    const { cap } = slot;
    switch (cap.type) {
      case capType.cNode:
        this.addNode(cap.node);
        return;
      case capType.zombie:
        this.zombies.push(slot);
        this.addNode(cap.node);
        return;
      case capType.thread:
        this.objects.add(cap.tcb);
        this.addNode(cap.tcb.slots);
        return;
      case capType.endpoint:
        this.objects.add(cap.endpoint);
        return;
      case capType.notification:
        this.objects.add(cap.notification);
        return;
      case capType.reply:
        this.objects.add(cap.reply);
        return;
      case capType.schedContext:
        this.objects.add(cap.schedContext);
        return;
      case capType.vcpu:
        this.objects.add(cap.vcpu);
        return;
      case capType.asidPool:
        this.pools.set(cap.pool, cap.base);
        return;
      case capType.frame:
        this.frames.push(slot);
        return;
      case capType.pageTable:
        this.tables.push(slot);
        return;
      case capType.irqHandler:
        this.handlers.push(slot);
        return;
      default:
        return;
    }
  }

  /** What `holder` points to must exist. */
  checkAlive(object: NamedObject | null, holder: NamedObject | string): void {
    if (object === null || this.objects.has(object)) return;
    const who = typeof holder === 'string' ? holder : nameOf(holder);
    violated('dangling reference', `${who} refers to ${nameOf(object)}, which no capability names`);
  }
}
