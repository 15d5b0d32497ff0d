// Domain windows of the profile `cells`: they begin at their tick, and nothing outside a window is felt in it.

import { describe, expect, it } from 'vitest';
import { faultType } from '../../microvisor/abi/faults.ts';
import { defaultCosts, windowGuard } from '../../microvisor/costs.ts';
import { initialCap, label, objectType, systemCall, type Thread, threadState, World } from './world.ts';

const windows = { numDomains: 4, domainScheduleLength: 5, windows: true };
const frameUs = 1000;
const ticksPerUs = 10;
const virtualInstruction = 22;
const wfi = 0x1050_0073;

/** A world whose hart 0 runs domain 1 for 400 µs, domain 2 for 400 µs, and domain 0 for the rest of each millisecond. */
function windowed(harts = 1, costs = defaultCosts): World {
  const world = new World({ harts, config: windows, costs });
  for (let hart = 0; hart < harts; hart++) {
    const first = hart * windows.domainScheduleLength;
    for (const [index, [domain, us]] of [
      [1, 400],
      [2, 400],
      [0, 200],
    ].entries()) {
      world.must(initialCap.domain, label.DomainScheduleConfigure, [first + index, domain!, us! * ticksPerUs]);
    }
  }
  return world;
}
function start(world: World, hart = 0): void {
  world.must(initialCap.domain, label.DomainScheduleSetStart, [hart * windows.domainScheduleLength]);
}
function threadIn(world: World, domain: number, priority = 50, budget = 5000): Thread {
  const thread = world.thread({ priority, budget, resume: false });
  world.must(initialCap.domain, label.DomainSetSet, [domain], [thread.cap]);
  world.must(thread.cap, label.TCBResume);
  return thread;
}
/** Lets whatever runs compute until the window at `us` begins; returns when its thread got to run, in cycles. */
function enterWindow(world: World, us: number): number {
  const { microvisor, harts, deadlines, clocks } = world;
  while (world.kernel.nodes[0]!.time < us * ticksPerUs) {
    clocks[0] = Math.max(clocks[0]!, deadlines[0]!);
    microvisor.timer(harts[0]!);
  }
  return clocks[0]!;
}

describe('domain windows', () => {
  it('domain windows start and end on time, overruns are reported', () => {
    const world = windowed();
    const [a, b] = [threadIn(world, 1), threadIn(world, 2)];
    start(world);
    world.stepAside();
    for (const frame of [2, 3, 4]) {
      expect(enterWindow(world, frame * frameUs)).toBe(frame * frameUs * 1000);
      world.expectCurrent(a);
      expect(world.deadlines[0]).toBe((frame * frameUs + 400) * 1000 - world.kernel.guardTicks * 100);
      expect(enterWindow(world, frame * frameUs + 400)).toBe((frame * frameUs + 400) * 1000);
      world.expectCurrent(b);
      expect(enterWindow(world, frame * frameUs + 800)).toBe((frame * frameUs + 800) * 1000);
    }
    expect(world.kernel.nodes[0]!.overruns).toBe(0);
    enterWindow(world, 5 * frameUs);
    // As if the kernel had been busy for longer than it ever is.
    world.clocks[0] = (5 * frameUs + 400) * 1000 + 120;
    world.microvisor.timer(world.harts[0]!);
    expect(world.kernel.nodes[0]!.overruns).toBe(1);
    expect(world.log.at(-1)).toMatch(/^hart 0: a window of domain 2 begins \d+ cycles late$/);
    expect(enterWindow(world, 5 * frameUs + 800)).toBe((5 * frameUs + 800) * 1000);
  });

  it('an operation that begins in the last cycle of a window delays the next one by nothing', () => {
    const world = windowed();
    const a = threadIn(world, 1, 50);
    const b = threadIn(world, 2);
    start(world);
    world.stepAside();
    for (const early of [1, 100, 5000]) {
      const frame = Math.ceil(world.now() / frameUs) + 1;
      enterWindow(world, frame * frameUs);
      world.expectCurrent(a);
      world.clocks[0] = world.deadlines[0]! - early;
      world.make(objectType.endpoint, 0, 256);
      expect(enterWindow(world, frame * frameUs + 400)).toBe((frame * frameUs + 400) * 1000);
      world.expectCurrent(b);
    }
    expect(world.kernel.nodes[0]!.overruns).toBe(0);
  });

  it('a revoke of any length leaves the window in time, and goes on in the next', () => {
    const world = windowed();
    const pool = world.make(objectType.untyped, 16);
    for (let i = 0; i < 2; i++) world.make(objectType.endpoint, 0, 256, pool);
    const a = threadIn(world, 1);
    threadIn(world, 2);
    start(world);
    world.stepAside();
    enterWindow(world, 3 * frameUs);
    world.expectCurrent(a);
    world.clocks[0] = world.deadlines[0]! - 5000;
    world.call(initialCap.cNode, label.CNodeRevoke, [pool, 64]);
    expect(world.clocks[0]).toBe((3 * frameUs + 400) * 1000);
    expect(a.tcb.state).toBe(threadState.restart);
    expect(world.slot(pool).next).not.toBeNull();
    enterWindow(world, 4 * frameUs);
    world.expectCurrent(a);
    world.ecall(systemCall.call);
    expect(world.clocks[0]).toBeLessThan((4 * frameUs + 300) * 1000);
    expect(world.kernel.nodes[0]!.overruns).toBe(0);
  });

  it('clearing memory leaves the window in time, and goes on in the next', () => {
    const world = windowed();
    const pool = world.make(objectType.untyped, 20);
    world.make(objectType.page, 0, 255, pool);
    world.revoke(pool);
    const a = threadIn(world, 1);
    threadIn(world, 2);
    start(world);
    world.stepAside();
    enterWindow(world, 3 * frameUs);
    world.expectCurrent(a);
    world.clocks[0] = world.deadlines[0]! - 5000;
    world.setMessage(label.UntypedRetype, [objectType.endpoint, 0, 0, 0, world.freeSlot(), 1], [initialCap.cNode]);
    a.tcb.context.setX(10, BigInt(pool));
    world.ecall(systemCall.call);
    expect(world.clocks[0]).toBe((3 * frameUs + 400) * 1000);
    expect(a.tcb.state).toBe(threadState.restart);
    expect(world.kernel.nodes[0]!.overruns).toBe(0);
  });

  it('each window begins with the work of long operations uncounted', () => {
    const world = windowed();
    threadIn(world, 2);
    start(world);
    world.stepAside();
    enterWindow(world, 2 * frameUs);
    world.kernel.nodes[0]!.workUnits = 57;
    enterWindow(world, 2 * frameUs + 400);
    expect(world.kernel.nodes[0]!.workUnits).toBe(0);
  });

  it('interrupts of cells outside the window are latched, and delivered when it begins', () => {
    const world = windowed();
    const irq = 7;
    const notification = world.notification();
    const handler = world.freeSlot();
    world.must(initialCap.irqControl, label.IRQIssueIRQHandler, [irq, handler, 64], [initialCap.cNode]);
    world.must(handler, label.IRQSetIRQHandler, [], [notification]);
    const [, b] = [threadIn(world, 1), threadIn(world, 2)];
    world.must(b.cap, label.TCBBindNotification, [], [notification]);
    start(world);
    world.stepAside();
    enterWindow(world, 2 * frameUs);
    expect(world.masked.get(irq)).toBe(true);
    enterWindow(world, 2 * frameUs + 400);
    expect(world.masked.get(irq)).toBe(false);
    enterWindow(world, 2 * frameUs + 800);
    expect(world.masked.get(irq)).toBe(true);
  });

  it('a release of another domain does not interrupt a window', () => {
    const world = windowed();
    const a = world.thread({ priority: 50, budget: 50, period: 550, resume: false });
    world.must(initialCap.domain, label.DomainSetSet, [1], [a.cap]);
    world.must(a.cap, label.TCBResume);
    const b = threadIn(world, 2);
    start(world);
    world.stepAside();
    enterWindow(world, 2 * frameUs);
    world.expectCurrent(a);
    enterWindow(world, 2 * frameUs + 400);
    world.expectCurrent(b);
    expect(a.tcb.inReleaseQueue).toBe(true);
    expect(world.deadlines[0]).toBe((2 * frameUs + 800) * 1000 - world.kernel.guardTicks * 100);
  });

  it('a release of its own domain interrupts a window on time', () => {
    const world = windowed();
    const a = world.thread({ priority: 50, budget: 50, period: 150, resume: false });
    world.must(initialCap.domain, label.DomainSetSet, [1], [a.cap]);
    world.must(a.cap, label.TCBResume);
    start(world);
    world.stepAside();
    enterWindow(world, 2 * frameUs);
    world.expectCurrent(a);
    world.runUntil(2 * frameUs + 50);
    expect(world.isIdle).toBe(true);
    expect(world.deadlines[0]).toBe((2 * frameUs + 150) * 1000);
    world.runUntil(2 * frameUs + 150);
    world.expectCurrent(a);
  });

  it('a virtual hart’s timer interrupts its own domain’s windows, and waits in others', () => {
    const world = windowed();
    const [a, b] = [1, 2].map((domain) => {
      const guest = world.thread({ priority: 50, budget: 5000, resume: false });
      world.must(initialCap.domain, label.DomainSetSet, [domain], [guest.cap]);
      const root = world.make(objectType.guestRoot);
      world.must(initialCap.asidPool, label.RISCVASIDPoolAssign, [], [root]);
      world.must(world.make(objectType.vcpu), label.VCPUBind, [], [guest.cap, root]);
      world.must(guest.cap, label.TCBWriteRegisters, [1, 1, 0x8020_0000]);
      return guest;
    });
    const sleepUntil = ({ tcb: { context } }: Thread, us: number): void => {
      context.setCsr('mie', 0x40n);
      context.setCsr('vstimecmp', BigInt(us * ticksPerUs));
      world.exception(virtualInstruction, wfi);
    };
    start(world);
    world.stepAside();
    const frame = 3 * frameUs;
    enterWindow(world, 2 * frameUs);
    world.expectCurrent(a!);
    sleepUntil(a!, frame + 200);
    enterWindow(world, 2 * frameUs + 400);
    world.expectCurrent(b!);
    sleepUntil(b!, frame + 100);
    enterWindow(world, frame);
    expect(world.isIdle).toBe(true);
    expect(world.deadlines[0]).toBe((frame + 200) * 1000);
    world.runUntil(frame + 200);
    world.expectCurrent(a!);
    expect(enterWindow(world, frame + 400)).toBe((frame + 400) * 1000);
    world.expectCurrent(b!);
  });

  it('what becomes of a thread that waits for its budget sets the timer in its own domain’s window only', () => {
    const timer = 20_000;
    const world = windowed(1, { ...defaultCosts, timer });
    const threads = [1, 0].map((domain) => {
      // The other domain's is due first.
      const period = domain === 1 ? 5000 : 10_000;
      const thread = world.thread({ priority: 50, budget: 50, period, resume: false });
      world.must(initialCap.domain, label.DomainSetSet, [domain], [thread.cap]);
      world.must(thread.cap, label.TCBResume);
      return thread;
    });
    start(world);
    const aside = world.stepAside();
    enterWindow(world, 3 * frameUs);
    enterWindow(world, 3 * frameUs + 800);
    world.interruptRoot(aside);
    const sets = threads.map(({ tcb, cap }) => {
      expect(tcb.inReleaseQueue).toBe(true);
      const before = world.clocks[0]!;
      world.must(cap, label.TCBSuspend);
      return world.clocks[0]! - before > timer;
    });
    expect(sets).toEqual([false, true]);
  });

  it('a thread of another domain that gets ready waits for its window, however urgent', () => {
    const world = windowed();
    const notification = world.notification();
    const a = threadIn(world, 1, 200);
    start(world);
    const aside = world.stepAside();
    enterWindow(world, 2 * frameUs);
    world.expectCurrent(a);
    world.wait(notification);
    enterWindow(world, 2 * frameUs + 800);
    world.interruptRoot(aside);
    world.must(initialCap.tcb, label.TCBSetPriority, [100], [initialCap.tcb]);
    world.signal(notification);
    expect([world.current() === world.rootTcb, a.tcb.queued]).toEqual([true, true]);
    enterWindow(world, 3 * frameUs);
    world.expectCurrent(a);
  });

  it('a reschedule that was meant for another window costs this one nothing', () => {
    const world = windowed();
    threadIn(world, 1);
    const b = threadIn(world, 2);
    start(world);
    world.stepAside();
    enterWindow(world, 2 * frameUs + 400);
    const before = world.clocks[0];
    world.microvisor.reschedule(world.harts[0]!);
    expect(world.clocks[0]).toBe(before);
    world.expectCurrent(b);
  });

  it('every hart has a schedule of its own', () => {
    const world = windowed(2);
    start(world, 1);
    expect(world.kernel.nodes.map((node) => node.windowEnd)).toEqual([Infinity, expect.any(Number)]);
    expect(world.kernel.nodes[1]!.windowEnd % (frameUs * ticksPerUs)).toBe(0);
    expect(world.rescheduled.has(1)).toBe(true);
    expect(world.invoke(initialCap.domain, label.DomainScheduleSetStart, [10]).label).not.toBe(0);
  });

  it('a thread cannot count the instructions of others', () => {
    const instret = 1n << 2n;
    expect(windowed().current().context.csr('mcounteren') & instret).toBe(0n);
    expect(new World().current().context.csr('mcounteren') & instret).toBe(instret);
  });

  it('no cell can halt the machine: debug calls that would are unknown', () => {
    const world = windowed();
    const faults = world.endpoint();
    const thread = world.thread({ priority: 50, budget: 5000, faultEndpoint: faults });
    world.stepAside();
    world.expectCurrent(thread);
    const before = world.log.length;
    world.ecall(systemCall.debugHalt);
    expect(world.log.length).toBe(before);
    expect(thread.tcb.fault?.type).toBe(faultType.unknownSyscall);
  });

  it('the guard follows the cost table', () => {
    expect(windowGuard({ ...defaultCosts, create: 2 * defaultCosts.create }) - windowGuard(defaultCosts)).toBe(
      256 * defaultCosts.create,
    );
    expect(windowGuard(defaultCosts)).toBeLessThan(40_000);
  });
});
