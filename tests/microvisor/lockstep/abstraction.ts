// What the kernel's state means in the specification's terms: a function from its objects to the abstract state.

import { context as fields } from '../../../hw/engine/layout.ts';
import { maxIrq, sizeBits } from '../../../microvisor/abi/limits.ts';
import { isMDBParentOf } from '../../../microvisor/cspace/derivation.ts';
import { irqState, type Kernel } from '../../../microvisor/kernel.ts';
import * as k from '../../../microvisor/objects.ts';
import { readRegister } from '../../../microvisor/registers.ts';
import {
  type Config,
  type PageTableEntry,
  type Slot,
  type SlotId,
  type State,
  slotId,
} from '../../../microvisor/specification/state.ts';
import {
  addressOf,
  capability,
  domain,
  endpoint,
  members,
  notification,
  pageTableEntry,
  schedContext,
  thread,
} from './meaning.ts';

/** Slots that hold capabilities: those that can be reached, and those among `known`, to which the last way may be lost. */
function slotsOf(kernel: Kernel, known: Iterable<k.Slot>): Set<k.Slot> {
  const slots = new Set<k.Slot>();
  const nodes = new Set<k.CNode>();
  const work: k.Slot[] = [];
  const addSlot = (slot: k.Slot | null): void => {
    if (slot === null || slots.has(slot)) return;
    slots.add(slot);
    work.push(slot);
  };
  const addNode = (node: k.CNode): void => {
    if (nodes.has(node)) return;
    nodes.add(node);
    for (const slot of node.occupied()) addSlot(slot);
  };
  addNode(kernel.irqSlots);
  for (const slot of known) if (slot.cap.type !== k.capType.null) addSlot(slot);
  for (const tcb of kernel.threads) addNode(tcb.slots);
  for (let slot = work.pop(); slot !== undefined; slot = work.pop()) {
    addSlot(slot.prev);
    addSlot(slot.next);
    addNode(slot.node);
    if (slot.cap.type === k.capType.cNode || slot.cap.type === k.capType.zombie) addNode(slot.cap.node);
  }
  return slots;
}

const pageBytes = 4096;

/** Bytes of machine memory, as they were when they were last read. */
type Copies = Map<number, Uint8Array>;
function isUnchanged(copies: Copies, at: number, bytes: Uint8Array): boolean {
  const copy = copies.get(at);
  if (copy !== undefined && Buffer.compare(copy, bytes) === 0) return true;
  copies.set(at, bytes.slice());
  return false;
}

/** A slot with its place in the tree, as it was. */
interface Listed extends Pick<k.Slot, 'cap' | 'prev' | 'next' | 'revocable' | 'firstBadged'> {
  slot: k.Slot;
}

/** One kernel's meaning, time and again. What seldom changes is read again only when its bytes have changed. */
export class Abstraction {
  private readonly contextCopies: Copies = new Map();
  private readonly tableCopies: Copies = new Map();
  private readonly pageCopies: Copies = new Map();
  private readonly registersOf = new Map<number, bigint[]>();
  private readonly known = new Map<SlotId, { cap: k.Capability; slot: Slot }>();
  private readonly ids = new WeakMap<k.Slot, SlotId>();
  private readonly listed: Listed[] = [];
  private tree: State['slots'] = {};
  private readonly tables = new Map<number, Record<number, PageTableEntry>>();
  private readonly pages = new Set<number>();
  private readonly memory: State['memory'] = {};

  constructor(
    private readonly kernel: Kernel,
    private readonly config: Config,
  ) {}

  /** The kernel's objects are new ones. */
  forget(): void {
    this.listed.length = 0;
  }
  /**
   * The fast path does not look at the clock, and leaves what has passed to the next entry that does: `now`, in ticks, is when
   * the entry was, and what has passed by then is added.
   */
  state(now: number): State {
    const { kernel } = this;
    const node = kernel.nodes[0]!;
    const passed = now - node.time;
    const time = domain(node);
    const slots = slotsOf(
      kernel,
      this.listed.map(({ slot }) => slot),
    );
    const state: State = {
      config: this.config,
      slots: this.slots(slots),
      threads: {},
      endpoints: {},
      notifications: {},
      replies: {},
      schedContexts: {},
      tables: {},
      pools: {},
      asids: {},
      irqs: {},
      memory: {},
      current: node.current === node.idle ? null : node.current.address,
      currentContext: node.currentSchedContext === node.idleSchedContext ? null : node.currentSchedContext.address,
      next: node.action === 'resume' ? 'same' : node.action === 'choose' ? 'choose' : node.action.address,
      ready: {},
      released: members(node.release),
      now,
      consumed: node.consumed + passed,
      rearm: node.reprogram,
      deadline: kernel.machine.port.deadlines[0]! / kernel.cyclesPerTick,
      work: node.workUnits,
      interrupted: false,
      domain: { ...time, time: time.time - passed },
    };
    for (const tcb of kernel.threads) state.threads[tcb.address] = thread(tcb, this.registers(tcb));
    node.ready.forEach((queue, index) => {
      if (queue.head !== null) state.ready[index] = members(queue);
    });
    for (const { cap } of slots) this.addObject(state, cap);
    kernel.irqStates.forEach((what, irq) => {
      if (irq <= maxIrq && what === irqState.signal) state.irqs[irq] = true;
    });
    kernel.asidTable.forEach((pool, at) => {
      if (pool !== null) state.asids[at] = pool.address;
    });
    state.memory = this.readMemory(state);
    return state;
  }

  private registers(tcb: k.Tcb): bigint[] {
    const { base, memory } = tcb.context;
    const known = this.registersOf.get(base);
    if (
      isUnchanged(this.contextCopies, base, memory.u8.subarray(base + fields.x, base + fields.x + 8 * 32)) &&
      known !== undefined
    ) {
      return known;
    }
    const registers: bigint[] = [0n];
    for (let i = 1; i < 32; i++) registers.push(readRegister(tcb, i));
    this.registersOf.set(base, registers);
    return registers;
  }

  /** The derivation tree, which is read again only when something in it has changed. */
  private slots(all: ReadonlySet<k.Slot>): State['slots'] {
    if (!this.isTreeUnchanged(all)) this.tree = this.readTree(all);
    return this.tree;
  }
  private isTreeUnchanged(all: ReadonlySet<k.Slot>): boolean {
    let same = all.size === this.listed.length;
    let at = 0;
    for (const slot of all) {
      const before = this.listed[at];
      const { cap, prev, next, revocable, firstBadged } = slot;
      same &&=
        before!.slot === slot &&
        before!.cap === cap &&
        before!.prev === prev &&
        before!.next === next &&
        before!.revocable === revocable &&
        before!.firstBadged === firstBadged;
      if (!same) this.listed[at] = { slot, cap, prev, next, revocable, firstBadged };
      at++;
    }
    this.listed.length = at;
    return same;
  }
  private readTree(all: ReadonlySet<k.Slot>): State['slots'] {
    const found: { slot: k.Slot; id: SlotId; parent: SlotId | null; children: SlotId[] }[] = [];
    for (const first of all) {
      if (first.prev !== null) continue;
      // The list is in prefix order: a slot's parent is the last before it that is a parent of it.
      const ancestors: typeof found = [];
      for (let slot: k.Slot | null = first; slot !== null; slot = slot.next) {
        while (ancestors.length > 0 && !isMDBParentOf(ancestors.at(-1)!.slot, slot)) ancestors.pop();
        const parent = ancestors.at(-1);
        const here = { slot, id: this.idOf(slot), parent: parent?.id ?? null, children: [] };
        parent?.children.push(here.id);
        ancestors.push(here);
        found.push(here);
      }
    }
    const slots: State['slots'] = {};
    for (const { slot, id, parent, children } of found) {
      slots[id] = this.slot(id, slot, { parent, children, original: slot.revocable });
    }
    return slots;
  }
  private idOf(slot: k.Slot): SlotId {
    let id = this.ids.get(slot);
    if (id === undefined) {
      id = slotId(slot.node === this.kernel.irqSlots ? 'irq' : slot.node.address, slot.index);
      this.ids.set(slot, id);
    }
    return id;
  }
  private slot(id: SlotId, { cap }: k.Slot, place: Omit<Slot, 'cap'>): Slot {
    const known = this.known.get(id);
    if (known?.cap === cap) {
      const { parent, children, original } = known.slot;
      const same =
        parent === place.parent &&
        original === place.original &&
        children.length === place.children.length &&
        children.every((child, i) => child === place.children[i]);
      if (same) return known.slot;
    }
    const slot = { cap: capability(cap), ...place };
    this.known.set(id, { cap, slot });
    return slot;
  }

  private addObject(state: State, cap: k.Capability): void {
    switch (cap.type) {
      case k.capType.endpoint:
        state.endpoints[cap.endpoint.address] ??= endpoint(cap.endpoint);
        return;
      case k.capType.notification:
        state.notifications[cap.notification.address] ??= notification(cap.notification);
        return;
      case k.capType.reply:
        state.replies[cap.reply.address] ??= { thread: addressOf(cap.reply.tcb) };
        return;
      case k.capType.schedContext:
        state.schedContexts[cap.schedContext.address] ??= schedContext(cap.schedContext);
        return;
      case k.capType.pageTable:
        state.tables[cap.address] ??= this.table(cap.address);
        return;
      case k.capType.asidPool: {
        const roots: Record<number, number> = {};
        cap.pool.roots.forEach((root, index) => {
          if (root !== null) roots[index] = root.address;
        });
        state.pools[cap.pool.address] ??= roots;
        return;
      }
      case k.capType.frame:
        if (!cap.device && cap.sizeBits === sizeBits.page) this.pages.add(cap.address);
        return;
      default:
    }
  }

  private isPageUnchanged(copies: Copies, physical: number): boolean {
    const { memory } = this.kernel.machine;
    const at = memory.hostAddress(physical, pageBytes);
    return isUnchanged(copies, at, memory.u8.subarray(at, at + pageBytes));
  }
  private table(address: number): Record<number, PageTableEntry> {
    const known = this.tables.get(address);
    if (this.isPageUnchanged(this.tableCopies, address) && known !== undefined) return known;
    const entries: Record<number, PageTableEntry> = {};
    for (let i = 0; i < 512; i++) {
      const word = this.kernel.loadWord(address + 8 * i);
      if (word !== 0n) entries[i] = pageTableEntry(word);
    }
    this.tables.set(address, entries);
    return entries;
  }

  /** Words of the pages that are, or once were, frames. */
  private readMemory(state: State): State['memory'] {
    for (const page of this.pages) {
      if (state.tables[page] !== undefined) {
        this.pages.delete(page);
        this.pageCopies.delete(page);
        delete this.memory[page];
      } else if (!this.isPageUnchanged(this.pageCopies, page)) {
        const words: Record<number, bigint> = {};
        for (let at = 0; at < pageBytes; at += 8) {
          const word = this.kernel.loadWord(page + at);
          if (word !== 0n) words[at] = word;
        }
        if (Object.keys(words).length > 0) this.memory[page] = words;
        else delete this.memory[page];
      }
    }
    return { ...this.memory };
  }
}
