// What must hold whenever the kernel is left. A sweep throws at the first thing that doesn't; tests run it after every entry.

import { context as contextFields } from '../hw/engine/layout.ts';
import { numPriorities, sizeBits } from './abi/limits.ts';
import { entryAddress, findVSpaceForASID, isPageTable, isValid } from './address-space.ts';
import { capAddress, capSize, sameRegionAs } from './cspace/capability.ts';
import type { Kernel, Node } from './kernel.ts';
import {
  type AsidRoot,
  type CNode,
  capType,
  Endpoint,
  endpointState,
  type FrameCap,
  Notification,
  notificationState,
  Reply,
  SchedContext,
  type Slot,
  Tcb,
  type TcbQueue,
  threadState,
  type UntypedCap,
} from './objects.ts';
import { isSchedulable } from './scheduler.ts';
import { refillHead, refillsOf } from './sporadic.ts';

export class InvariantError extends Error {}

function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw new InvariantError(what);
}

/** Everything that exists: what can be reached through slots and the derivation tree. */
interface Inventory {
  slots: Set<Slot>;
  objects: Set<Endpoint | Notification | Reply | SchedContext | Tcb>;
}

function takeInventory(kernel: Kernel): Inventory {
  const slots = new Set<Slot>();
  const objects: Inventory['objects'] = new Set();
  const nodes = new Set<CNode>();
  const work: Slot[] = [];
  const addNode = (node: CNode): void => {
    if (nodes.has(node)) return;
    nodes.add(node);
    for (const slot of node.occupied()) addSlot(slot);
  };
  const addSlot = (slot: Slot | null): void => {
    if (slot === null || slots.has(slot)) return;
    slots.add(slot);
    work.push(slot);
  };
  addNode(kernel.irqSlots);
  for (const { slots: own } of kernel.threads) addNode(own);
  for (let slot = work.pop(); slot !== undefined; slot = work.pop()) {
    addSlot(slot.prev);
    addSlot(slot.next);
    addNode(slot.node);
    const { cap } = slot;
    if (cap.type === capType.cNode || cap.type === capType.zombie) addNode(cap.node);
    if (cap.type === capType.endpoint) objects.add(cap.endpoint);
    if (cap.type === capType.notification) objects.add(cap.notification);
    if (cap.type === capType.reply) objects.add(cap.reply);
    if (cap.type === capType.schedContext) objects.add(cap.schedContext);
    if (cap.type === capType.thread) {
      objects.add(cap.tcb);
      addNode(cap.tcb.slots);
    }
  }
  return { slots, objects };
}

export function checkInvariants(kernel: Kernel): void {
  const inventory = takeInventory(kernel);
  checkDerivation(inventory.slots);
  checkMemory(inventory.slots);
  for (const object of inventory.objects) checkObject(object);
  for (const node of kernel.nodes) checkNode(kernel, node);
  checkContexts(kernel, inventory.objects);
  checkPageTables(kernel, inventory.slots);
}

/** The derivation tree: links agree, and empty slots are in no tree. */
function checkDerivation(slots: ReadonlySet<Slot>): void {
  for (const slot of slots) {
    check(slot.cap.type !== capType.null, 'an empty slot is in the derivation tree');
    check(slot.next === null || slot.next.prev === slot, 'derivation tree: next and prev disagree');
    check(slot.prev === null || slot.prev.next === slot, 'derivation tree: prev and next disagree');
  }
}

/** Memory: no two objects overlap, and each lies in the used part of the untypeds above it. */
function checkMemory(slots: ReadonlySet<Slot>): void {
  const extents = new Map<string, { address: number; end: number }>();
  const untypeds: Slot[] = [];
  for (const slot of slots) {
    const { cap } = slot;
    if (cap.type === capType.untyped) {
      untypeds.push(slot);
      check(cap.watermark <= capSize(cap), 'an untyped is used beyond its end');
    } else if (capAddress(cap) >= 0) {
      const address = capAddress(cap);
      extents.set(`${address}+${capSize(cap)}`, { address, end: address + capSize(cap) });
    }
  }
  const sorted = [...extents.values()].sort((a, b) => a.address - b.address);
  for (let i = 1; i < sorted.length; i++) {
    check(sorted[i - 1]!.end <= sorted[i]!.address, `objects overlap at 0x${sorted[i]!.address.toString(16)}`);
  }
  for (const slot of untypeds) {
    const cap = slot.cap as UntypedCap;
    for (let child = slot.next; child !== null && sameRegionAs(cap, child.cap); child = child.next) {
      const end = capAddress(child.cap) + capSize(child.cap);
      check(end <= cap.address + cap.watermark, 'an object lies in the free part of its untyped');
    }
  }
}

function checkObject(object: Endpoint | Notification | Reply | SchedContext | Tcb): void {
  if (object instanceof Endpoint) {
    check((object.state === endpointState.idle) === (object.queue.head === null), 'endpoint: state and queue disagree');
    checkQueue(object.queue, 'endpoint');
    const state = object.state === endpointState.send ? threadState.blockedOnSend : threadState.blockedOnReceive;
    for (const tcb of membersOf(object.queue)) {
      check(
        tcb.state === state && tcb.blockingObject === object,
        'endpoint: a thread in its queue is not blocked on it',
      );
    }
  } else if (object instanceof Notification) {
    const waiting = object.state === notificationState.waiting;
    check(waiting === (object.queue.head !== null), 'notification: state and queue disagree');
    checkQueue(object.queue, 'notification');
    check(
      object.boundTcb === null || object.boundTcb.boundNotification === object,
      'notification: binding is one-sided',
    );
    check(
      object.schedContext === null || object.schedContext.notification === object,
      'notification: context is one-sided',
    );
  } else if (object instanceof Reply) {
    check(object.tcb === null || object.tcb.replyObject === object, 'reply: its thread does not know it');
    if (object.next instanceof Reply) check(object.next.prev === object, 'call stack: next and prev disagree');
    if (object.next instanceof SchedContext)
      check(object.next.reply === object, 'call stack: its context does not know it');
    if (object.prev !== null) check(object.prev.next === object, 'call stack: prev and next disagree');
  } else if (object instanceof SchedContext) {
    checkSchedContext(object);
  } else {
    check(object.schedContext === null || object.schedContext.tcb === object, 'thread: its context does not know it');
    const { blockingObject, state } = object;
    if (state === threadState.blockedOnSend || state === threadState.blockedOnReceive) {
      const queued = blockingObject !== null && [...membersOf(blockingObject.queue)].includes(object);
      check(queued, 'thread: it is blocked on an endpoint whose queue lacks it');
    }
    if (state === threadState.blockedOnReply)
      check(object.replyObject?.tcb === object, 'thread: no reply object for it');
  }
}

/** Budgets: refills are ordered in time and add up to what was configured. */
function checkSchedContext(sc: SchedContext): void {
  check(sc.tcb === null || sc.tcb.schedContext === sc, 'scheduling context: its thread does not know it');
  if (sc.refillMax === 0) return;
  const refills = [...refillsOf(sc)];
  check(refills.length <= sc.refillMax, 'scheduling context: too many refills');
  const sum = refills.reduce((total, { amount }) => total + amount, 0);
  if (Number.isSafeInteger(sc.budget)) check(sum === sc.budget, `refills of ${sum} ticks for a budget of ${sc.budget}`);
  if (sc.period === 0) return;
  for (let i = 1; i < refills.length; i++) {
    check(refills[i - 1]!.time + refills[i - 1]!.amount <= refills[i]!.time, 'scheduling context: refills overlap');
  }
}

function* membersOf(queue: TcbQueue): IterableIterator<Tcb> {
  for (let tcb = queue.head; tcb !== null; tcb = tcb.next) yield tcb;
}
function checkQueue(queue: TcbQueue, of: string): void {
  let prev: Tcb | null = null;
  for (const tcb of membersOf(queue)) {
    check(tcb.prev === prev, `${of}: queue links disagree`);
    check(prev === null || prev.priority >= tcb.priority, `${of}: queue out of order`);
    prev = tcb;
  }
  check(queue.end === prev, `${of}: the end of the queue is not its end`);
}

function checkNode(kernel: Kernel, node: Node): void {
  const { current } = node;
  check(current === node.idle || isSchedulable(current), `hart ${node.id} runs a thread that may not run`);
  check(kernel.machine.harts[node.id]!.context === current.context, `hart ${node.id} has not its thread's context`);
  node.ready.forEach((queue, index) => {
    const domain = Math.floor(index / numPriorities);
    const priority = index % numPriorities;
    checkQueue(queue, 'ready queue');
    const bit = (node.readyBitmap[domain * 8 + (priority >>> 5)]! >>> (priority & 31)) & 1;
    check(bit === (queue.head === null ? 0 : 1), 'ready queue: bitmap and queue disagree');
    for (const tcb of membersOf(queue)) {
      check(tcb.queued && tcb.affinity === node.id, 'ready queue: a thread in it does not know');
      check(tcb.priority === priority && tcb.domain === domain, 'ready queue: wrong priority or domain');
      check(isSchedulable(tcb), 'ready queue: a thread in it is not schedulable');
      // Another hart may have queued something more urgent: it has been asked to choose again.
    }
  });
  if (kernel.config.windows && !node.reprogram) {
    check(current === node.idle || current.domain === node.domain, `hart ${node.id} runs a thread outside its windows`);
    const end = (node.windowEnd - kernel.guardTicks) * kernel.cyclesPerTick;
    check(node.deadline <= end, `hart ${node.id} is not going to leave its window in time`);
  }
  let time = -Infinity;
  for (const tcb of membersOf(node.release)) {
    check(tcb.inReleaseQueue && tcb.affinity === node.id, 'release queue: a thread in it does not know');
    const head = refillHead(tcb.schedContext!);
    check(head.time >= time, 'release queue: out of order');
    ({ time } = head);
  }
}

function checkContexts(kernel: Kernel, objects: Inventory['objects']): void {
  const taken = new Set(kernel.freeContexts);
  check(taken.size === kernel.freeContexts.length, 'contexts: one is free twice');
  const { layout } = kernel.machine.memory;
  const listed = new Set(kernel.threads);
  for (const object of objects) {
    if (!(object instanceof Tcb)) continue;
    check(listed.delete(object), 'a thread that exists is not in the list of threads');
    const slot = (object.context.base - layout.contexts) / contextFields.size;
    check(!taken.has(slot), 'contexts: two threads share one, or one that is free is used');
    taken.add(slot);
  }
  check(listed.size === 0, 'a thread in the list of threads has no capability');
  check(taken.size === kernel.unusedContext - kernel.nodes.length, 'contexts: one is lost');
}

/** Page tables: every leaf maps a frame as some capability says. */
function checkPageTables(kernel: Kernel, slots: ReadonlySet<Slot>): void {
  const mapped = new Set<string>();
  const roots = new Map<number, AsidRoot>();
  for (const { cap } of slots) {
    if (cap.type === capType.frame && cap.asid !== 0) mapped.add(mappingKey(cap.asid, cap.mappedAddress, cap));
    if (cap.type !== capType.pageTable || !cap.mapped) continue;
    const root = findVSpaceForASID(kernel, cap.asid);
    if (root?.address === cap.address) roots.set(cap.asid, root);
  }
  for (const [asid, root] of roots) {
    const levels = root.guestLevels === 0 ? 3 : root.guestLevels;
    walk(kernel, root.address, levels - 1, root.guestLevels === 0 ? 512 : 2048, 0, (address, frame, bits) => {
      const key = mappingKey(asid, address, { address: frame, sizeBits: bits });
      check(mapped.has(key), `page table of ASID ${asid} maps 0x${address.toString(16)} without a capability`);
    });
  }
}
const mappingKey = (asid: number, at: number, frame: Pick<FrameCap, 'address' | 'sizeBits'>): string =>
  `${asid} ${at} ${frame.address} ${frame.sizeBits}`;

function walk(
  kernel: Kernel,
  table: number,
  level: number,
  entries: number,
  base: number,
  leaf: (address: number, frame: number, bits: number) => void,
): void {
  const bits = sizeBits.page + 9 * level;
  for (let i = 0; i < entries; i++) {
    const entry = kernel.loadWord(table + 8 * i);
    if (!isValid(entry)) continue;
    const address = base + i * 2 ** bits;
    if (isPageTable(entry)) walk(kernel, entryAddress(entry), level - 1, 512, address, leaf);
    else leaf(address, entryAddress(entry), bits);
  }
}
