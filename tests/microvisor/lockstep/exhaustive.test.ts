// Kernel and specification in lockstep on every sequence of a few calls over a few objects.

import { describe, expect, it } from 'vitest';
import { right } from '../../../microvisor/abi/rights.ts';
import { exceptions, initialCap, label, objectType, systemCall, type World } from '../world.ts';
import type { Action, Call } from './action.ts';
import { exhaust } from './exhaustion.ts';
import { smallWorld } from './population.ts';

const { cNode, tcb, vspace } = initialCap;
const { send, nbSend, recv, nbRecv, wait, replyRecv, nbSendWait } = systemCall;

/** An invocation. */
const invoke = (cap: number, name: keyof typeof label, words: Call['words'] = [], caps: number[] = []): Call => ({
  kind: 'call',
  number: systemCall.call,
  cap,
  label: label[name],
  words,
  caps,
});
const call = (number: number, cap: number, more: Partial<Call> = {}): Call => ({ kind: 'call', number, cap, ...more });
/** In the root CNode. */
const copy = (to: number, from: number, rights = 15): Call =>
  invoke(cNode, 'CNodeCopy', [to, 64, from, 64, rights], [cNode]);
const mint = (to: number, from: number, badge: number, rights = 15): Call =>
  invoke(cNode, 'CNodeMint', [to, 64, from, 64, rights, badge], [cNode]);
const remove = (slot: number): Call => invoke(cNode, 'CNodeDelete', [slot, 64]);
const revoke = (slot: number): Call => invoke(cNode, 'CNodeRevoke', [slot, 64]);

/** The root thread becomes one among others of its priority. */
function makeWay(world: World): void {
  for (const word of [255, 150]) world.must(tcb, label.TCBSetPriority, [word], [tcb]);
}

describe('kernel and specification agree after every sequence', { timeout: 600_000 }, () => {
  it('of three calls between two threads and a passive one', () => {
    const world = smallWorld();
    const [endpoint, notification] = [world.endpoint(), world.notification()];
    const asked = world.mint(endpoint, 7, right.write | right.grantReply);
    const [first, second] = [world.reply(), world.reply()];
    const thread = world.thread({ priority: 150, budget: 300, period: 900 });
    const passive = world.thread({ priority: 160 });
    makeWay(world);
    const actions: Action[] = [
      call(systemCall.call, endpoint, { words: [1, 2] }),
      call(systemCall.call, asked),
      call(send, asked),
      call(nbSend, endpoint),
      call(recv, endpoint, { reply: first }),
      call(recv, endpoint, { reply: second }),
      call(nbRecv, endpoint, { reply: first }),
      call(wait, endpoint),
      call(replyRecv, endpoint, { reply: first }),
      call(send, first),
      call(send, notification),
      call(wait, notification),
      call(nbSendWait, notification, { reply: first }),
      call(systemCall.yield, 0),
      invoke(passive.cap, 'TCBResume'),
      invoke(thread.cap, 'TCBSuspend'),
      invoke(thread.cap, 'TCBSetPriority', [170], [tcb]),
      invoke(passive.cap, 'TCBBindNotification', [], [notification]),
      invoke(thread.sc, 'SchedContextBind', [], [notification]),
      remove(first),
      revoke(endpoint),
      { kind: 'fault', cause: exceptions.loadPageFault, address: 8 },
      { kind: 'compute', us: 400 },
    ];
    expect(exhaust(world, actions, 3).kinds).toBeGreaterThan(500);
  });

  it('of three calls while passive servers wait for one another', () => {
    const world = smallWorld();
    const endpoints = [world.endpoint(), world.endpoint(), world.endpoint()];
    const spare = world.make(objectType.schedContext, 8);
    world.configure(spare, { budget: 1000 });
    const servers = endpoints.map((endpoint) => {
      const reply = world.reply();
      const thread = world.thread({ priority: 255, budget: 1000 });
      world.must(tcb, label.TCBSetPriority, [200], [tcb]);
      world.recv(endpoint, reply);
      world.must(thread.sc, label.SchedContextUnbind);
      world.must(thread.cap, label.TCBSetPriority, [180], [tcb]);
      world.must(tcb, label.TCBSetPriority, [255], [tcb]);
      return { ...thread, reply, endpoint };
    });
    const client = world.thread({ priority: 170, budget: 1000 });
    makeWay(world);
    // The client runs: it calls the first server, which calls the second, which calls the third.
    for (const endpoint of endpoints) world.call(endpoint);
    const actions: Action[] = [
      ...servers.flatMap(({ cap, reply, endpoint }) => [
        call(send, reply),
        call(replyRecv, endpoint, { reply }),
        remove(reply),
        invoke(cap, 'TCBSuspend'),
        invoke(cap, 'TCBResume'),
      ]),
      ...[client.cap, servers[1]!.cap].map((cap) => invoke(spare, 'SchedContextBind', [], [cap])),
      invoke(client.sc, 'SchedContextUnbind'),
      remove(client.sc),
      remove(servers[1]!.cap),
    ];
    expect(exhaust(world, actions, 3).kinds).toBeGreaterThan(500);
  });

  it('of three calls that make, move and delete capabilities, in two CNodes', () => {
    const world = smallWorld();
    const untyped = world.make(objectType.untyped, 12);
    const [endpoint, node] = [world.endpoint(), world.make(objectType.capTable, 1)];
    const [a, b] = [world.freeSlot(), world.freeSlot()];
    const retype = (type: number, size: number, slot: number): Action =>
      invoke(untyped, 'UntypedRetype', [type, size, 0, 0, slot, 1], [cNode]);
    const actions: Action[] = [
      ...[retype(objectType.capTable, 1, a), retype(objectType.endpoint, 0, b), retype(objectType.tcb, 0, a)],
      ...[retype(objectType.untyped, 10, b), retype(objectType.untyped, 10, a)],
      invoke(a, 'UntypedRetype', [objectType.endpoint, 0, 0, 0, b, 1], [cNode]),
      ...[endpoint, node, untyped, vspace, tcb].map((from) => copy(a, from)),
      ...[mint(a, endpoint, 7), mint(b, a, 0, right.write), mint(b, a, 9)],
      invoke(cNode, 'CNodeMove', [b, 64, a, 64], [cNode]),
      ...[endpoint, a, node].map((from) => invoke(node, 'CNodeMove', [0, 1, from, 64], [cNode])),
      invoke(a, 'CNodeMove', [1, 1, a, 64], [cNode]),
      invoke(cNode, 'CNodeMove', [a, 64, 0, 1], [node]),
      invoke(cNode, 'CNodeMutate', [b, 64, a, 64, 5], [cNode]),
      invoke(cNode, 'CNodeRotate', [a, 64, 0, b, 64, 0, endpoint, 64], [cNode, cNode]),
      invoke(cNode, 'CNodeRotate', [a, 64, 0, b, 64, 0, a, 64], [cNode, cNode]),
      ...[a, b, node, untyped].map(remove),
      ...[a, endpoint, untyped].map(revoke),
    ];
    expect(exhaust(world, actions, 3).kinds).toBeGreaterThan(500);
  });

  it('of any calls that give badges and take them back', () => {
    const world = smallWorld();
    const endpoint = world.endpoint();
    const [a, b, c] = [world.freeSlot(), world.freeSlot(), world.freeSlot()];
    const actions: Action[] = [
      ...[mint(a, endpoint, 7), mint(b, endpoint, 7), copy(b, a), copy(c, a), copy(c, b)],
      ...[remove(a), remove(b), revoke(a), revoke(endpoint)],
      invoke(cNode, 'CNodeMove', [c, 64, a, 64], [cNode]),
    ];
    expect(exhaust(world, actions, Infinity).kinds).toBeGreaterThan(50);
  });

  it('of four calls that hand out time', () => {
    const world = smallWorld();
    const short = world.thread({ priority: 150, budget: 100, period: 500, extraRefills: 1 });
    const sporadic = world.thread({ priority: 150, budget: 100, period: 400, sporadic: true });
    makeWay(world);
    const notification = world.notification();
    const configure = (sc: number, budget: number, period: number): Call =>
      invoke(world.schedControl(), 'SchedControlConfigureFlags', [budget, period, 0, 0, 0], [sc]);
    const actions: Action[] = [
      ...[30, 90, 300].map((us) => ({ kind: 'compute', us }) as const),
      call(systemCall.yield, 0),
      call(wait, notification),
      call(send, notification),
      ...[short, sporadic].flatMap(({ sc }) => [invoke(sc, 'SchedContextYieldTo'), configure(sc, 60, 300)]),
      configure(short.sc, 200, 200),
      invoke(short.sc, 'SchedContextConsumed'),
      invoke(sporadic.cap, 'TCBSetPriority', [140], [tcb]),
    ];
    expect(exhaust(world, actions, 4).kinds).toBeGreaterThan(500);
  });

  it('of any calls that map and unmap', () => {
    const world = smallWorld();
    const [table, frame] = [world.make(objectType.pageTable), world.make(objectType.page)];
    const [other, spare] = [world.copy(frame), world.freeSlot()];
    const at = 0x60_0000;
    const actions: Action[] = [
      ...[at, at + 0x20_0000].map((address) => invoke(table, 'RISCVPageTableMap', [address, 0], [vspace])),
      ...[at, at + 4096].map((address) => invoke(frame, 'RISCVPageMap', [address, 3, 0], [vspace])),
      invoke(other, 'RISCVPageMap', [at, 1, 1], [vspace]),
      ...[frame, other].map((cap) => invoke(cap, 'RISCVPageUnmap')),
      invoke(table, 'RISCVPageTableUnmap'),
      ...[copy(spare, table), copy(spare, frame, right.read)],
      ...[frame, table, spare].map(remove),
      invoke(initialCap.asidPool, 'RISCVASIDPoolAssign', [], [table]),
      invoke(frame, 'RISCVPageMap', [at, 3, 0], [table]),
    ];
    expect(exhaust(world, actions, Infinity).kinds).toBeGreaterThan(80);
  });
});
