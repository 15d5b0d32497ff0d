// The system that lockstep tests begin with: threads of several kinds, and a few objects of every type, in one CNode.

import { right } from '../../../microvisor/abi/rights.ts';
import { type CostTable, defaultCosts } from '../../../microvisor/costs.ts';
import { initialCap, label, objectType, World } from '../world.ts';

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

/** Slots of the root CNode that threads put new capabilities into. */
export const spareSlots = { first: 136, count: 24 } as const;

/** A world whose current thread is the first. */
export function populated(options: PopulationOptions = {}): World {
  const world = smallWorld(options);
  const { write, read, grantReply } = right;
  for (const endpoint of [world.endpoint(), world.endpoint()]) {
    world.mint(endpoint, 7);
    world.mint(endpoint, 9, write | grantReply);
    world.mint(endpoint, 7, write);
    world.copy(endpoint, read);
  }
  const faults = world.mint(world.endpoint(), 5);
  const timeouts = world.mint(faults - 1, 6);
  const [first] = [
    world.thread({ priority: 150, budget: 1000, faultEndpoint: faults }),
    world.thread({ priority: 150, budget: 400, period: 4000, faultEndpoint: faults }),
    world.thread({ priority: 100, budget: 300, period: 3000, extraRefills: 3, sporadic: true }),
    world.thread({ priority: 150, faultEndpoint: faults }),
    world.thread({ priority: 160 }),
  ];
  world.must(first!.cap, label.TCBSetTimeoutEndpoint, [], [timeouts]);
  for (let i = 0; i < 2; i++) {
    const notification = world.notification();
    world.mint(notification, 1);
    world.mint(notification, 2, write);
    world.copy(notification, read);
  }
  for (let i = 0; i < 3; i++) world.reply();
  for (const bits of [16, 14, 12, 12]) world.make(objectType.untyped, bits);
  for (const radix of [2, 3]) world.make(objectType.capTable, radix);
  for (const bits of [7, 8]) world.make(objectType.schedContext, bits);
  for (let i = 0; i < 2; i++) world.make(objectType.page);
  for (let i = 0; i < 2; i++) world.make(objectType.pageTable);
  spaceOfItsOwn(world);
  // One among others: it makes way for them.
  for (const word of [255, 150]) world.must(initialCap.tcb, label.TCBSetPriority, [word], [initialCap.tcb]);
  if (world.slot(spareSlots.first).cap.type !== 0) throw new Error('the population is too large');
  return world;
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
