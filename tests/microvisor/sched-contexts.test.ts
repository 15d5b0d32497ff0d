// Scheduling contexts: whom they can be bound to, what setting them anew changes, and yielding to them.

import { describe, expect, it } from 'vitest';
import { callRegister } from '../../microvisor/abi/system-calls.ts';
import { refillsOf } from './refills.ts';
import { initialCap, label, objectType, systemCall, type Thread, World } from './world.ts';

const illegalOperation = 3;
const cyclesPerUs = 1000;

const amounts = ({ tcb }: Thread): number[] => refillsOf(tcb.schedContext!).map(({ amount }) => amount);
/** The root thread at 100, so that others can be more urgent. */
function modestRoot(world: World): void {
  world.must(initialCap.tcb, label.TCBSetPriority, [100], [initialCap.tcb]);
}
const passive = (world: World, priority = 50): Thread => world.thread({ priority });
function context(world: World, budget = 1000): number {
  const sc = world.make(objectType.schedContext, 8);
  expect(world.configure(sc, { budget }).label).toBe(0);
  return sc;
}

describe('a scheduling context', () => {
  it('has one thread and one notification, and they have one context', () => {
    const world = new World();
    const [first, second] = [context(world), context(world)];
    const [a, b] = [passive(world), passive(world)];
    const [n, m] = [world.notification(), world.notification()];
    const bind = (sc: number, cap: number) => world.invoke(sc, label.SchedContextBind, [], [cap]).label;
    const unbind = (sc: number, cap: number) => world.invoke(sc, label.SchedContextUnbindObject, [], [cap]).label;
    for (const [x, y] of [
      [a.cap, b.cap],
      [n, m],
    ]) {
      expect([unbind(first, x!), bind(first, x!), bind(first, y!), bind(second, x!)]).toEqual([3, 0, 3, 3]);
      expect([unbind(first, y!), unbind(second, x!), unbind(first, x!), unbind(first, x!)]).toEqual([3, 3, 0, 3]);
      expect([bind(first, y!), bind(second, x!), unbind(second, x!), unbind(first, y!)]).toEqual([0, 0, 0, 0]);
    }
    const endpoint = world.endpoint();
    for (const way of [label.SchedContextBind, label.SchedContextUnbindObject]) {
      expect(world.invoke(first, way, [], [endpoint])).toEqual({ label: 2, words: [1n] });
    }
    expect(world.invoke(world.schedControl(), label.SchedControlConfigureFlags, [100, 100, 0, 0, 0], [n]).label).toBe(
      2,
    );
  });

  it('cannot be taken from the thread that asks for it, nor given to one that is blocked before it has time', () => {
    const world = new World();
    const own = initialCap.schedContext;
    expect(world.invoke(own, label.SchedContextUnbindObject, [], [initialCap.tcb]).label).toBe(illegalOperation);
    expect(world.invoke(own, label.SchedContextUnbind).label).toBe(illegalOperation);
    const reply = world.reply();
    for (const number of [systemCall.send, systemCall.recv, systemCall.wait]) {
      const [endpoint, notification] = [world.endpoint(), world.notification()];
      const thread = world.thread({ priority: 120, budget: 1000 });
      const aside = world.stepAside();
      if (number === systemCall.send) world.send(endpoint);
      else if (number === systemCall.recv) world.recv(endpoint, reply);
      else world.wait(notification);
      world.interruptRoot(aside);
      world.must(thread.sc, label.SchedContextUnbind);
      const unused = world.make(objectType.schedContext, 8);
      expect(world.invoke(unused, label.SchedContextBind, [], [thread.cap]).label).toBe(illegalOperation);
      expect(world.invoke(thread.sc, label.SchedContextBind, [], [thread.cap]).label).toBe(0);
    }
  });

  it('that is set anew gives a thread which may run no more than it had, and any other its full budget', () => {
    const parameters = { budget: 1000, period: 10_000, extraRefills: 2 };
    const anew: Record<string, (world: World, thread: Thread) => boolean> = {
      'while it may run': (world, { sc }) => world.configure(sc, parameters).label !== 0,
      'while it is stopped': (world, { sc, cap }) => {
        world.must(cap, label.TCBSuspend);
        return world.configure(sc, parameters).label === 0;
      },
      'without its thread': (world, { sc, cap }) => {
        world.must(sc, label.SchedContextUnbind);
        const { label: error } = world.configure(sc, parameters);
        world.must(sc, label.SchedContextBind, [], [cap]);
        return error === 0;
      },
      'for another hart': (world, { sc }) => world.configure(sc, { ...parameters, core: 1 }).label === 0,
      'as round-robin': (world, { sc }) => world.configure(sc, { budget: 1000 }).label === 0,
    };
    for (const [name, change] of Object.entries(anew)) {
      const world = new World({ harts: 2 });
      const thread = world.thread({ priority: 50, ...parameters });
      const aside = world.stepAside();
      world.runUntil(world.now() + 400);
      world.interruptRoot(aside);
      const isFull = change(world, thread);
      const [head, rest] = amounts(thread);
      if (isFull) expect([name, head, rest ?? 0]).toEqual([name, 10_000, 0]);
      else expect([name, head! < 6100 && head! > 5900, rest]).toEqual([name, true, 10_000 - head!]);
      const { time } = refillsOf(thread.tcb.schedContext!)[0]!;
      expect([name, time <= world.kernel.nodes[0]!.time]).toEqual([name, true]);
    }
  });

  it('of a thread that waits for budget may be set anew on another hart, and lets it run there', () => {
    const world = new World({ harts: 2 });
    const thread = world.thread({ priority: 50, budget: 1000, period: 50_000 });
    const aside = world.stepAside();
    world.runUntil(world.deadlines[0]! / cyclesPerUs);
    expect(thread.tcb.inReleaseQueue).toBe(true);
    world.interruptRoot(aside);
    world.rescheduled.clear();
    expect(world.configure(thread.sc, { budget: 1000, core: 1 }).label).toBe(0);
    expect([...world.rescheduled]).toEqual([1]);
    world.clocks.fill(world.clocks[0]!);
    world.deliverReschedules();
    world.expectCurrent(thread, 1);
  });

  it('that gets its first budget lets its thread run at once, if that is the most urgent', () => {
    const world = new World();
    modestRoot(world);
    for (const priority of [120, 50]) {
      const sc = world.make(objectType.schedContext, 8);
      const thread = passive(world, priority);
      world.must(sc, label.SchedContextBind, [], [thread.cap]);
      world.setMessage(label.SchedControlConfigureFlags, [1000, 1000, 0, 0, 0], [sc]);
      world.current().context.setX(callRegister.capability, BigInt(world.schedControl()));
      world.ecall(systemCall.call);
      world.expectCurrent(priority === 120 ? thread : { tcb: world.rootTcb, cap: 0, sc: 0 });
      if (priority === 120) world.wait(world.notification());
    }
  });

  it('of the thread that sets it is charged first, and the thread takes its turn', () => {
    const world = new World();
    modestRoot(world);
    const equal = world.thread({ priority: 100, budget: 1000 });
    const set = () => world.configure(initialCap.schedContext, { budget: 2000, period: 8000 });
    expect(world.configure(initialCap.schedContext, { budget: 2000, period: 8000 }).label).toBe(0);
    world.clocks[0]! += 500 * cyclesPerUs;
    set();
    const root = { tcb: world.rootTcb, cap: 0, sc: 0 };
    const [head] = amounts(root);
    expect(head! < 15_100 && head! > 14_500).toBe(true);
    expect(equal.tcb.queued || world.current() === equal.tcb).toBe(true);
  });

  it('with pieces that came back while nobody had it is usable from now on, in one piece', () => {
    const world = new World();
    const options = { priority: 50, budget: 1000, period: 5000, sporadic: true, extraRefills: 4 };
    const thread = world.thread(options);
    const aside = world.stepAside();
    for (const us of [200, 300]) {
      world.runUntil(world.now() + us);
      world.interruptRoot(aside);
      world.must(thread.sc, label.SchedContextUnbind);
      world.must(thread.sc, label.SchedContextBind, [], [thread.cap]);
      world.wait(aside);
    }
    world.runUntil(world.now() + 100);
    world.interruptRoot(aside);
    world.must(thread.sc, label.SchedContextUnbind);
    const { schedContext } = world.cap(thread.sc) as { schedContext: NonNullable<typeof thread.tcb.schedContext> };
    expect(refillsOf(schedContext).length).toBeGreaterThan(1);
    world.clocks[0]! += 20_000 * cyclesPerUs;
    world.runUntil(world.now());
    world.must(thread.sc, label.SchedContextBind, [], [thread.cap]);
    expect(amounts(thread)).toEqual([10_000]);
  });
});

describe('a yield', () => {
  it('to a context without a thread, to oneself, or to a thread above one’s limit is refused', () => {
    const world = new World();
    const yieldTo = (sc: number) => world.invoke(sc, label.SchedContextYieldTo).label;
    expect(yieldTo(context(world))).toBe(illegalOperation);
    expect(yieldTo(initialCap.schedContext)).toBe(illegalOperation);
    const [above, level] = [101, 100].map((priority) => world.thread({ priority, budget: 1000, resume: false }));
    modestRoot(world);
    world.must(initialCap.tcb, label.TCBSetMCPriority, [100], [initialCap.tcb]);
    expect(yieldTo(above!.sc)).toBe(illegalOperation);
    expect(yieldTo(level!.sc)).toBe(0);
  });

  it('to a thread that cannot run instead says at once what it has used', () => {
    const world = new World({ harts: 2 });
    const notification = world.notification();
    modestRoot(world);
    const less = world.thread({ priority: 50, budget: 1000 });
    const remote = world.thread({ priority: 150, budget: 1000, core: 1 });
    const blocked = world.thread({ priority: 90, budget: 1000 });
    const waiting = world.thread({ priority: 80, budget: 1000, period: 50_000 });
    const aside = world.stepAside();
    world.expectCurrent(blocked);
    world.wait(notification);
    world.expectCurrent(waiting);
    world.runUntil(world.now() + 1000);
    world.expectCurrent(less);
    world.runUntil(world.now() + 300);
    world.interruptRoot(aside);
    for (const [thread, least, most] of [
      [less, 290, 320],
      [remote, 0, 0],
      [blocked, 0, 10],
      [waiting, 980, 1020],
    ] as const) {
      const [used] = world.must(thread.sc, label.SchedContextYieldTo);
      expect(Number(used)).toBeGreaterThanOrEqual(least);
      expect(Number(used)).toBeLessThanOrEqual(most);
      expect(world.rootTcb.yieldTo === null).toBe(true);
    }
    expect(less.tcb.queued).toBe(true);
  });

  it('to a thread that cannot run instead is answered before whoever is released at that moment', () => {
    for (const [priority, core] of [
      [50, 0],
      [150, 1],
    ] as const) {
      const world = new World({ harts: 2 });
      const target = world.thread({ priority, budget: 2000, core });
      const urgent = world.thread({ priority: 200, budget: 100, period: 5000 });
      world.deliverReschedules();
      const aside = world.stepAside();
      world.runUntil(world.now() + 1000);
      world.clocks[1] = world.clocks[0]!;
      world.microvisor.timer(world.harts[1]!);
      world.interruptRoot(aside);
      expect([priority, urgent.tcb.inReleaseQueue]).toEqual([priority, true]);
      modestRoot(world);
      world.clocks[0] = refillsOf(urgent.tcb.schedContext!)[0]!.time * 100;
      world.call(target.sc, label.SchedContextYieldTo);
      world.expectCurrent(urgent);
      expect(Number(world.x(world.rootTcb, callRegister.message0))).toBeGreaterThan(800);
      expect(world.must(target.sc, label.SchedContextConsumed)).toEqual([0n]);
    }
  });

  it('is answered with all that has been used, before and after it', () => {
    const world = new World();
    const thread = world.thread({ priority: 100, budget: 10_000 });
    const aside = world.stepAside();
    world.runUntil(world.now() + 300);
    world.interruptRoot(aside);
    modestRoot(world);
    world.call(thread.sc, label.SchedContextYieldTo);
    world.expectCurrent(thread);
    world.runUntil(world.now() + 200);
    world.ecall(systemCall.yield);
    const [used] = world.message().words;
    expect(Math.abs(Number(used) - 500)).toBeLessThan(20);
  });

  it('that another follows, to the same context, is over', () => {
    const world = new World();
    modestRoot(world);
    const target = world.thread({ priority: 100, budget: 10_000 });
    const second = world.thread({ priority: 100, budget: 10_000 });
    world.call(target.sc, label.SchedContextYieldTo);
    world.expectCurrent(target);
    world.runUntil(world.now() + 200);
    world.call(second.sc, label.SchedContextYieldTo);
    world.expectCurrent(second);
    world.call(target.sc, label.SchedContextYieldTo);
    expect(second.tcb.yieldTo === target.tcb.schedContext).toBe(true);
    expect(world.rootTcb.yieldTo === null).toBe(true);
    expect(Number(world.x(world.rootTcb, callRegister.message0))).toBeGreaterThanOrEqual(200);
  });
});

it('what has been used of one’s own context is told as far as it has been charged', () => {
  const world = new World();
  const own = initialCap.schedContext;
  expect(world.configure(own, { budget: 100_000 }).label).toBe(0);
  world.must(own, label.SchedContextConsumed);
  world.clocks[0]! += 700 * cyclesPerUs;
  world.ecall(systemCall.nbSend);
  expect(world.must(own, label.SchedContextConsumed)).toEqual([0n]);
  world.microvisor.timer(world.harts[0]!);
  const [used] = world.must(own, label.SchedContextConsumed);
  expect(Math.abs(Number(used) - 700)).toBeLessThan(20);
});

it('what has been used of a context is told in µs, and counted anew', () => {
  const world = new World();
  const thread = world.thread({ priority: 50, budget: 10_000 });
  const aside = world.stepAside();
  world.runUntil(world.now() + 700);
  world.interruptRoot(aside);
  const [used] = world.must(thread.sc, label.SchedContextConsumed);
  expect(Math.abs(Number(used) - 700)).toBeLessThan(20);
  expect(world.must(thread.sc, label.SchedContextConsumed)).toEqual([0n]);
});
