// Chains of calls along which a scheduling context is donated, and what becomes of them when a link goes out of turn.

import { describe, expect, it } from 'vitest';
import type { SchedContext } from '../../microvisor/objects.ts';
import { label, objectType, systemCall, type Thread, threadState, World } from './world.ts';

/** A client that has called passive server 0, which has called server 1, and so on: the last runs on the client's context. */
interface Chain {
  world: World;
  client: Thread;
  servers: Thread[];
  endpoints: number[];
  replies: number[];
  sc: SchedContext;
  aside: number;
  /** Who has the client's context: 'client', the number of a server, or nobody. */
  owner(): string | number;
}

function chain(length: number): Chain {
  const world = new World();
  const endpoints = Array.from({ length }, () => world.endpoint());
  const replies = endpoints.map(() => world.reply());
  const servers = endpoints.map((_, i) => world.thread({ priority: 120 + i, budget: 1000 }));
  const client = world.thread({ priority: 110, budget: 1000 });
  const aside = world.stepAside();
  for (let i = length - 1; i >= 0; i--) {
    world.expectCurrent(servers[i]!);
    world.recv(endpoints[i]!, replies[i]!);
  }
  world.interruptRoot(aside);
  for (const { sc, cap } of servers) world.must(sc, label.SchedContextUnbindObject, [], [cap]);
  world.wait(aside);
  const sc = client.tcb.schedContext!;
  for (const [i, endpoint] of endpoints.entries()) {
    world.call(endpoint, i);
    world.expectCurrent(servers[i]!);
  }
  const owner = (): string | number => {
    if (sc.tcb === client.tcb) return 'client';
    const index = servers.findIndex(({ tcb }) => tcb === sc.tcb);
    return index < 0 ? 'nobody' : index;
  };
  return { world, client, servers, endpoints, replies, sc, aside, owner };
}

describe('chains of calls', () => {
  it('lose what lies below a reply object that is deleted, and unwind above it', () => {
    const { world, client, servers, replies, endpoints, aside, owner } = chain(3);
    world.interruptRoot(aside);
    world.delete(replies[1]!);
    expect(servers[0]!.tcb.state).toBe(threadState.inactive);
    expect([client, servers[1]!].map(({ tcb }) => tcb.state)).toEqual(Array(2).fill(threadState.blockedOnReply));
    world.wait(aside);
    world.expectCurrent(servers[2]!);
    world.replyRecv(endpoints[2]!, replies[2]!);
    world.expectCurrent(servers[1]!);
    expect(owner()).toBe(1);
    // Nobody is left below: the answer of server 0 leaves the context where it is.
    world.interruptRoot(aside);
    world.send(replies[0]!);
    expect(client.tcb.state).toBe(threadState.running);
    expect(owner()).toBe(1);
  });

  it('end at a caller that stops waiting: the context stays with whom it was donated to', () => {
    const { world, client, servers, replies, endpoints, aside, owner } = chain(1);
    world.interruptRoot(aside);
    world.must(client.cap, label.TCBSuspend);
    expect([owner(), client.tcb.state]).toEqual([0, threadState.inactive]);
    world.must(client.cap, label.TCBResume);
    world.wait(aside);
    world.expectCurrent(servers[0]!);
    world.replyRecv(endpoints[0]!, replies[0]!);
    expect([world.isIdle, owner()]).toEqual([true, 0]);
  });

  it('end in the middle when a caller there stops waiting', () => {
    for (const stopped of [0, 1]) {
      const { world, client, servers, replies, endpoints, aside, owner } = chain(3);
      world.interruptRoot(aside);
      // Server `stopped` waits for the answer of the next.
      world.must(servers[stopped]!.cap, label.TCBSuspend);
      world.wait(aside);
      for (let i = 2; i > stopped + 1; i--) {
        world.expectCurrent(servers[i]!);
        world.replyRecv(endpoints[i]!, replies[i]!);
      }
      expect(owner()).toBe(stopped + 1);
      world.replyRecv(endpoints[stopped + 1]!, replies[stopped + 1]!);
      expect([world.isIdle, owner()]).toEqual([true, stopped + 1]);
      expect(client.tcb.state).toBe(threadState.blockedOnReply);
    }
  });

  it('give a caller nothing back that has got another context meanwhile', () => {
    const { world, client, servers, replies, endpoints, aside, owner } = chain(1);
    world.interruptRoot(aside);
    const other = world.make(objectType.schedContext, 8);
    expect(world.configure(other, { budget: 1000 }).label).toBe(0);
    world.must(other, label.SchedContextBind, [], [client.cap]);
    world.wait(aside);
    world.expectCurrent(servers[0]!);
    world.replyRecv(endpoints[0]!, replies[0]!, [5]);
    expect(owner()).toBe(0);
    world.expectCurrent(client);
    expect(world.message().words).toEqual([5n]);
  });

  it('survive the deletion of the context: who is called goes on when it gets another', () => {
    const { world, client, servers, replies, endpoints, aside, owner } = chain(2);
    world.interruptRoot(aside);
    world.delete(client.sc);
    expect(owner()).toBe('nobody');
    const other = world.make(objectType.schedContext, 8);
    expect(world.configure(other, { budget: 1000 }).label).toBe(0);
    world.must(other, label.SchedContextBind, [], [servers[1]!.cap]);
    world.wait(aside);
    world.expectCurrent(servers[1]!);
    world.send(replies[1]!, [6], [], systemCall.send);
    expect(servers[0]!.tcb.state).toBe(threadState.running);
    expect(servers[0]!.tcb.schedContext === null).toBe(true);
    world.recv(endpoints[1]!, replies[1]!);
    expect(world.isIdle).toBe(true);
  });

  it('a caller whose server calls in turn with a context of its own keeps its own', () => {
    const { world, client, servers, replies, endpoints, aside, owner } = chain(1);
    world.replyRecv(endpoints[0]!, replies[0]!);
    world.expectCurrent(client);
    world.interruptRoot(aside);
    world.must(servers[0]!.sc, label.SchedContextBind, [], [servers[0]!.cap]);
    world.wait(aside);
    world.call(endpoints[0]!, 1);
    world.expectCurrent(servers[0]!);
    expect(owner()).toBe('client');
    world.replyRecv(endpoints[0]!, replies[0]!);
    world.expectCurrent(client);
  });
});
