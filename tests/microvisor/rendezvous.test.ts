// Who waits, who runs on and on whose time, when a sender and a receiver meet: whichever of them comes first.

import { describe, expect, it } from 'vitest';
import { right } from '../../microvisor/abi/rights.ts';
import { callRegister } from '../../microvisor/abi/system-calls.ts';
import { refillsOf } from './refills.ts';
import {
  allRights,
  exceptions,
  initialCap,
  label,
  objectType,
  systemCall,
  type Thread,
  threadState,
  World,
} from './world.ts';

/** Sends as a thread does that is to go on afterwards, or that waits for an answer. */
const sends = {
  send: (world: World, cap: number) => world.send(cap, [7]),
  call: (world: World, cap: number) => world.call(cap, 0, [7]),
  fault: (world: World) => world.exception(exceptions.illegalInstruction),
} as const;
const rightsOfSenders = [allRights, right.write | right.grant, right.write | right.grantReply, right.write];

function makePassive(world: World, { sc, cap }: Thread): void {
  world.must(sc, label.SchedContextUnbindObject, [], [cap]);
}

describe('a sender and a receiver', () => {
  it('leave the sender waiting for an answer if it calls or faults, may be answered, and there is a reply object', () => {
    for (const how of Object.keys(sends) as (keyof typeof sends)[]) {
      for (const rights of rightsOfSenders) {
        for (const hasReply of [true, false]) {
          for (const first of ['sender', 'receiver'] as const) {
            const world = new World();
            const endpoint = world.endpoint();
            const end = world.copy(endpoint, rights);
            const reply = world.reply();
            const receiver = world.thread({ priority: first === 'receiver' ? 120 : 100, budget: 1000 });
            const sender = world.thread({ priority: 110, budget: 1000 });
            if (how === 'fault') {
              const { label: error } = world.invoke(
                sender.cap,
                label.TCBSetSpace,
                [0, 0],
                [end, initialCap.cNode, initialCap.vspace],
              );
              // Handlers need both rights: what follows is what came of it when they were there.
              if (error !== 0) continue;
            }
            world.stepAside();
            const receive = (): void => {
              world.expectCurrent(receiver);
              if (hasReply) world.recv(endpoint, reply);
              else world.wait(endpoint);
            };
            const send = (): void => {
              world.expectCurrent(sender);
              sends[how](world, end);
            };
            for (const act of first === 'receiver' ? [receive, send] : [send, receive]) act();
            const wants = how !== 'send';
            const may = hasReply && (rights & (right.grant | right.grantReply)) !== 0;
            const expected = wants ? (may ? threadState.blockedOnReply : threadState.inactive) : threadState.running;
            expect([how, rights, hasReply, first, sender.tcb.state]).toEqual([how, rights, hasReply, first, expected]);
            expect(receiver.tcb.state).toBe(threadState.running);
            expect(sender.tcb.replyObject !== null).toBe(expected === threadState.blockedOnReply);
            expect(receiver.tcb.replyObject === null).toBe(true);
          }
        }
      }
    }
  });

  it('meet on the sender’s time if it waits from then on, and the receiver has none', () => {
    for (const number of [systemCall.nbSendRecv, systemCall.nbSendWait, systemCall.nbSend, systemCall.send]) {
      const waits = number === systemCall.nbSendRecv || number === systemCall.nbSendWait;
      for (const isPassive of [true, false]) {
        const world = new World();
        const [there, back] = [world.endpoint(), world.endpoint()];
        const reply = world.reply();
        const receiver = world.thread({ priority: 120, budget: 1000 });
        const sender = world.thread({ priority: 110, budget: 1000 });
        const aside = world.stepAside();
        world.wait(there);
        world.interruptRoot(aside);
        if (isPassive) makePassive(world, receiver);
        world.wait(aside);
        world.expectCurrent(sender);
        const [own, other] = [sender.tcb.schedContext, receiver.tcb.schedContext];
        const { context } = sender.tcb;
        world.setMessage(0, [7]);
        context.setX(callRegister.capability, BigInt(waits ? back : there));
        context.setX(callRegister.reply, BigInt(number === systemCall.nbSendWait ? there : reply));
        context.setX(callRegister.nbSendRecvDestination, BigInt(there));
        world.ecall(number);
        expect(receiver.tcb.state).toBe(threadState.running);
        const donates = waits && isPassive;
        expect([number, isPassive, receiver.tcb.schedContext === (donates ? own : other)]).toEqual([
          number,
          isPassive,
          true,
        ]);
        expect(sender.tcb.schedContext === (donates ? null : own)).toBe(true);
        expect(sender.tcb.state).toBe(waits ? threadState.blockedOnReceive : threadState.running);
      }
    }
  });

  it('meet on the time of a caller that has queued, when the server has just given the last one’s back', () => {
    for (const second of ['active', 'without time', 'timeout'] as const) {
      const world = new World();
      const endpoint = world.endpoint();
      const reply = world.reply();
      const server = world.thread({ priority: 120, budget: 1000 });
      const clients = [110, 109].map((priority) => world.thread({ priority, budget: 1000, period: 5000 }));
      const aside = world.stepAside();
      world.recv(endpoint, reply);
      world.interruptRoot(aside);
      makePassive(world, server);
      if (second === 'timeout') world.must(clients[1]!.cap, label.TCBSetTimeoutEndpoint, [], [endpoint]);
      world.wait(aside);
      world.call(endpoint, 1);
      world.expectCurrent(server);
      // The server waits for something else, on the first client's time, while the second one comes.
      world.interruptRoot(aside);
      const elsewhere = world.notification();
      world.wait(aside);
      world.wait(elsewhere);
      world.expectCurrent(clients[1]!);
      if (second === 'timeout') world.runUntil(world.now() + 1500);
      else world.call(endpoint, 2);
      expect(clients[1]!.tcb.state).toBe(threadState.blockedOnSend);
      const sc = clients[1]!.tcb.schedContext;
      world.interruptRoot(aside);
      if (second === 'without time') world.must(clients[1]!.sc, label.SchedContextUnbind);
      world.signal(elsewhere);
      world.wait(aside);
      world.expectCurrent(server);
      world.replyRecv(endpoint, reply);
      expect(clients[1]!.tcb.state).toBe(threadState.blockedOnReply);
      expect([second, server.tcb.schedContext === sc]).toEqual([second, second === 'active']);
      expect([second, server.tcb.schedContext === null]).toEqual([second, second !== 'active']);
    }
  });

  it('a new priority moves a sender that waits', () => {
    const world = new World();
    const endpoint = world.endpoint();
    const aside = world.notification();
    const senders = [110, 109, 108].map((priority) => world.thread({ priority, budget: 1000 }));
    world.wait(aside);
    for (const [i] of senders.entries()) world.send(endpoint, [i]);
    world.interruptRoot(aside);
    world.must(senders[2]!.cap, label.TCBSetPriority, [200], [initialCap.tcb]);
    const order = senders.map(() => {
      world.wait(endpoint);
      return world.message().words[0];
    });
    expect(order).toEqual([2n, 0n, 1n]);
  });

  it('an endpoint that goes stops those whose faults wait at it, and starts receivers again', () => {
    const world = new World();
    const [endpoint, faults] = [world.endpoint(), world.endpoint()];
    const end = world.copy(faults);
    const faulted = [111, 110].map((priority) => world.thread({ priority, budget: 1000, faultEndpoint: end }));
    const receivers = [109, 108].map((priority) => world.thread({ priority, budget: 1000 }));
    const reply = world.reply();
    const aside = world.stepAside();
    for (const _ of faulted) world.exception(exceptions.illegalInstruction);
    world.wait(endpoint);
    world.recv(endpoint, reply);
    world.interruptRoot(aside);
    world.revoke(faults);
    for (const { cap } of faulted) {
      world.must(cap, label.TCBSetSpace, [0, 0], [0, initialCap.cNode, initialCap.vspace]);
    }
    world.delete(faults);
    expect(faulted.map(({ tcb }) => tcb.state)).toEqual(Array(2).fill(threadState.inactive));
    world.delete(endpoint);
    expect(receivers.map(({ tcb }) => tcb.state)).toEqual(Array(2).fill(threadState.restart));
    expect(receivers.every(({ tcb }) => tcb.replyObject === null)).toBe(true);
  });

  it('cancelling the sends with a badge leaves receivers alone, whatever they sent before', () => {
    const world = new World();
    const endpoint = world.endpoint();
    const five = world.mint(endpoint, 5);
    const thread = world.thread({ priority: 110, budget: 1000 });
    const aside = world.notification();
    world.wait(aside);
    world.send(five);
    world.interruptRoot(aside);
    world.wait(endpoint);
    expect(world.badge).toBe(5n);
    world.wait(aside);
    world.expectCurrent(thread);
    world.wait(endpoint);
    world.interruptRoot(aside);
    world.must(initialCap.cNode, label.CNodeCancelBadgedSends, [five, 64]);
    expect(thread.tcb.state).toBe(threadState.blockedOnReceive);
  });
});

describe('a sporadic thread that has waited for longer than its period', () => {
  /** How it waits, and how the root thread, later, ends that. */
  const waits: Record<
    string,
    { begin(w: World, on: number): void; end(w: World, on: number): void; on: 'endpoint' | 'notification' }
  > = {
    'for a signal': { on: 'notification', begin: (w, on) => w.wait(on), end: (w, on) => w.signal(on) },
    'for a message': { on: 'endpoint', begin: (w, on) => w.wait(on), end: (w, on) => w.send(on) },
    'to send': { on: 'endpoint', begin: (w, on) => w.send(on), end: (w, on) => w.wait(on) },
    'for an endpoint that goes': { on: 'endpoint', begin: (w, on) => w.wait(on), end: (w, on) => w.delete(on) },
    'to send to an endpoint that goes': { on: 'endpoint', begin: (w, on) => w.send(on), end: (w, on) => w.delete(on) },
    'for a notification that goes': { on: 'notification', begin: (w, on) => w.wait(on), end: (w, on) => w.delete(on) },
  };
  for (const [how, { on, begin, end }] of Object.entries(waits)) {
    it(`${how}, has one refill from now on`, () => {
      const world = new World();
      const what = world[on]();
      const thread = world.thread({ priority: 110, budget: 1000, period: 5000, sporadic: true, extraRefills: 4 });
      const sc = thread.tcb.schedContext!;
      const aside = world.stepAside();
      world.runUntil(world.now() + 300);
      begin(world, what);
      world.interruptRoot(aside);
      expect(refillsOf(sc)).toHaveLength(2);
      world.runUntil(world.now() + 7000);
      expect(refillsOf(sc)).toHaveLength(2);
      end(world, what);
      expect(thread.tcb.state === threadState.running || thread.tcb.state === threadState.restart).toBe(true);
      expect(refillsOf(sc)).toEqual([{ time: world.kernel.node.time, amount: 10_000 }]);
    });
  }
});

describe('a notification', () => {
  it('that is bound and active is what a receiver gets, before any message', () => {
    for (const blocking of [true, false]) {
      const world = new World();
      const endpoint = world.endpoint();
      const reply = world.reply();
      const notification = world.notification();
      const server = world.thread({ priority: 110, budget: 1000 });
      world.must(server.cap, label.TCBBindNotification, [], [notification]);
      world.signal(world.mint(notification, 3));
      world.stepAside();
      world.recv(endpoint, reply, blocking ? systemCall.recv : systemCall.nbRecv);
      world.expectCurrent(server);
      expect(world.badge).toBe(3n);
      // It has been taken.
      world.recv(endpoint, reply, systemCall.nbRecv);
      expect(world.badge).toBe(0n);
    }
  });

  it('wakes its bound thread out of a receive only, and not once it is unbound', () => {
    for (const what of ['sends', 'receives', 'receives unbound'] as const) {
      const world = new World();
      const endpoint = world.endpoint();
      const notification = world.notification();
      const thread = world.thread({ priority: 110, budget: 1000 });
      world.must(thread.cap, label.TCBBindNotification, [], [notification]);
      const aside = world.stepAside();
      if (what === 'sends') world.send(endpoint);
      else world.wait(endpoint);
      world.interruptRoot(aside);
      if (what === 'receives unbound') world.must(thread.cap, label.TCBUnbindNotification);
      world.signal(notification);
      expect([what, thread.tcb.state === threadState.running]).toEqual([what, what === 'receives']);
      if (what === 'receives unbound') {
        // It can be bound to another, and another to it.
        world.must(thread.cap, label.TCBBindNotification, [], [world.notification()]);
        world.must(initialCap.tcb, label.TCBBindNotification, [], [notification]);
      }
    }
  });

  it('lends its context to a passive thread that it wakes, once, and gets it back when that waits again', () => {
    for (const waits of ['for it', 'for messages', 'and polls'] as const) {
      const world = new World();
      const endpoint = world.endpoint();
      const reply = world.reply();
      const notification = world.notification();
      const sc = world.make(objectType.schedContext, 8);
      expect(world.configure(sc, { budget: 1000 }).label).toBe(0);
      world.must(sc, label.SchedContextBind, [], [notification]);
      const [thread, second] = [110, 105].map((priority) => world.thread({ priority, budget: 1000 })) as [
        Thread,
        Thread,
      ];
      world.must(thread.cap, label.TCBBindNotification, [], [notification]);
      const aside = world.stepAside();
      world.recv(endpoint, reply);
      world.wait(aside);
      world.interruptRoot(aside);
      for (const each of [thread, second]) makePassive(world, each);
      world.signal(world.mint(notification, 4));
      const lent = thread.tcb.schedContext;
      expect(lent !== null).toBe(true);
      world.wait(aside);
      world.expectCurrent(thread);
      if (waits === 'for it') world.wait(notification);
      else world.recv(endpoint, reply, waits === 'and polls' ? systemCall.nbRecv : systemCall.recv);
      expect([waits, thread.tcb.schedContext === lent]).toEqual([waits, waits === 'and polls']);
      expect(lent!.tcb === null).toBe(waits !== 'and polls');
    }
  });

  it('keeps its context from a thread that has its own, and from a second one', () => {
    const world = new World();
    const notification = world.notification();
    const sc = world.make(objectType.schedContext, 8);
    expect(world.configure(sc, { budget: 1000 }).label).toBe(0);
    world.must(sc, label.SchedContextBind, [], [notification]);
    const threads = [110, 109, 108].map((priority) => world.thread({ priority, budget: 1000 }));
    const own = threads[0]!.tcb.schedContext;
    const aside = world.stepAside();
    for (const _ of threads) world.wait(notification);
    world.interruptRoot(aside);
    for (const each of threads.slice(1)) makePassive(world, each);
    world.signal(notification);
    expect(threads[0]!.tcb.schedContext === own).toBe(true);
    world.signal(notification);
    const lent = threads[1]!.tcb.schedContext;
    expect(lent !== null).toBe(true);
    world.signal(notification);
    expect([threads[1]!.tcb.schedContext === lent, threads[2]!.tcb.schedContext === null]).toEqual([true, true]);
    expect(threads.map(({ tcb }) => tcb.state)).toEqual(Array(3).fill(threadState.running));
    // Without time it does not run, though it is awake.
    world.wait(aside);
    world.expectCurrent(threads[0]!);
  });

  it('lends a context that is used up to a thread that has to wait for it, and one that has been idle afresh', () => {
    for (const how of ['used up', 'used a period ago'] as const) {
      for (const on of ['endpoint', 'notification'] as const) {
        const world = new World();
        const [endpoint, notification] = [world.endpoint(), world.notification()];
        const reply = world.reply();
        const own = world.make(objectType.schedContext, 8);
        world.configure(own, { budget: 1000, period: 5000, sporadic: true, extraRefills: 4 });
        world.must(own, label.SchedContextBind, [], [notification]);
        const server = world.thread({ priority: 120, budget: 1000 });
        world.must(server.cap, label.TCBBindNotification, [], [notification]);
        const client = world.thread({ priority: 110, budget: 20_000 });
        const aside = world.stepAside();
        world.recv(endpoint, reply);
        world.interruptRoot(aside);
        makePassive(world, server);
        world.signal(notification);
        const sc = server.tcb.schedContext!;
        world.wait(aside);
        world.expectCurrent(server);
        if (how === 'used up') {
          world.runUntil(world.now() + 1000);
          world.interruptRoot(aside);
          world.must(own, label.SchedContextUnbindObject, [], [server.cap]);
          world.must(server.sc, label.SchedContextBind, [], [server.cap]);
          world.wait(aside);
          world.recv(endpoint, reply);
          world.interruptRoot(aside);
          makePassive(world, server);
          world.wait(aside);
        } else {
          world.runUntil(world.now() + 300);
          world.recv(endpoint, reply);
          expect(refillsOf(sc)).toHaveLength(2);
        }
        world.expectCurrent(client);
        world.call(endpoint);
        world.expectCurrent(server);
        if (how === 'used a period ago') world.runUntil(world.now() + 7000);
        world.interruptRoot(aside);
        world.signal(notification);
        world.wait(aside);
        world.expectCurrent(server);
        // It answers on the client's time, and takes the signal on the notification's.
        world.replyRecv(on === 'endpoint' ? endpoint : notification, reply);
        expect(server.tcb.schedContext === sc).toBe(true);
        expect([how, on, server.tcb.inReleaseQueue]).toEqual([how, on, how === 'used up']);
        if (how === 'used a period ago') expect(refillsOf(sc)).toHaveLength(1);
        else world.expectCurrent(client);
      }
    }
  });

  it('gets its context back from a thread that receives, even one that a message is there for', () => {
    for (const sends of ['send', 'call'] as const) {
      const world = new World();
      const [endpoint, notification] = [world.endpoint(), world.notification()];
      const reply = world.reply();
      const lent = world.make(objectType.schedContext, 8);
      world.configure(lent, { budget: 1000 });
      world.must(lent, label.SchedContextBind, [], [notification]);
      const server = world.thread({ priority: 120, budget: 1000 });
      world.must(server.cap, label.TCBBindNotification, [], [notification]);
      const client = world.thread({ priority: 110, budget: 1000 });
      const aside = world.stepAside();
      world.wait(notification);
      world[sends](endpoint);
      world.interruptRoot(aside);
      makePassive(world, server);
      world.signal(notification);
      world.wait(aside);
      world.expectCurrent(server);
      world.recv(endpoint, reply);
      expect(server.tcb.state).toBe(threadState.running);
      // On the time of a caller it goes on; the message of another it has, and no time.
      if (sends === 'call') world.expectCurrent(server);
      else world.expectCurrent(client);
      expect([sends, server.tcb.schedContext === null]).toEqual([sends, sends === 'send']);
    }
  });

  it('without a context is bound to a passive server, which answers and waits', () => {
    const world = new World();
    const [endpoint, notification] = [world.endpoint(), world.notification()];
    const reply = world.reply();
    const server = world.thread({ priority: 120, budget: 1000 });
    world.must(server.cap, label.TCBBindNotification, [], [notification]);
    const client = world.thread({ priority: 110, budget: 1000 });
    const aside = world.stepAside();
    world.recv(endpoint, reply);
    world.interruptRoot(aside);
    makePassive(world, server);
    world.wait(aside);
    for (let i = 0; i < 2; i++) {
      world.call(endpoint);
      world.expectCurrent(server);
      // More words than the fast path takes.
      world.replyRecv(endpoint, reply, [1, 2, 3, 4, 5]);
      world.expectCurrent(client);
      expect(server.tcb.state).toBe(threadState.blockedOnReceive);
    }
  });

  it('lends even a context that has no budget yet, with which nobody runs until it is configured', () => {
    for (const waits of ['before', 'after'] as const) {
      const world = new World();
      const [endpoint, notification] = [world.endpoint(), world.notification()];
      const reply = world.reply();
      const empty = world.make(objectType.schedContext, 8);
      world.must(empty, label.SchedContextBind, [], [notification]);
      const server = world.thread({ priority: 120, budget: 1000 });
      const client = world.thread({ priority: 110, budget: 1000 });
      const aside = world.stepAside();
      if (waits === 'before') world.wait(notification);
      else world.recv(endpoint, reply);
      world.interruptRoot(aside);
      makePassive(world, server);
      world.signal(notification);
      world.wait(aside);
      world.expectCurrent(client);
      if (waits === 'after') {
        world.call(endpoint);
        world.expectCurrent(server);
        world.replyRecv(notification, reply);
        world.expectCurrent(client);
      }
      expect([server.tcb.state, server.tcb.schedContext !== null]).toEqual([threadState.running, true]);
      world.interruptRoot(aside);
      world.configure(empty, { budget: 1000 });
      world.wait(aside);
      world.expectCurrent(server);
    }
  });
});
