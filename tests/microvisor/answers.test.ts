// Answers to calls, and the budget that a caller has when its answer comes.

import { describe, expect, it } from 'vitest';
import { refillHead } from '../../microvisor/sporadic.ts';
import { refillsOf } from './refills.ts';
import { label, type Thread, threadState, World } from './world.ts';

const timeoutFault = 5;

interface Meeting {
  world: World;
  endpoint: number;
  reply: number;
  faults: number;
  server: Thread;
  client: Thread;
  aside: number;
}

/** A server at 120, with time of its own or passive, that waits; and a sporadic client at 110 that runs. */
function meeting(options: { passive?: boolean; timeouts?: boolean } = {}): Meeting {
  const world = new World();
  const [endpoint, faults] = [world.endpoint(), world.endpoint()];
  const reply = world.reply();
  const server = world.thread({ priority: 120, budget: 10_000 });
  const client = world.thread({ priority: 110, budget: 1000, period: 5000, sporadic: true, extraRefills: 4 });
  if (options.timeouts) world.must(client.cap, label.TCBSetTimeoutEndpoint, [], [faults]);
  const aside = world.stepAside();
  world.expectCurrent(server);
  world.recv(endpoint, reply);
  if (options.passive) {
    world.interruptRoot(aside);
    world.must(server.sc, label.SchedContextUnbindObject, [], [server.cap]);
    world.wait(aside);
  }
  world.expectCurrent(client);
  return { world, endpoint, reply, faults, server, client, aside };
}

describe('an answer', () => {
  it('to a reply object that nobody has called through does nothing', () => {
    const { world, reply, server, aside } = meeting();
    world.interruptRoot(aside);
    expect(server.tcb.state).toBe(threadState.blockedOnReceive);
    world.send(reply, [1]);
    expect(server.tcb.state).toBe(threadState.blockedOnReceive);
    expect(server.tcb.replyObject !== null).toBe(true);
  });

  it('finds a sporadic caller’s refills afresh: what came back meanwhile is usable from now', () => {
    const { world, endpoint, reply, client } = meeting();
    const sc = client.tcb.schedContext!;
    world.runUntil(world.now() + 300);
    world.call(endpoint, 1);
    expect([...refillsOf(sc)]).toHaveLength(2);
    // The server takes its time: longer than the client's period.
    world.runUntil(world.now() + 7000);
    world.replyRecv(endpoint, reply);
    world.expectCurrent(client);
    expect([...refillsOf(sc)]).toHaveLength(1);
    expect(Math.abs(refillHead(sc).time / 10 - world.now())).toBeLessThan(10);
  });

  it('leaves the refills alone that a passive server has just been using', () => {
    const { world, endpoint, reply, client } = meeting({ passive: true });
    const sc = client.tcb.schedContext!;
    const start = world.now();
    world.call(endpoint, 1);
    world.runUntil(start + 300);
    // Not by the short way of ReplyRecv.
    world.send(reply);
    world.expectCurrent(client);
    world.runUntil(start + 1010);
    expect(world.isIdle).toBe(true);
    expect(Math.abs(refillHead(sc).time / 10 - (start + 5000))).toBeLessThan(10);
  });

  it('lets a caller go on that has budget, whoever handles its timeouts', () => {
    const { world, endpoint, reply, client } = meeting({ timeouts: true });
    world.call(endpoint, 1);
    world.replyRecv(endpoint, reply);
    world.expectCurrent(client);
    expect(client.tcb.fault === null).toBe(true);
  });

  it('to a caller without budget is a timeout if someone handles those, and waits for the next period otherwise', () => {
    for (const timeouts of [true, false]) {
      // A passive server has used up the caller's budget; someone else answers.
      const { world, endpoint, reply, faults, server, client, aside } = meeting({ timeouts, passive: true });
      const sc = client.tcb.schedContext!;
      world.call(endpoint, 1);
      world.runUntil(world.now() + 1000);
      expect([world.isIdle, server.tcb.inReleaseQueue]).toEqual([true, true]);
      world.interruptRoot(aside);
      world.send(reply, [4]);
      expect([client.tcb.schedContext === sc, server.tcb.inReleaseQueue]).toEqual([true, false]);
      if (timeouts) {
        expect([client.tcb.state, client.tcb.inReleaseQueue]).toEqual([threadState.blockedOnSend, false]);
        world.wait(faults);
        expect(world.message().label).toBe(timeoutFault);
      } else {
        expect([client.tcb.state, client.tcb.inReleaseQueue]).toEqual([threadState.running, true]);
        world.wait(aside);
        expect(world.isIdle).toBe(true);
        world.runUntil(refillHead(sc).time / 10);
        world.expectCurrent(client);
        expect(world.message().words).toEqual([4n]);
      }
    }
  });
});
