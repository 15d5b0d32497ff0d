// The timer of a hart: it goes off when something is due, and is set when that changes; what entering the kernel costs.

import { describe, expect, it } from 'vitest';
import { type CostTable, defaultCosts } from '../../microvisor/costs.ts';
import { refillHead } from '../../microvisor/sporadic.ts';
import { initialCap, label, objectType, systemCall, type Thread, World } from './world.ts';

const cyclesPerTick = 100;

/** Costs nothing but what is said. */
const costing = (costs: Partial<CostTable>): CostTable => ({
  ...(Object.fromEntries(Object.keys(defaultCosts).map((name) => [name, 0])) as CostTable),
  ...costs,
});
/** Cycles that what is done takes the kernel of hart 0. */
function cost(world: World, act: () => void): number {
  const before = world.clocks[0]!;
  act();
  return world.clocks[0]! - before;
}
/** Gives the root thread so much budget that it is never due. */
function enrich(world: World): void {
  expect(world.configure(initialCap.schedContext, { budget: 1_000_000 }).label).toBe(0);
  world.ecall(systemCall.yield);
}
/** Two threads that wait for their budget, the second for longer; the root thread runs. */
function waiting(costs: CostTable): { world: World; first: Thread; second: Thread } {
  const world = new World({ costs });
  enrich(world);
  const [first, second] = [20_000, 30_000].map((period) => world.thread({ priority: 50, budget: 1000, period }));
  const aside = world.stepAside();
  world.runUntil(world.now() + 3000);
  world.interruptRoot(aside);
  return { world, first: first!, second: second! };
}
const due = ({ tcb }: Thread): number => refillHead(tcb.schedContext!).time * cyclesPerTick;

describe('the timer', () => {
  it('goes off when the first of those is due that wait for their budget', () => {
    const { world, first, second } = waiting(defaultCosts);
    expect(world.deadlines[0]).toBe(due(first));
    world.must(first.cap, label.TCBSuspend);
    expect(world.deadlines[0]).toBe(due(second));
    world.must(first.cap, label.TCBResume);
    expect(world.deadlines[0]).toBe(due(first));
    world.must(second.cap, label.TCBSuspend);
    world.must(first.cap, label.TCBSuspend);
    expect(world.deadlines[0]).toBeGreaterThan(due(second));
  });

  it('is set for who waits first, and for nobody behind', () => {
    const { world, first, second } = waiting(costing({ timer: 1 }));
    expect(cost(world, () => world.must(second.cap, label.TCBSuspend))).toBe(0);
    expect(cost(world, () => world.must(first.cap, label.TCBSuspend))).toBe(1);
    expect(cost(world, () => world.ecall(systemCall.nbSend))).toBe(0);
  });

  it('lets go first, of equals that are due at one tick, who has waited for less', () => {
    const world = new World({ costs: costing({}) });
    enrich(world);
    const [second, first] = [19_000, 20_000].map((period) => world.thread({ priority: 50, budget: 1000, period }));
    world.stepAside();
    world.expectCurrent(first!);
    world.runUntil(world.now() + 2000);
    expect(world.isIdle).toBe(true);
    expect(due(first!)).toBe(due(second!));
    world.runUntil(due(first!) / 1000);
    world.expectCurrent(second!);
  });

  it('goes off never, when nothing is due in this age', () => {
    const world = new World();
    const most = 2 ** 57;
    for (const [budget, deadline] of [
      [most, Infinity],
      [1000, expect.any(Number)],
    ] as const) {
      expect(world.configure(initialCap.schedContext, { budget }).label).toBe(0);
      world.ecall(systemCall.yield);
      expect(world.deadlines[0]).toEqual(deadline);
      if (budget === 1000) expect(Number.isSafeInteger(world.deadlines[0])).toBe(true);
    }
  });

  it('of who goes on before a domain ends knows both', () => {
    const world = new World({ config: { numDomains: 2, domainScheduleLength: 4 } });
    enrich(world);
    const [a, b] = [51, 50].map((priority) => world.thread({ priority, budget: 100_000, resume: false }));
    for (const { cap } of [a!, b!]) {
      world.must(initialCap.domain, label.DomainSetSet, [1], [cap]);
      world.must(cap, label.TCBResume);
    }
    world.must(initialCap.domain, label.DomainScheduleConfigure, [1, 1, 20_000]);
    world.must(initialCap.domain, label.DomainScheduleConfigure, [0, 0, 30_000]);
    world.must(initialCap.domain, label.DomainScheduleSetStart, [0]);
    const start = world.kernel.nodes[0]!.time;
    const ends: number[] = [];
    const names: string[] = [];
    while (ends.length < 6) {
      // An entry in between, at any time, moves no end.
      world.clocks[0]! += 4567 * cyclesPerTick;
      world.interrupt(0);
      ends.push(world.deadlines[0]! / cyclesPerTick - start);
      names.push(world.current().name);
      world.runUntil(world.deadlines[0]! / 1000);
    }
    const lengths = ends.slice(1).map((end, i) => end - ends[i]!);
    lengths.forEach((length, i) => {
      const domain = i % 2 === 0 ? 20_000 : 30_000;
      expect([i, Math.abs(length - domain) <= 20]).toEqual([i, true]);
    });
    expect(names).toEqual([0, 1, 2, 3, 4, 5].map((i) => (i % 2 === 0 ? world.rootTcb.name : a!.tcb.name)));
  });

  it('ends a domain early that has less time left than it takes to get in and out', () => {
    const world = new World({ costs: costing({}), config: { numDomains: 2, domainScheduleLength: 4 } });
    const { minBudget } = world.kernel;
    enrich(world);
    const thread = world.thread({ priority: 50, budget: 100_000, resume: false });
    world.must(initialCap.domain, label.DomainSetSet, [1], [thread.cap]);
    world.must(thread.cap, label.TCBResume);
    world.must(initialCap.domain, label.DomainScheduleConfigure, [1, 1, 20_000]);
    world.must(initialCap.domain, label.DomainScheduleConfigure, [0, 0, 30_000]);
    for (const left of [minBudget + 1, minBudget]) {
      world.must(initialCap.domain, label.DomainScheduleSetStart, [0]);
      world.runUntil(world.deadlines[0]! / 1000);
      world.expectCurrent(thread);
      world.runUntil(world.deadlines[0]! / 1000);
      expect(world.current() === world.rootTcb).toBe(true);
      world.clocks[0] = world.deadlines[0]! - left * cyclesPerTick;
      world.ecall(systemCall.nbSend);
      expect([left, world.current() === world.rootTcb]).toEqual([left, left > minBudget]);
      while (world.current() !== world.rootTcb) world.runUntil(world.deadlines[0]! / 1000);
    }
  });
});

describe('entering the kernel', () => {
  it('costs a switch when another thread runs, and one of worlds between a virtual hart and any other', () => {
    const world = new World({ costs: costing({ threadSwitch: 1, worldSwitch: 100 }) });
    const guest = world.thread({ priority: 60, budget: 1000, resume: false });
    const other = world.thread({ priority: 50, budget: 1000 });
    const root = world.make(objectType.guestRoot);
    world.must(initialCap.asidPool, label.RISCVASIDPoolAssign, [], [root]);
    const vcpu = world.make(objectType.vcpu);
    world.must(vcpu, label.VCPUBind, [], [guest.cap, root]);
    world.must(guest.cap, label.TCBWriteRegisters, [0, 1, 0x8020_0000]);
    const aside = world.notification();
    expect(cost(world, () => world.ecall(systemCall.nbSend))).toBe(0);
    expect(cost(world, () => world.wait(aside))).toBe(1);
    world.expectCurrent(other);
    world.interruptRoot(aside);
    world.must(guest.cap, label.TCBResume);
    expect(cost(world, () => world.wait(aside))).toBe(101);
    world.expectCurrent(guest);
    expect(cost(world, () => world.interruptRoot(aside))).toBe(101);
    world.must(guest.cap, label.TCBSuspend);
    world.must(other.cap, label.TCBSuspend);
    expect(cost(world, () => world.wait(aside))).toBe(1);
    expect(world.isIdle).toBe(true);
    expect(world.current().context.get('waiting')).toBe(1);
  });
});
