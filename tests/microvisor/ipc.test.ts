import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ipcBuffer } from '../../microvisor/abi/ipc-buffer.ts';
import { messageInfoWord } from '../../microvisor/abi/message-info.ts';
import { right } from '../../microvisor/abi/rights.ts';
import { callRegister } from '../../microvisor/abi/system-calls.ts';
import { allRights, capType, initialCap, label, systemCall, type Thread, threadState, World } from './world.ts';

/** A passive or active server that waits on an endpoint with a reply object, and the root thread out of the way. */
function serve(world: World, server: Thread, endpoint: number, reply: number): void {
  world.expectCurrent(server);
  world.recv(endpoint, reply);
}

/** A thread names a slot of the root's CNode for the capability of the next message. */
function prepareReceiveSlot(world: World, { tcb }: Thread, slot: number): void {
  world.setBufferWord(tcb, ipcBuffer.receiveCNode, BigInt(initialCap.cNode));
  world.setBufferWord(tcb, ipcBuffer.receiveIndex, BigInt(slot));
  world.setBufferWord(tcb, ipcBuffer.receiveDepth, 64n);
}

describe('IPC', () => {
  it('call and reply deliver payload and length exactly', () => {
    for (const length of [0, 1, 3, 4, 5, 6, 63, 119, 120]) {
      const world = new World();
      const endpoint = world.endpoint();
      const badged = world.mint(endpoint, 0xbad9e);
      const reply = world.reply();
      const server = world.thread({ priority: 120, budget: 1000 });
      const client = world.thread({ priority: 110, budget: 1000 });
      world.stepAside();
      serve(world, server, endpoint, reply);
      world.expectCurrent(client);
      const words = Array.from({ length }, (_, i) => BigInt(i) * 0x0101_0101_0101_0101n);
      world.call(badged, 42, words);
      world.expectCurrent(server);
      expect(world.message()).toMatchObject({ label: 42, words, badge: 0xbad9en });
      world.replyRecv(endpoint, reply, [...words].reverse(), 99);
      world.expectCurrent(client);
      expect(world.message()).toMatchObject({ label: 99, words: [...words].reverse(), badge: 0n });
    }
  });

  it('a message longer than 120 words arrives as 120, and without buffers as 4', () => {
    const world = new World();
    const endpoint = world.endpoint();
    const receiver = world.thread({ priority: 120, budget: 1000 });
    const sender = world.thread({ priority: 110, budget: 1000 });
    world.stepAside();
    world.wait(endpoint);
    world.expectCurrent(sender);
    world.setMessage(0, []);
    world.current().context.setX(callRegister.messageInfo, messageInfoWord({ length: 127 }));
    world.current().context.setX(callRegister.capability, BigInt(endpoint));
    world.ecall(systemCall.send);
    world.expectCurrent(receiver);
    expect(world.message().words).toHaveLength(120);
  });

  it('callers queue by priority, then arrival', () => {
    const world = new World();
    const endpoint = world.endpoint();
    const reply = world.reply();
    const arrivals = [50, 70, 60, 50, 70, 60].map((priority, index) => ({ priority, index }));
    for (const { priority, index } of arrivals) {
      const caller = world.thread({ priority, budget: 1000 });
      const aside = world.stepAside();
      world.expectCurrent(caller);
      world.call(endpoint, index);
      expect(caller.tcb.state).toBe(threadState.blockedOnSend);
      world.interruptRoot(aside);
    }
    const served = arrivals.map(() => {
      world.recv(endpoint, reply);
      return world.message().label;
    });
    const order = [...arrivals].sort((a, b) => b.priority - a.priority || a.index - b.index);
    expect(served).toEqual(order.map(({ index }) => index));
  });

  it('receivers queue by priority, then arrival, and a new priority counts at once', () => {
    const world = new World();
    const notification = world.notification();
    const arrivals = [50, 70, 60, 50].map((priority) => {
      const thread = world.thread({ priority, budget: 1000 });
      const aside = world.stepAside();
      world.expectCurrent(thread);
      world.wait(notification);
      world.interruptRoot(aside);
      return thread;
    });
    // The last to come, now as urgent as the second, waits behind it.
    world.must(arrivals[3]!.cap, label.TCBSetPriority, [70], [initialCap.tcb]);
    const woken = arrivals.map(() => {
      world.signal(notification);
      const running = arrivals.findIndex(({ tcb }) => tcb.state === threadState.running);
      world.must(arrivals[running]!.cap, label.TCBSuspend);
      return running;
    });
    expect(woken).toEqual([1, 3, 2, 0]);
  });

  it('a notification merges, is never lost and never blocks the sender', () => {
    const badges = fc.bigInt({ min: 1n, max: 2n ** 64n - 1n });
    fc.assert(
      fc.property(fc.array(fc.option(badges, { freq: 3 }), { maxLength: 30 }), (steps) => {
        const world = new World();
        const notification = world.notification();
        let pending = 0n;
        for (const badge of steps) {
          if (badge === null) {
            world.recv(notification, 0, systemCall.nbWait);
            expect(world.badge).toBe(pending);
            pending = 0n;
          } else {
            const end = world.mint(notification, badge);
            world.signal(end);
            pending |= badge;
            world.delete(end);
          }
          expect(world.current().name).toBe('rootserver');
        }
        // A signal that finds a thread waiting goes to it, and to no one else.
        world.recv(notification, 0, systemCall.nbWait);
        const waiters = [world.thread({ priority: 110, budget: 1000 }), world.thread({ priority: 109, budget: 1000 })];
        const aside = world.stepAside();
        for (const waiter of waiters) {
          world.expectCurrent(waiter);
          world.wait(notification);
        }
        world.interruptRoot(aside);
        world.signal(world.mint(notification, 3));
        expect(waiters.map(({ tcb }) => tcb.state)).toEqual([threadState.running, threadState.blockedOnNotification]);
        expect(waiters[0]!.tcb.context.x(callRegister.badge)).toBe(3n);
        expect(world.current().name).toBe('rootserver');
      }),
      { numRuns: 12 },
    );
  });

  it('a thread that receives from an endpoint takes the signals of its bound notification', () => {
    const world = new World();
    const endpoint = world.endpoint();
    const reply = world.reply();
    const notification = world.notification();
    const server = world.thread({ priority: 120, budget: 1000 });
    world.must(server.cap, label.TCBBindNotification, [], [notification]);
    const signaller = world.thread({ priority: 110, budget: 1000 });
    const badged = world.mint(notification, 0x80);
    world.stepAside();
    serve(world, server, endpoint, reply);
    world.expectCurrent(signaller);
    world.signal(badged);
    world.expectCurrent(server);
    expect(world.badge).toBe(0x80n);
    expect(server.tcb.replyObject === null).toBe(true);
  });

  it('an end without the right cannot call', () => {
    for (const object of ['endpoint', 'notification'] as const) {
      const world = new World();
      const made = world[object]();
      const readOnly = world.copy(made, right.read | right.grant | right.grantReply);
      const writeOnly = world.copy(made, right.write | right.grant | right.grantReply);
      const faults = world.endpoint();
      const badged = world.mint(faults, 9);
      // No peer: whoever were let through would block, or leave a signal behind.
      expect(world.invoke(readOnly, 0)).toMatchObject({ label: 2, words: [0n] });
      for (const number of [systemCall.send, systemCall.nbSend]) {
        world.send(readOnly, [], [], number);
        expect(world.current().name).toBe('rootserver');
      }
      for (const number of [systemCall.recv, systemCall.nbRecv, systemCall.wait, systemCall.nbWait]) {
        const thread = world.thread({ priority: 100, budget: 1000, faultEndpoint: badged });
        world.wait(faults);
        world.expectCurrent(thread);
        world.recv(writeOnly, 0, number);
        // A CapFault in the receive phase: MissingCapability.
        expect(world.message()).toMatchObject({ label: 1, badge: 9n });
        expect(world.message().words.slice(1)).toEqual([BigInt(writeOnly), 1n, 2n, 0n]);
      }
      world.recv(made, 0, systemCall.nbWait);
      expect(world.badge).toBe(0n);
    }
  });

  it('a call without grant or grant-reply leaves the caller waiting for an answer that cannot come', () => {
    const world = new World();
    const endpoint = world.endpoint();
    const plain = world.copy(endpoint, right.write);
    const reply = world.reply();
    const server = world.thread({ priority: 120, budget: 1000 });
    const client = world.thread({ priority: 110, budget: 1000 });
    world.stepAside();
    serve(world, server, endpoint, reply);
    world.expectCurrent(client);
    world.call(plain, 1);
    world.expectCurrent(server);
    expect(client.tcb.state).toBe(threadState.inactive);
  });

  it('a reply cap is used once', () => {
    const world = new World();
    const endpoint = world.endpoint();
    const reply = world.reply();
    const server = world.thread({ priority: 120, budget: 1000 });
    const client = world.thread({ priority: 110, budget: 1000 });
    world.stepAside();
    serve(world, server, endpoint, reply);
    world.expectCurrent(client);
    world.call(endpoint, 1);
    world.send(reply, [7]);
    expect(client.tcb.state).toBe(threadState.running);
    world.send(reply, [8]);
    world.replyRecv(endpoint, reply, [9]);
    world.expectCurrent(client);
    expect(world.message().words).toEqual([7n]);
    // Nor does the answer to one call serve the next.
    world.call(endpoint, 2);
    world.expectCurrent(server);
    expect(client.tcb.state).toBe(threadState.blockedOnReply);
    world.replyRecv(endpoint, reply, [10]);
    expect(world.message().words).toEqual([10n]);
  });

  it('when a server dies mid-call its supervisor answers the caller', () => {
    const peerDied = 57_005;
    for (const isPassive of [false, true]) {
      const world = new World();
      const endpoint = world.endpoint();
      const reply = world.reply();
      const supervised = world.copy(reply);
      const server = world.thread({ priority: 120, budget: 1000 });
      const client = world.thread({ priority: 110, budget: 1000 });
      const aside = world.stepAside();
      serve(world, server, endpoint, reply);
      if (isPassive) {
        world.interruptRoot(aside);
        world.must(server.sc, label.SchedContextUnbindObject, [], [server.cap]);
        world.wait(aside);
      }
      world.expectCurrent(client);
      const sc = client.tcb.schedContext;
      world.call(endpoint, 1);
      world.expectCurrent(server);
      world.interruptRoot(aside);
      world.delete(server.cap);
      world.delete(reply);
      expect(client.tcb.state).toBe(threadState.blockedOnReply);
      world.setMessage(peerDied, [1]);
      world.current().context.setX(callRegister.capability, BigInt(supervised));
      world.ecall(systemCall.send);
      world.wait(aside);
      world.expectCurrent(client);
      expect(client.tcb.schedContext === sc).toBe(true);
      expect(world.message()).toMatchObject({ label: peerDied, words: [1n] });
    }
  });

  it('capability transfer obeys grant and grant-reply', () => {
    const withoutGrant = right.write | right.read | right.grantReply;
    for (const there of [allRights, withoutGrant, right.write | right.grant]) {
      for (const back of [allRights, withoutGrant]) {
        const world = new World();
        const endpoint = world.endpoint();
        const clientEnd = world.copy(endpoint, there);
        const reply = world.reply();
        const serverReply = world.copy(reply, back);
        const gifts = [world.notification(), world.notification()];
        const into = [world.freeSlot(), world.freeSlot()];
        const server = world.thread({ priority: 120, budget: 1000 });
        const client = world.thread({ priority: 110, budget: 1000 });
        prepareReceiveSlot(world, server, into[0]!);
        prepareReceiveSlot(world, client, into[1]!);
        world.stepAside();
        serve(world, server, endpoint, serverReply);
        world.expectCurrent(client);
        world.call(clientEnd, 1, [1], [gifts[0]!]);
        world.expectCurrent(server);
        const arrives = (there & right.grant) !== 0;
        expect(world.message().extraCaps).toBe(arrives ? 1 : 0);
        expect(world.cap(into[0]!).type).toBe(arrives ? capType.notification : capType.null);
        world.setMessage(0, [2], [gifts[1]!]);
        world.recv(endpoint, serverReply, systemCall.replyRecv);
        world.expectCurrent(client);
        const returns = (back & right.grant) !== 0;
        expect(world.message()).toMatchObject({ extraCaps: returns ? 1 : 0, words: [2n] });
        expect(world.cap(into[1]!).type).toBe(returns ? capType.notification : capType.null);
      }
    }
  });

  it('a capability arrives only where a receive slot has been prepared, and is empty', () => {
    for (const { prepared, taken } of [
      { prepared: false, taken: false },
      { prepared: true, taken: true },
    ]) {
      const world = new World();
      const endpoint = world.endpoint();
      const gift = world.notification();
      const into = taken ? world.endpoint() : world.freeSlot();
      const receiver = world.thread({ priority: 120, budget: 1000 });
      world.thread({ priority: 110, budget: 1000 });
      if (prepared) prepareReceiveSlot(world, receiver, into);
      world.stepAside();
      world.expectCurrent(receiver);
      world.wait(endpoint);
      world.send(endpoint, [1], [gift]);
      world.expectCurrent(receiver);
      expect(world.message()).toMatchObject({ extraCaps: 0, words: [1n] });
      expect(world.cap(into).type).toBe(taken ? capType.endpoint : capType.null);
    }
  });

  it('a capability to the endpoint itself arrives as its badge', () => {
    const world = new World();
    const endpoint = world.endpoint();
    const badged = world.mint(endpoint, 77);
    const receiver = world.thread({ priority: 120, budget: 1000 });
    world.thread({ priority: 110, budget: 1000 });
    world.stepAside();
    world.wait(endpoint);
    world.send(endpoint, [], [badged, badged]);
    world.expectCurrent(receiver);
    expect(world.message()).toMatchObject({ extraCaps: 2, capsUnwrapped: 3 });
    expect(world.bufferWord(receiver.tcb, ipcBuffer.capsOrBadges)).toBe(77n);
  });

  it('NBSend without a receiver is dropped, and NBRecv without a sender finds nothing', () => {
    const world = new World();
    const endpoint = world.endpoint();
    const reply = world.reply();
    world.send(endpoint, [1], [], systemCall.nbSend);
    expect(world.current().name).toBe('rootserver');
    world.recv(endpoint, reply, systemCall.nbRecv);
    expect(world.badge).toBe(0n);
    expect(world.current().name).toBe('rootserver');
  });
});
