import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Tcb } from '../../microvisor/objects.ts';
import { refillHead } from '../../microvisor/sporadic.ts';
import { initialCap, label, objectType, systemCall, type Thread, threadState, World } from './world.ts';

/** Whether a thread could run if nothing were more urgent. */
const canRun = ({ state, schedContext, inReleaseQueue }: Tcb): boolean =>
  (state === threadState.running || state === threadState.restart) && schedContext !== null && !inReleaseQueue;

describe('scheduling', () => {
  it('the highest-priority runnable thread runs at every decision point', () => {
    const priority = fc.oneof(fc.constantFrom(30, 31, 32, 33, 255), fc.nat(255));
    const step = fc.record({
      what: fc.constantFrom('signal', 'wait', 'priority', 'suspend', 'resume', 'yield', 'compute'),
      which: fc.nat(5),
      priority,
      us: fc.integer({ min: 1, max: 1500 }),
    });
    fc.assert(
      fc.property(
        fc.array(priority, { minLength: 5, maxLength: 5 }),
        fc.array(step, { minLength: 30, maxLength: 60 }),
        (priorities, steps) => {
          const world = new World();
          const others = priorities.map((each, i) =>
            world.thread({ priority: each, budget: 700, period: 700 * (i + 1) }),
          );
          const threads = [{ tcb: world.rootTcb, cap: initialCap.tcb as number }, ...others];
          const notifications = threads.map(() => world.notification());
          const handler = world.freeSlot();
          world.must(initialCap.irqControl, label.IRQIssueIRQHandler, [7, handler, 64], [initialCap.cNode]);
          world.must(handler, label.IRQSetIRQHandler, [], [notifications[0]!]);
          for (const { what, which, priority: next, us } of steps) {
            const acting = threads.findIndex(({ tcb }) => tcb === world.current());
            if (acting < 0) {
              // All sleep. An interrupt wakes the root thread, unless someone has stopped it for good.
              world.interrupt(7);
            } else if (what === 'signal') {
              world.signal(notifications[which]!);
            } else if (what === 'wait') {
              world.wait(notifications[acting]!);
            } else if (what === 'priority') {
              world.call(threads[which]!.cap, label.TCBSetPriority, [next], [initialCap.tcb]);
            } else if (what === 'suspend') {
              world.call(threads[which]!.cap, label.TCBSuspend);
            } else if (what === 'resume') {
              world.call(threads[which]!.cap, label.TCBResume);
            } else if (what === 'yield') {
              world.ecall(systemCall.yield);
            } else {
              world.runUntil(world.now() + us);
            }
            const runnable = threads.filter(({ tcb }) => canRun(tcb));
            const most = Math.max(-1, ...runnable.map(({ tcb }) => tcb.priority));
            expect([what, world.isIdle ? -1 : world.current().priority]).toEqual([what, most]);
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it('raising a priority preempts at once, and no one can raise above its own limit', () => {
    const world = new World();
    const thread = world.thread({ priority: 10, budget: 1000 });
    expect(world.invoke(thread.cap, label.TCBSetPriority, [256], [initialCap.tcb])).toEqual({
      label: 4,
      words: [0n, 255n],
    });
    expect(world.invoke(thread.cap, label.TCBSetPriority, [20], [thread.cap])).toEqual({ label: 4, words: [0n, 10n] });
    world.must(initialCap.tcb, label.TCBSetPriority, [50], [initialCap.tcb]);
    world.call(thread.cap, label.TCBSetPriority, [60], [initialCap.tcb]);
    world.expectCurrent(thread);
  });

  it('resuming makes a thread do again what it is blocked in, and leaves alone who runs', () => {
    const ways: Record<string, (world: World, endpoint: number, notification: number) => void> = {
      'a receive': (world, endpoint) => world.recv(endpoint),
      'a send': (world, endpoint) => world.send(endpoint),
      'a call': (world, endpoint) => world.call(endpoint),
      'a wait': (world, _, notification) => world.wait(notification),
      nothing: (world) => world.ecall(systemCall.nbSend),
    };
    for (const [name, block] of Object.entries(ways)) {
      const world = new World();
      const [endpoint, notification] = [world.endpoint(), world.notification()];
      const thread = world.thread({ priority: 110, budget: 1000 });
      const aside = world.stepAside();
      world.expectCurrent(thread);
      const { context } = thread.tcb;
      const { pc } = context;
      block(world, endpoint, notification);
      expect([name, world.isIdle]).toEqual([name, name !== 'nothing']);
      world.interruptRoot(aside);
      world.must(thread.cap, label.TCBResume);
      world.wait(aside);
      world.expectCurrent(thread);
      expect([name, context.pc]).toEqual([name, name === 'nothing' ? pc + 4n : pc]);
    }
  });

  it('equals share round-robin', () => {
    const world = new World();
    const threads = ['a', 'b', 'c'].map((name) => {
      const thread = world.thread({ priority: 50, budget: 500 });
      thread.tcb.name = name;
      return thread;
    });
    const aside = world.stepAside();
    const slices: { name: string; us: number }[] = [];
    let since = world.now();
    for (let slice = 0; slice < 9; slice++) {
      const { name } = world.current();
      // Someone more urgent comes in between, now and then: that ends no one's turn.
      if (slice % 3 === 1) {
        world.runUntil(since + 200);
        world.interruptRoot(aside);
        world.wait(aside);
        expect(world.current().name).toBe(name);
      }
      while (world.current().name === name) {
        expect(world.now() - since).toBeLessThan(1000);
        world.runUntil(world.deadlines[0]! / 1000);
      }
      slices.push({ name, us: world.now() - since });
      since = world.now();
    }
    const order = slices.map(({ name }) => name).join('');
    expect(['abcabcabc', 'bcabcabca', 'cabcabcab', 'acbacbacb', 'bacbacbac', 'cbacbacba']).toContain(order);
    for (const { us } of slices) expect(Math.abs(us - 500)).toBeLessThan(20);
    expect(threads.map(({ tcb }) => tcb.state)).toEqual(Array(3).fill(threadState.running));
  });

  it('of equals, who is woken comes last, and who takes over from one that blocks comes first', () => {
    const world = new World();
    const [notification, endpoint] = [world.notification(), world.endpoint()];
    const reply = world.reply();
    const enter = (receive: () => void): Thread => {
      const thread = world.thread({ priority: 60, budget: 50_000 });
      const aside = world.stepAside();
      world.expectCurrent(thread);
      receive();
      world.interruptRoot(aside);
      world.must(thread.cap, label.TCBSetPriority, [50], [initialCap.tcb]);
      return thread;
    };
    const sleeper = enter(() => world.wait(notification));
    const server = enter(() => world.recv(endpoint, reply));
    for (let i = 0; i < 2; i++) world.thread({ priority: 50, budget: 50_000 });
    world.stepAside();
    const first = world.current();
    world.signal(notification);
    expect(world.current() === first).toBe(true);
    // Too long for the fast path.
    const words = [1, 2, 3, 4, 5, 6];
    world.call(endpoint, 0, words);
    world.expectCurrent(server);
    world.replyRecv(endpoint, reply, words);
    expect(world.current() === first).toBe(true);
    world.wait(notification);
    expect([first, sleeper.tcb].includes(world.current())).toBe(false);
  });

  it('a budget throttles exactly at its tick and replenishes exactly on time', () => {
    const world = new World();
    const thread = world.thread({ priority: 50, budget: 1000, period: 10_000 });
    world.stepAside();
    world.expectCurrent(thread);
    const start = world.kernel.nodes[0]!.time;
    const deadline = world.deadlines[0]!;
    // 1,000 µs at 10 ticks per µs, 100 cycles per tick.
    expect(deadline).toBe((start + 10_000) * 100);
    world.runUntil(deadline / 1000 - 0.001);
    world.expectCurrent(thread);
    world.runUntil(deadline / 1000);
    expect(world.isIdle).toBe(true);
    const release = refillHead(thread.tcb.schedContext!).time;
    expect(release).toBe(start + 100_000);
    expect(world.deadlines[0]).toBe(release * 100);
    world.runUntil(release / 10 - 0.001);
    expect(world.isIdle).toBe(true);
    world.runUntil(release / 10);
    world.expectCurrent(thread);
  });

  it('what is used in pieces comes back in pieces, each one period after it was used', () => {
    const world = new World();
    const notification = world.notification();
    const thread = world.thread({ priority: 50, budget: 1000, period: 10_000, extraRefills: 4, sporadic: true });
    const aside = world.stepAside();
    const start = world.kernel.nodes[0]!.time;
    world.runUntil(world.now() + 400);
    world.wait(notification);
    expect(world.isIdle).toBe(true);
    world.interruptRoot(aside);
    world.signal(notification);
    world.wait(aside);
    world.expectCurrent(thread);
    world.runUntil(world.now() + 700);
    expect(world.isIdle).toBe(true);
    const head = refillHead(thread.tcb.schedContext!);
    // The period is 100,000 ticks. The kernel's own work, and a rest too small to use, move the time by a few.
    expect(Math.abs(head.time - start - 100_000)).toBeLessThan(50);
    expect(Math.abs(head.amount - 4000)).toBeLessThan(50);
  });

  it('a round-robin thread has no timeouts', () => {
    const world = new World();
    const faults = world.endpoint();
    const threads = [world.thread({ priority: 50, budget: 500 }), world.thread({ priority: 50, budget: 500 })];
    for (const { cap } of threads) world.must(cap, label.TCBSetTimeoutEndpoint, [], [faults]);
    world.stepAside();
    world.runUntil(world.now() + 5000);
    expect(threads.map(({ tcb }) => tcb.state)).toEqual([threadState.running, threadState.running]);
  });

  it('restart or resume cannot refill a budget early', () => {
    const { cNode, vspace } = initialCap;
    const ways: Record<string, (world: World, thread: Thread) => void> = {
      'suspend and resume': (world, { cap }) => {
        world.must(cap, label.TCBSuspend);
        world.must(cap, label.TCBResume);
      },
      'write registers': (world, { cap }) => void world.must(cap, label.TCBWriteRegisters, [1, 1, 0x1000]),
      'another space': (world, { cap }) => void world.must(cap, label.TCBSetSpace, [0, 0], [0, cNode, vspace]),
      'another priority': (world, { cap }) => void world.must(cap, label.TCBSetPriority, [60], [initialCap.tcb]),
      'unbind and bind': (world, { cap, sc }) => {
        world.must(sc, label.SchedContextUnbind);
        world.must(sc, label.SchedContextBind, [], [cap]);
      },
      'a new thread on the old context': (world, { cap, sc }) => {
        world.delete(cap);
        const next = world.thread({ priority: 50 });
        world.must(sc, label.SchedContextBind, [], [next.cap]);
      },
      'the same parameters again': (world, { sc }) => {
        expect(world.configure(sc, { budget: 1000, period: 10_000 }).label).toBe(0);
      },
      'the parameters of half the time': (world, { sc }) => {
        expect(world.configure(sc, { budget: 500, period: 5000 }).label).toBe(0);
      },
    };
    for (const [name, restart] of Object.entries(ways)) {
      for (const sporadic of [false, true]) {
        const world = new World();
        const thread = world.thread({ priority: 50, budget: 1000, period: 10_000, sporadic });
        const { schedContext } = thread.tcb;
        const aside = world.stepAside();
        world.runUntil(world.deadlines[0]! / 1000);
        expect(world.isIdle).toBe(true);
        const release = refillHead(schedContext!).time;
        world.interruptRoot(aside);
        restart(world, thread);
        world.wait(aside);
        expect([name, world.isIdle]).toEqual([name, true]);
        world.runUntil(release / 10 - 0.001);
        expect([name, world.isIdle]).toEqual([name, true]);
        world.runUntil(release / 10);
        expect([name, world.current().schedContext === schedContext]).toEqual([name, true]);
      }
    }
  });

  it('refills add up to the budget whatever is done with them', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 3000 }), fc.constantFrom('run', 'yield', 'sleep')), {
          maxLength: 25,
        }),
        fc.boolean(),
        fc.integer({ min: 0, max: 5 }),
        (steps, sporadic, extraRefills) => {
          const world = new World();
          const thread = world.thread({ priority: 50, budget: 700, period: 2000, sporadic, extraRefills });
          const aside = world.stepAside();
          for (const [us, what] of steps) {
            if (what === 'yield' && world.current() === thread.tcb) world.ecall(systemCall.yield);
            if (what === 'sleep' && world.current() === thread.tcb) {
              world.wait(aside);
              world.runUntil(world.now() + us);
              world.interruptRoot(aside);
              world.signal(aside);
              world.wait(aside);
              continue;
            }
            world.runUntil(world.now() + us);
          }
          // The sweep after every entry has checked the sums.
          expect(thread.tcb.schedContext!.budget).toBe(7000);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('SchedControl refuses what the timer or the context cannot hold', () => {
    const world = new World();
    const sc = world.make(objectType.schedContext, 8);
    const most = 230_584_300_921_369_395n;
    const configure = (budget: bigint, period: bigint, refills = 0n) =>
      world.invoke(world.schedControl(), label.SchedControlConfigureFlags, [budget, period, refills, 0, 0], [sc]);
    expect(configure(most + 1n, 100n)).toEqual({ label: 4, words: [20n, most] });
    expect(configure(19n, 100n)).toEqual({ label: 4, words: [20n, most] });
    expect(configure(100n, most + 1n)).toEqual({ label: 4, words: [20n, most] });
    expect(configure(20n, 19n)).toEqual({ label: 4, words: [20n, most] });
    expect(configure(20n, 20n).label).toBe(0);
    expect(configure(200n, 100n)).toEqual({ label: 4, words: [20n, 100n] });
    expect(configure(100n, 100n, 9n)).toEqual({ label: 4, words: [0n, 8n] });
    expect(configure(most, most).label).toBe(0);
    expect(configure(20n, most, 8n).label).toBe(0);
  });

  it("a passive server runs on its caller's time and gives it back on death", () => {
    const world = new World();
    const endpoint = world.endpoint();
    const reply = world.reply();
    const server = world.thread({ priority: 120, budget: 1000 });
    const client = world.thread({ priority: 110, budget: 1000, period: 50_000 });
    const aside = world.stepAside();
    world.expectCurrent(server);
    world.recv(endpoint, reply);
    world.interruptRoot(aside);
    world.must(server.sc, label.SchedContextUnbindObject, [], [server.cap]);
    expect(server.tcb.schedContext === null).toBe(true);
    world.wait(aside);
    world.expectCurrent(client);
    const sc = client.tcb.schedContext!;
    const owner = (): string => [client, server].find(({ tcb }) => tcb.schedContext === sc)?.tcb.name ?? 'nobody';
    const clientName = client.tcb.name;
    const start = world.now();
    world.call(endpoint, 1);
    world.expectCurrent(server);
    expect(owner()).toBe(server.tcb.name);
    world.runUntil(world.now() + 300);
    world.replyRecv(endpoint, reply);
    world.expectCurrent(client);
    expect(owner()).toBe(clientName);
    expect(server.tcb.schedContext === null).toBe(true);
    // The rest is what the next call has: when it is used up, the server waits for the caller's next period.
    world.call(endpoint, 1);
    world.runUntil(start + 990);
    world.expectCurrent(server);
    world.runUntil(start + 1000);
    expect(world.isIdle).toBe(true);
    expect([server.tcb.inReleaseQueue, owner()]).toEqual([true, server.tcb.name]);
    world.runUntil(refillHead(sc).time / 10);
    world.expectCurrent(server);
    // It dies; with its reply object the caller's time comes back.
    world.interruptRoot(aside);
    world.delete(server.cap);
    world.delete(reply);
    expect(owner()).toBe(clientName);
    expect(client.tcb.state).toBe(threadState.inactive);
    world.must(client.cap, label.TCBResume);
    world.wait(aside);
    world.expectCurrent(client);
  });

  it('donation chains unwind in order', () => {
    const world = new World();
    const endpoints = [world.endpoint(), world.endpoint(), world.endpoint()];
    const replies = endpoints.map(() => world.reply());
    const servers = endpoints.map((_, i) => world.thread({ priority: 120 + i, budget: 1000 }));
    const client = world.thread({ priority: 110, budget: 1000 });
    const aside = world.stepAside();
    for (const i of [2, 1, 0]) {
      world.expectCurrent(servers[i]!);
      world.recv(endpoints[i]!, replies[i]!);
    }
    world.interruptRoot(aside);
    for (const { sc, cap } of servers) world.must(sc, label.SchedContextUnbindObject, [], [cap]);
    world.wait(aside);
    const sc = client.tcb.schedContext;
    for (const i of [0, 1, 2]) {
      world.call(endpoints[i]!, i);
      world.expectCurrent(servers[i]!);
      expect(servers[i]!.tcb.schedContext === sc).toBe(true);
    }
    for (const i of [2, 1, 0]) {
      world.replyRecv(endpoints[i]!, replies[i]!, [i]);
      world.expectCurrent(i === 0 ? client : servers[i - 1]!);
      expect(world.current().schedContext === sc).toBe(true);
    }
  });

  it('a passive thread that a notification wakes runs on the notification’s context', () => {
    const world = new World();
    const notification = world.notification();
    const sc = world.make(objectType.schedContext, 8);
    expect(world.configure(sc, { budget: 1000 }).label).toBe(0);
    world.must(sc, label.SchedContextBind, [], [notification]);
    const thread = world.thread({ priority: 120, budget: 1000 });
    const aside = world.stepAside();
    world.wait(notification);
    expect(world.isIdle).toBe(true);
    world.interruptRoot(aside);
    world.must(thread.sc, label.SchedContextUnbindObject, [], [thread.cap]);
    world.signal(notification);
    expect(thread.tcb.schedContext !== null).toBe(true);
    world.wait(aside);
    world.expectCurrent(thread);
    world.wait(notification);
    expect(thread.tcb.schedContext === null).toBe(true);
  });

  it('yield-to answers with the time that the other used', () => {
    const world = new World();
    const thread = world.thread({ priority: 100, budget: 1000 });
    world.must(initialCap.tcb, label.TCBSetPriority, [100], [initialCap.tcb]);
    world.call(thread.sc, label.SchedContextYieldTo);
    world.expectCurrent(thread);
    world.runUntil(world.now() + 300);
    world.ecall(systemCall.yield);
    expect(world.current().name).toBe('rootserver');
    const [consumed] = world.message().words;
    expect(Number(consumed)).toBeGreaterThanOrEqual(300);
    expect(Number(consumed)).toBeLessThan(330);
  });

  it('a domain schedule gives each domain its time', () => {
    const world = new World({ config: { numDomains: 2, domainScheduleLength: 4 } });
    const threads = [world.thread({ priority: 50, budget: 100_000 }), world.thread({ priority: 50, budget: 100_000 })];
    world.must(initialCap.domain, label.DomainSetSet, [1], [threads[1]!.cap]);
    world.must(initialCap.domain, label.DomainScheduleConfigure, [1, 1, 20_000]);
    world.must(initialCap.domain, label.DomainScheduleConfigure, [2, 0, 0]);
    world.must(initialCap.domain, label.DomainScheduleConfigure, [0, 0, 30_000]);
    expect(world.invoke(initialCap.domain, label.DomainScheduleConfigure, [3, 0, 1]).label).toBe(4);
    world.must(initialCap.domain, label.DomainScheduleSetStart, [0]);
    world.stepAside();
    const runs: [string, number][] = [];
    const start = world.now();
    for (let us = 0; us < 20_000; us += 100) {
      world.runUntil(start + us);
      const { name } = world.current();
      const last = runs.at(-1);
      if (last?.[0] === name) last[1] += 100;
      else runs.push([name, 100]);
    }
    const inner = runs.slice(1, 5).map(([, us]) => us);
    expect(inner.filter((_, i) => i % 2 === 0)).toEqual([inner[0], inner[0]]);
    expect(Math.abs(inner[0]! - 2000)).toBeLessThanOrEqual(100);
    expect(Math.abs(inner[1]! - 3000)).toBeLessThanOrEqual(100);
  });

  it('threads of another hart are started there, and stopped from here', () => {
    const world = new World({ harts: 2 });
    const thread = world.thread({ priority: 100, budget: 1000, core: 1 });
    expect(thread.tcb.affinity).toBe(1);
    expect(world.rescheduled).toContain(1);
    world.deliverReschedules();
    world.expectCurrent(thread, 1);
    world.must(thread.cap, label.TCBSuspend);
    expect(world.current(1).name).toBe('idle_thread');
    expect(world.harts[1]!.context).toBe(world.current(1).context);
    world.must(thread.cap, label.TCBResume);
    world.deliverReschedules();
    world.expectCurrent(thread, 1);
    // A signal from the other hart wakes here.
    const notification = world.notification();
    world.recv(notification, 0, systemCall.wait, 1);
    expect(world.current(1).name).toBe('idle_thread');
    world.signal(notification);
    world.deliverReschedules();
    world.expectCurrent(thread, 1);
  });
});
