// Budgets: what a thread does when they are used up, and what is charged to whom.

import { describe, expect, it } from 'vitest';
import { payCosts } from '../../microvisor/budget.ts';
import { refillHead } from '../../microvisor/sporadic.ts';
import { refillsOf } from './refills.ts';
import { capType, initialCap, label, objectType, systemCall, type Thread, threadState, World } from './world.ts';

const { cNode } = initialCap;
const ticksPerUs = 10;
const cyclesPerUs = 1000;

/** The current thread computes until just before its timer, with less time left than a system call takes. */
function almostUseUp(world: World): void {
  world.clocks[0] = world.deadlines[0]! - 5 * cyclesPerUs;
}
const head = ({ tcb }: Thread) => refillHead(tcb.schedContext!);

describe('a budget', () => {
  it('that does not suffice for a system call lets it be made again in the next period', () => {
    const world = new World();
    const signalled = world.notification();
    const thread = world.thread({ priority: 50, budget: 1000, period: 10_000 });
    const aside = world.stepAside();
    const { context } = thread.tcb;
    const { pc } = context;
    almostUseUp(world);
    world.signal(signalled);
    expect(world.isIdle).toBe(true);
    expect([thread.tcb.state, thread.tcb.inReleaseQueue]).toEqual([threadState.restart, true]);
    world.runUntil(head(thread).time / ticksPerUs);
    world.expectCurrent(thread);
    expect(context.pc).toBe(pc);
    world.interruptRoot(aside);
    world.recv(signalled, 0, systemCall.nbWait);
    expect(world.badge).toBe(0n);
    world.wait(aside);
    world.ecall(systemCall.send);
    expect(context.pc).toBe(pc + 4n);
  });

  it('that does not suffice for a system call is a timeout, if someone handles those', () => {
    const world = new World();
    const faults = world.endpoint();
    const thread = world.thread({ priority: 50, budget: 1000, period: 10_000 });
    world.must(thread.cap, label.TCBSetTimeoutEndpoint, [], [faults]);
    world.stepAside();
    almostUseUp(world);
    world.signal(faults);
    expect(world.isIdle).toBe(true);
    expect([thread.tcb.state, thread.tcb.inReleaseQueue]).toEqual([threadState.blockedOnSend, false]);
  });

  it('that is given up is no timeout: the thread goes on in its next period', () => {
    const world = new World();
    const thread = world.thread({ priority: 50, budget: 1000, period: 10_000 });
    world.must(thread.cap, label.TCBSetTimeoutEndpoint, [], [world.endpoint()]);
    world.stepAside();
    world.ecall(systemCall.yield);
    expect(world.isIdle).toBe(true);
    expect([thread.tcb.state, thread.tcb.inReleaseQueue]).toEqual([threadState.running, true]);
  });

  it('that is given up by a thread which is alone comes back at once, and the timer follows', () => {
    const world = new World();
    const thread = world.thread({ priority: 50, budget: 1000 });
    world.stepAside();
    world.clocks[0]! += 400 * cyclesPerUs;
    const now = Math.floor(world.clocks[0]! / 100);
    world.ecall(systemCall.yield);
    world.expectCurrent(thread);
    expect(refillsOf(thread.tcb.schedContext!).map(({ amount }) => amount)).toEqual([10_000, 0]);
    expect(world.deadlines[0]).toBe((now + 10_000) * 100);
  });

  it('of a sporadic context that is used with a pause for others comes back as if there had been none', () => {
    for (const sporadic of [true, false]) {
      const world = new World();
      const thread = world.thread({ priority: 50, budget: 1000, period: 10_000, extraRefills: 4, sporadic });
      const aside = world.stepAside();
      world.runUntil(world.now() + 400);
      world.interruptRoot(aside);
      world.clocks[0]! += 300 * cyclesPerUs;
      // It is not stopped: there is nothing to resume.
      world.must(thread.cap, label.TCBResume);
      world.wait(aside);
      world.expectCurrent(thread);
      world.runUntil(world.now() + 700);
      expect(world.isIdle).toBe(true);
      expect([sporadic, refillsOf(thread.tcb.schedContext!).length]).toEqual([sporadic, sporadic ? 1 : 2]);
    }
  });

  it('is what a context has used of, over as many periods as it likes', () => {
    for (const period of [1000, 3000]) {
      const world = new World();
      const thread = world.thread({ priority: 50, budget: 1000, period });
      const aside = world.stepAside();
      let used = 0;
      for (let us = world.now(), end = us + 12_000; us < end; us += 100) {
        world.runUntil(us);
        if (!world.isIdle) used += 100;
      }
      world.interruptRoot(aside);
      const [consumed] = world.must(thread.sc, label.SchedContextConsumed);
      expect(Math.abs(Number(consumed) - used)).toBeLessThan(200);
      expect(world.must(thread.sc, label.SchedContextConsumed)).toEqual([0n]);
    }
  });
});

/** An untyped with endpoints in it, and the object that was made of it last: the first that revoking it deletes. */
function pool(world: World, type: number, userSize: number): { untyped: number; last: number } {
  const untyped = world.make(objectType.untyped, 16);
  world.make(objectType.endpoint, 0, 250, untyped);
  return { untyped, last: world.make(type, userSize, 1, untyped) };
}

describe('a long operation', () => {
  it('stops when the budget is used up, and goes on in the next period', () => {
    const world = new World();
    const endpoint = world.endpoint();
    for (let i = 0; i < 600; i++) world.copy(endpoint);
    const thread = world.thread({ priority: 50, budget: 100, period: 1000 });
    world.stepAside();
    let periods = 0;
    for (world.call(cNode, label.CNodeRevoke, [endpoint, 64]); world.isIdle; periods++) {
      expect([thread.tcb.state, thread.tcb.inReleaseQueue]).toEqual([threadState.restart, true]);
      world.runUntil(head(thread).time / ticksPerUs);
      world.expectCurrent(thread);
      world.ecall(systemCall.call);
    }
    // 600 steps of 440 cycles, 100 steps between two looks at the budget.
    expect(periods).toBe(3);
    expect(world.message().label).toBe(0);
    expect(world.cap(endpoint + 1).type).toBe(capType.null);
  });

  it('that takes away the context of who asked for it stops, and charges nobody', () => {
    const world = new World();
    const { untyped, last } = pool(world, objectType.schedContext, 8);
    const thread = world.thread({ priority: 50 });
    expect(world.configure(last, { budget: 5000, period: 10_000 }).label).toBe(0);
    world.must(last, label.SchedContextBind, [], [thread.cap]);
    world.stepAside();
    world.expectCurrent(thread);
    world.call(cNode, label.CNodeRevoke, [untyped, 64]);
    expect(world.isIdle).toBe(true);
    expect(thread.tcb.state).toBe(threadState.restart);
    expect(world.cap(last).type).toBe(capType.null);
    expect(world.cap(last - 249).type).toBe(capType.endpoint);
  });

  it('that takes away who asked for it charges the context with what it took', () => {
    const world = new World();
    const { untyped, last } = pool(world, objectType.tcb, 0);
    const sc = world.make(objectType.schedContext, 8);
    expect(world.configure(sc, { budget: 5000, period: 10_000 }).label).toBe(0);
    world.must(last, label.TCBSetSpace, [0, 0], [0, cNode, initialCap.vspace]);
    world.must(last, label.TCBSetSchedParams, [50, 50], [initialCap.tcb, sc, 0]);
    world.must(last, label.TCBResume);
    const aside = world.stepAside();
    world.clocks[0]! += 1000 * cyclesPerUs;
    world.pending = true;
    world.call(cNode, label.CNodeRevoke, [untyped, 64]);
    world.pending = false;
    expect(world.isIdle).toBe(true);
    expect(world.cap(last - 249).type).toBe(capType.endpoint);
    world.interruptRoot(aside);
    const [consumed] = world.must(sc, label.SchedContextConsumed);
    expect(Number(consumed)).toBeGreaterThanOrEqual(1044);
  });

  it('that an interrupt stops goes on before those of the same priority', () => {
    const world = new World();
    const endpoint = world.endpoint();
    for (let i = 0; i < 150; i++) world.copy(endpoint);
    const threads = [50, 50].map((priority) => world.thread({ priority, budget: 5000 }));
    world.stepAside();
    const { name } = world.current();
    world.pending = true;
    world.call(cNode, label.CNodeRevoke, [endpoint, 64]);
    world.pending = false;
    expect(world.current().name).toBe(name);
    world.call(cNode, label.CNodeRevoke, [endpoint, 64]);
    expect(world.cap(endpoint + 1).type).toBe(capType.null);
    expect(threads.map(({ tcb }) => tcb.inReleaseQueue)).toEqual([false, false]);
  });

  it('that takes away who asked for it ends the turn of its context', () => {
    const world = new World();
    const { untyped, last } = pool(world, objectType.tcb, 0);
    const sc = world.make(objectType.schedContext, 8);
    expect(world.configure(sc, { budget: 5000 }).label).toBe(0);
    world.must(last, label.TCBSetSpace, [0, 0], [0, cNode, initialCap.vspace]);
    world.must(last, label.TCBSetSchedParams, [50, 50], [initialCap.tcb, sc, 0]);
    world.must(last, label.TCBResume);
    world.stepAside();
    const { schedContext } = world.current();
    world.clocks[0]! += 1000 * cyclesPerUs;
    world.pending = true;
    world.call(cNode, label.CNodeRevoke, [untyped, 64]);
    world.pending = false;
    expect(world.isIdle).toBe(true);
    expect(refillsOf(schedContext!).map(({ amount }) => amount)).toEqual([50_000, 0]);
  });

  it('that never looks at the clock is a mistake of the kernel’s', () => {
    const { kernel } = new World({ config: { numDomains: 2, windows: true } });
    kernel.charge(kernel.mostWork);
    payCosts(kernel);
    kernel.charge(kernel.mostWork + 1);
    expect(() => payCosts(kernel)).toThrow(/^\d+ cycles without a look at the clock$/);
  });
});
