import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refillHead } from '../../microvisor/sporadic.ts';
import { initialCap, label, objectType, systemCall, threadState, World } from './world.ts';

describe('scheduling', () => {
  it('the highest-priority runnable thread runs at every decision point', () => {
    const world = new World();
    const priorities = [3, 200, 40, 32, 31, 254, 64];
    const notifications = priorities.map(() => world.notification());
    const threads = priorities.map((priority) => world.thread({ priority, budget: 1000 }));
    world.stepAside();
    const order: number[] = [];
    while (!world.isIdle) {
      order.push(world.current().priority);
      world.wait(notifications[threads.findIndex(({ tcb }) => tcb === world.current())]!);
    }
    expect(order).toEqual([...priorities].sort((a, b) => b - a));
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

  it('equals share round-robin', () => {
    const world = new World();
    const threads = [world.thread({ priority: 50, budget: 500 }), world.thread({ priority: 50, budget: 500 })];
    world.stepAside();
    const order: string[] = [];
    for (let slice = 0; slice < 6; slice++) {
      order.push(world.current().name);
      world.runUntil(world.deadlines[0]! / 1000 + 0.001);
    }
    expect(new Set(order).size).toBe(threads.length);
    expect(order[0]).not.toBe(order[1]);
    expect(order.filter((_, i) => i % 2 === 0)).toEqual([order[0], order[0], order[0]]);
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
    const world = new World();
    const thread = world.thread({ priority: 50, budget: 1000, period: 10_000 });
    const aside = world.stepAside();
    world.runUntil(world.deadlines[0]! / 1000);
    expect(world.isIdle).toBe(true);
    const release = refillHead(thread.tcb.schedContext!).time;
    world.interruptRoot(aside);
    world.must(thread.cap, label.TCBSuspend);
    world.must(thread.cap, label.TCBResume);
    expect(world.configure(thread.sc, { budget: 1000, period: 10_000 }).label).toBe(0);
    expect(refillHead(thread.tcb.schedContext!).time).toBe(release);
    world.wait(aside);
    expect(world.isIdle).toBe(true);
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
    expect(configure(200n, 100n)).toEqual({ label: 4, words: [20n, 100n] });
    expect(configure(100n, 100n, 9n)).toEqual({ label: 4, words: [0n, 8n] });
    expect(configure(most, most).label).toBe(0);
    expect(configure(20n, most, 8n).label).toBe(0);
  });

  it('a passive server runs on its caller’s time and gives it back on death', () => {
    const world = new World();
    const endpoint = world.endpoint();
    const reply = world.reply();
    const ready = world.notification();
    const server = world.thread({ priority: 120, budget: 1000 });
    const client = world.thread({ priority: 110, budget: 1000, period: 5000 });
    const aside = world.stepAside();
    world.expectCurrent(server);
    // The server gives its own context up while it waits.
    world.recv(endpoint, reply);
    world.expectCurrent(client);
    world.interruptRoot(aside);
    world.must(server.sc, label.SchedContextUnbindObject, [], [server.cap]);
    expect(server.tcb.schedContext === null).toBe(true);
    world.wait(ready);
    world.expectCurrent(client);
    const sc = client.tcb.schedContext;
    world.call(endpoint, 1);
    world.expectCurrent(server);
    expect(server.tcb.schedContext === sc).toBe(true);
    expect(client.tcb.schedContext === null).toBe(true);
    world.interrupt(0);
    // The reply object goes with the server: the client has its context again.
    world.kernel.nodes[0]!.current = server.tcb;
    world.replyRecv(endpoint, reply);
    world.expectCurrent(client);
    expect(client.tcb.schedContext === sc).toBe(true);
    world.call(endpoint, 1);
    world.expectCurrent(server);
    world.signal(ready);
    expect(world.current().name).toBe('rootserver');
    world.delete(reply);
    expect(client.tcb.schedContext === sc).toBe(true);
    expect(server.tcb.schedContext === null).toBe(true);
    expect(client.tcb.state).toBe(threadState.inactive);
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

  it('domain windows start and end on time', () => {
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
