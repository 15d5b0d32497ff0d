// Several harts: threads that run on one, and are started, stopped and changed from another.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultCosts } from '../../microvisor/costs.ts';
import type { Tcb } from '../../microvisor/objects.ts';
import { initialCap, label, systemCall, type Thread, threadState, World } from './world.ts';

const { cNode, vspace } = initialCap;

/** Whether a thread could run if nothing were more urgent. */
const canRun = ({ state, schedContext, inReleaseQueue }: Tcb): boolean =>
  (state === threadState.running || state === threadState.restart) && schedContext !== null && !inReleaseQueue;

/** A thread of hart 1 that is ready to be resumed. */
const stopped = (world: World, priority: number): Thread =>
  world.thread({ priority, budget: 1000, core: 1, resume: false });

describe('a hart', () => {
  it('runs the most urgent of its threads, whatever another hart does with them', () => {
    const step = fc.record({
      what: fc.constantFrom(
        'signal',
        'suspend',
        'resume',
        'priority',
        'registers',
        'space',
        'configure',
        'bind',
        'wait',
        'yield',
        'compute',
      ),
      which: fc.nat(3),
      core: fc.nat(1),
      priority: fc.oneof(fc.constantFrom(50, 51), fc.nat(200)),
      us: fc.integer({ min: 20, max: 1500 }),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 30, maxLength: 60, size: 'max' }), (steps) => {
        const world = new World({ harts: 2 });
        const budgets = [
          { budget: 700 },
          { budget: 300, period: 2000 },
          { budget: 400, period: 900, sporadic: true },
          { budget: 900 },
        ];
        const threads = budgets.map((each, i) => world.thread({ priority: 50 + i, core: 1, ...each }));
        const notifications = threads.map(() => world.notification());
        expect(world.configure(initialCap.schedContext, { budget: 1_000_000 }).label).toBe(0);
        world.deliverReschedules();
        for (const { what, which, core, priority, us } of steps) {
          const { tcb, cap, sc } = threads[which]!;
          const remote = world.current(1);
          const acting = threads.findIndex((thread) => thread.tcb === remote);
          if (what === 'signal') {
            world.signal(notifications[which]!);
          } else if (what === 'suspend') {
            world.must(cap, label.TCBSuspend);
          } else if (what === 'resume') {
            world.must(cap, label.TCBResume);
          } else if (what === 'priority') {
            world.must(cap, label.TCBSetPriority, [priority], [initialCap.tcb]);
          } else if (what === 'registers') {
            world.must(cap, label.TCBWriteRegisters, [0, 1, 0x1000]);
          } else if (what === 'space') {
            world.must(cap, label.TCBSetSpace, [0, 0], [0, cNode, vspace]);
          } else if (what === 'configure') {
            expect(world.configure(sc, { ...budgets[which]!, core }).label).toBe(0);
          } else if (what === 'bind') {
            if (tcb.schedContext === null) world.invoke(sc, label.SchedContextBind, [], [cap]);
            else world.must(sc, label.SchedContextUnbind);
          } else if (acting >= 0 && what === 'wait') {
            world.recv(notifications[acting]!, 0, systemCall.wait, 1);
          } else if (acting >= 0 && what === 'yield') {
            world.ecall(systemCall.yield, 1);
          } else {
            world.runUntil(Math.max(world.now(0), world.now(1)) + us, 1);
          }
          // The root thread is the most urgent of hart 0 and runs on, and time is that of both.
          world.clocks.fill(Math.max(...world.clocks));
          world.deliverReschedules();
          for (const [hart, node] of world.kernel.nodes.entries()) {
            const runnable = [world.rootTcb, ...threads.map((thread) => thread.tcb)].filter(
              (each) => canRun(each) && each.affinity === hart,
            );
            const most = Math.max(-1, ...runnable.map((each) => each.priority));
            expect([what, hart, node.current === node.idle ? -1 : node.current.priority]).toEqual([what, hart, most]);
          }
        }
      }),
      { numRuns: 20 },
    );
  });

  it('is asked to choose again when a thread gets ready there that is more urgent than its own, and only then', () => {
    const world = new World({ harts: 3, config: { numDomains: 2 } });
    const [least, running, less, equal, more, other] = [0, 50, 40, 50, 60, 60].map((priority) =>
      stopped(world, priority),
    );
    world.must(initialCap.domain, label.DomainSetSet, [1], [other!.cap]);
    const asked = (thread: Thread): number[] => {
      world.rescheduled.clear();
      world.must(thread.cap, label.TCBResume);
      return [...world.rescheduled];
    };
    world.deliverReschedules();
    // Nobody is less urgent than the idle thread.
    for (const thread of [least!, running!]) {
      expect(asked(thread)).toEqual([1]);
      world.deliverReschedules();
      world.expectCurrent(thread, 1);
    }
    expect(asked(less!)).toEqual([]);
    expect(asked(equal!)).toEqual([]);
    expect(asked(other!)).toEqual([]);
    expect(asked(more!)).toEqual([1]);
    world.deliverReschedules();
    world.expectCurrent(more!, 1);
    // Nobody is asked because of a thread of one's own.
    expect(asked(world.thread({ priority: 20, budget: 1000, resume: false }))).toEqual([]);
  });

  it('reads the clock behind the switch that another hart has made it do', () => {
    const threadSwitch = 5000;
    const world = new World({ harts: 2, costs: { ...defaultCosts, threadSwitch } });
    const thread = world.thread({ priority: 50, budget: 1000, core: 1 });
    world.deliverReschedules();
    world.expectCurrent(thread, 1);
    world.must(thread.cap, label.TCBSuspend);
    const at = world.clocks[1]!;
    world.deliverReschedules();
    expect(world.kernel.nodes[1]!.time).toBe(Math.floor((at + threadSwitch) / 100));
  });

  it('lets a thread finish its turn that another hart has looked at, before those of its priority', () => {
    const world = new World({ harts: 2 });
    const threads = [stopped(world, 50), stopped(world, 50)];
    for (const { cap } of threads) world.must(cap, label.TCBResume);
    world.deliverReschedules();
    const current = threads.find(({ tcb }) => tcb === world.current(1))!;
    world.must(current.cap, label.TCBSetSpace, [0, 0], [0, cNode, vspace]);
    expect(world.current(1).name).toBe('idle_thread');
    world.deliverReschedules();
    world.expectCurrent(current, 1);
  });

  it('whose thread has lost its context to another hart idles, however long it ran', () => {
    for (const period of [1000, 5000]) {
      const world = new World({ harts: 2 });
      const thread = world.thread({ priority: 50, budget: 1000, period, core: 1 });
      world.deliverReschedules();
      world.expectCurrent(thread, 1);
      world.delete(thread.sc);
      world.clocks[1] = 9_000_000;
      world.deliverReschedules();
      expect(world.current(1).name).toBe('idle_thread');
      expect(thread.tcb.state).toBe(threadState.running);
    }
  });

  it('charges a context nothing that was deleted while it was in use, whatever it had left', () => {
    const world = new World({ harts: 2 });
    const thread = world.thread({ priority: 50, budget: 1000, period: 5000, core: 1 });
    world.clocks.fill(world.clocks[0]!);
    world.deliverReschedules();
    // Its first refill lies behind its second, at the end of its room.
    for (const us of [400, 5000]) {
      world.runUntil(world.now(1) + us, 1);
      world.microvisor.timer(world.harts[1]!);
    }
    const { schedContext } = thread.tcb;
    expect([schedContext!.refillHead, schedContext!.refillTail]).toEqual([1, 0]);
    world.microvisor.timer(world.harts[0]!);
    world.delete(thread.sc);
    world.clocks[1]! += 9_000_000;
    world.deliverReschedules();
    expect(world.current(1).name).toBe('idle_thread');
  });

  it('with windows is asked in vain when whoever is ready there is not more urgent', () => {
    const world = new World({ harts: 2, config: { numDomains: 2, windows: true } });
    const [least, running, equal, less, more] = [0, 50, 50, 40, 60].map((priority) => stopped(world, priority));
    const askedInVain = (): boolean => {
      const before = world.clocks[1];
      world.microvisor.reschedule(world.harts[1]!);
      return world.clocks[1] === before;
    };
    world.deliverReschedules();
    expect(askedInVain()).toBe(true);
    for (const thread of [least!, running!]) {
      world.must(thread.cap, label.TCBResume);
      expect(askedInVain()).toBe(false);
      world.expectCurrent(thread, 1);
    }
    for (const thread of [equal!, less!]) {
      world.must(thread.cap, label.TCBResume);
      expect(askedInVain()).toBe(true);
    }
    world.must(more!.cap, label.TCBResume);
    expect(askedInVain()).toBe(false);
    world.expectCurrent(more!, 1);
  });
});
