// The system that lockstep tests begin with: threads of several kinds, and a few objects of every type, in one CNode.

import { right } from '../../../microvisor/abi/rights.ts';
import { type CostTable, defaultCosts } from '../../../microvisor/costs.ts';
import { initialCap, label, objectType, type Thread, World } from '../world.ts';

/** Kernel work takes no time here: only `compute` does. */
const free = Object.fromEntries(Object.keys(defaultCosts).map((name) => [name, 0])) as unknown as CostTable;

export interface PopulationOptions {
  domains?: number;
}

/** A kernel on a small machine, without the capabilities to devices. */
export function smallWorld({ domains = 1 }: PopulationOptions = {}): World {
  const world = new World({
    ram: 0x40_0000,
    costs: free,
    config: { numDomains: domains, domainScheduleLength: 4, rootCNodeSizeBits: 8 },
    boot: { kernelDevices: [], deviceTop: 0 },
  });
  world.microvisor.afterEntry = undefined;
  return world;
}

/** Slots of the root CNode: where threads put new capabilities, and untypeds of which there is little. */
export const spareSlots = { first: 136, count: 20 } as const;
export const smallUntypeds = { first: 128, count: 5 } as const;

/** A world whose current thread is one of several. */
export function populated(options: PopulationOptions = {}): World {
  const world = smallWorld(options);
  const { write, read, grantReply } = right;
  const endpoints = [world.endpoint(), world.endpoint()] as const;
  for (const endpoint of endpoints) {
    world.mint(endpoint, 7);
    world.mint(endpoint, 9, write | grantReply);
    world.mint(endpoint, 7, write);
    world.copy(endpoint, read);
  }
  const notifications = [world.notification(), world.notification()] as const;
  for (const notification of notifications) {
    world.mint(notification, 1);
    world.mint(notification, 2, write);
    world.copy(notification, read);
  }
  const handler = world.endpoint();
  const [faults, timeouts] = [world.mint(handler, 5), world.mint(handler, 6)];
  world.thread({ priority: 150, budget: 1000, faultEndpoint: faults });
  const limited = world.thread({ priority: 150, budget: 400, period: 4000, faultEndpoint: faults });
  world.must(limited.cap, label.TCBSetTimeoutEndpoint, [], [timeouts]);
  const sporadic = world.thread({ priority: 100, budget: 300, period: 3000, extraRefills: 3, sporadic: true });
  world.thread({ priority: 160 });
  spaceOfItsOwn(world);
  for (const endpoint of endpoints) passiveServer(world, endpoint, faults);
  const lent = world.make(objectType.schedContext, 8);
  world.configure(lent, { budget: 200, period: 2000, sporadic: true });
  world.must(lent, label.SchedContextBind, [], [notifications[0]]);
  for (let i = 0; i < 2; i++) world.reply();
  for (let i = 0; i < 2; i++) world.make(objectType.page);
  for (let i = 0; i < 2; i++) world.make(objectType.pageTable);
  // So many capabilities that getting rid of them is interrupted.
  for (const radix of [1, 2, 6]) {
    const node = world.make(objectType.capTable, radix);
    for (let i = 0; radix === 6 && i < 64; i++) {
      world.must(node, label.CNodeCopy, [i, radix, notifications[1], 64, 15], [initialCap.cNode]);
    }
  }
  world.makeAt(smallUntypeds.first, objectType.untyped, 12, 3);
  world.makeAt(smallUntypeds.first + 3, objectType.untyped, 13, 2);
  if (options.domains !== undefined && options.domains > 1) shareTime(world, sporadic);
  // One among others: it makes way for them.
  for (const word of [255, 150]) world.must(initialCap.tcb, label.TCBSetPriority, [word], [initialCap.tcb]);
  return world;
}

/** Two domains in turns, and a thread in the second. */
function shareTime(world: World, thread: Thread): void {
  world.must(initialCap.domain, label.DomainScheduleConfigure, [1, 1, 5000]);
  world.must(initialCap.domain, label.DomainScheduleConfigure, [0, 0, 20_000]);
  world.must(initialCap.domain, label.DomainSetSet, [1], [thread.cap]);
}

/** A thread that waits for messages, and has no time but its callers'. */
function passiveServer(world: World, endpoint: number, faultEndpoint: number): void {
  const reply = world.reply();
  const thread = world.thread({ priority: 255, budget: 1000, faultEndpoint });
  world.must(initialCap.tcb, label.TCBSetPriority, [200], [initialCap.tcb]);
  world.expectCurrent(thread);
  world.recv(endpoint, reply);
  world.must(thread.sc, label.SchedContextUnbind);
  world.must(thread.cap, label.TCBSetPriority, [170], [initialCap.tcb]);
  world.must(initialCap.tcb, label.TCBSetPriority, [255], [initialCap.tcb]);
}

/** A thread whose CSpace has two levels, with a guard before the first. */
function spaceOfItsOwn(world: World): void {
  const thread = world.thread({ priority: 140, budget: 500, period: 2000 });
  const [outer, inner] = [world.make(objectType.capTable, 2), world.make(objectType.capTable, 4)];
  const into = (index: number, source: number): void => {
    world.must(inner, label.CNodeCopy, [index, 4, source, 64, 15], [initialCap.cNode]);
  };
  const caps = [initialCap.tcb, initialCap.cNode, initialCap.vspace, thread.cap, thread.sc];
  for (const [i, cap] of caps.entries()) into(i + 1, cap);
  // Guards: 54 zero bits and, below, 4.
  world.must(outer, label.CNodeMint, [0, 2, inner, 64, 15, 4], [initialCap.cNode]);
  world.must(thread.cap, label.TCBSetSpace, [54, 0], [0, outer, initialCap.vspace]);
}
