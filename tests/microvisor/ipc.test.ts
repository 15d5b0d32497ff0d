import { describe, expect, it } from 'vitest';
import { ipcBuffer } from '../../microvisor/abi/ipc-buffer.ts';
import { messageInfoWord } from '../../microvisor/abi/message-info.ts';
import { right } from '../../microvisor/abi/rights.ts';
import { callRegister } from '../../microvisor/abi/system-calls.ts';
import { allRights, capType, label, systemCall, type Thread, threadState, World } from './world.ts';

/** A passive or active server that waits on an endpoint with a reply object, and the root thread out of the way. */
function serve(world: World, server: Thread, endpoint: number, reply: number): void {
  world.expectCurrent(server);
  world.recv(endpoint, reply);
}

describe('IPC', () => {
  it('call and reply deliver payload and length exactly', () => {
    for (const length of [0, 1, 4, 5, 63, 120]) {
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
    const callers = [50, 60, 50, 70].map((priority) => world.thread({ priority, budget: 1000 }));
    const aside = world.notification();
    world.wait(aside);
    // Each runs when those above it are blocked.
    const arrivals: { priority: number; address: bigint }[] = [];
    while (!world.isIdle) {
      const { priority, address } = world.current();
      arrivals.push({ priority, address: BigInt(address) });
      world.send(endpoint, [0, address]);
    }
    expect(arrivals.map(({ priority }) => priority)).toEqual([70, 60, 50, 50]);
    expect(callers).toHaveLength(arrivals.length);
    const order = arrivals.map(({ address }) => address);
    world.interruptRoot(aside);
    const seen = order.map(() => {
      world.wait(endpoint);
      return world.message().words[1];
    });
    expect(seen).toEqual(order);
  });

  it('a notification merges, is never lost and never blocks the sender', () => {
    const world = new World();
    const notification = world.notification();
    for (const badge of [1, 4, 16]) world.signal(world.mint(notification, badge));
    world.wait(notification);
    expect(world.badge).toBe(21n);
    world.recv(notification, 0, systemCall.nbWait);
    expect(world.badge).toBe(0n);
    expect(world.current().name).toBe('rootserver');
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

  it('an end without the right cannot call, send or receive', () => {
    const world = new World();
    const endpoint = world.endpoint();
    const readOnly = world.copy(endpoint, right.read);
    const writeOnly = world.copy(endpoint, right.write);
    expect(world.invoke(readOnly, 0)).toMatchObject({ label: 2, words: [0n] });
    const faults = world.endpoint();
    const thread = world.thread({ priority: 100, budget: 1000, faultEndpoint: faults });
    world.wait(faults);
    world.expectCurrent(thread);
    world.wait(writeOnly);
    // A CapFault in the receive phase: MissingCapability.
    expect(world.message()).toMatchObject({ label: 1 });
    expect(world.message().words.slice(1)).toEqual([BigInt(writeOnly), 1n, 2n, 0n]);
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

  it('a reply capability is used once', () => {
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
    world.wait(world.slot(1).cap.type === capType.thread ? endpoint : 0);
    world.expectCurrent(client);
    expect(world.message().words).toEqual([7n]);
  });

  it('a server that dies in a call leaves its caller to whoever holds the reply object', () => {
    const world = new World();
    const endpoint = world.endpoint();
    const reply = world.reply();
    const supervised = world.copy(reply);
    const server = world.thread({ priority: 120, budget: 1000 });
    const client = world.thread({ priority: 110, budget: 1000 });
    const aside = world.stepAside();
    serve(world, server, endpoint, reply);
    world.expectCurrent(client);
    world.call(endpoint, 1);
    world.expectCurrent(server);
    world.interruptRoot(aside);
    world.delete(server.cap);
    expect(client.tcb.state).toBe(threadState.blockedOnReply);
    world.send(supervised, [1], []);
    world.wait(aside);
    world.expectCurrent(client);
    expect(world.message().words).toEqual([1n]);
  });

  it('capability transfer obeys grant, and needs a receive slot', () => {
    for (const { rights, prepared, arrives } of [
      { rights: allRights, prepared: true, arrives: true },
      { rights: allRights, prepared: false, arrives: false },
      { rights: right.write | right.read | right.grantReply, prepared: true, arrives: false },
    ]) {
      const world = new World();
      const endpoint = world.endpoint();
      const sendEnd = world.copy(endpoint, rights);
      const gift = world.notification();
      const into = world.freeSlot();
      const receiver = world.thread({ priority: 120, budget: 1000 });
      world.thread({ priority: 110, budget: 1000 });
      world.stepAside();
      world.expectCurrent(receiver);
      if (prepared) {
        world.setBufferWord(receiver.tcb, ipcBuffer.receiveCNode, 2n);
        world.setBufferWord(receiver.tcb, ipcBuffer.receiveIndex, BigInt(into));
        world.setBufferWord(receiver.tcb, ipcBuffer.receiveDepth, 64n);
      }
      world.wait(endpoint);
      world.send(sendEnd, [1], [gift]);
      world.expectCurrent(receiver);
      expect(world.message().extraCaps).toBe(arrives ? 1 : 0);
      expect(world.cap(into).type).toBe(arrives ? capType.notification : capType.null);
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
