// Operations on CNodes: what they refuse, in seL4's order, and what they leave as it was.

import { describe, expect, it } from 'vitest';
import { cNodeCapData, right } from '../../microvisor/abi/rights.ts';
import { allRights, capType, initialCap, label, objectType, systemCall, threadState, World } from './world.ts';

const { cNode } = initialCap;
const illegalOperation = { label: 3 };
const truncated = { label: 7 };
const deleteFirst = { label: 8 };
/** FailedLookup: nothing is in the slot that `bits` led to. */
const missing = (isSource: boolean, bits = 64) => ({ label: 6, words: [isSource ? 1n : 0n, 2n, BigInt(bits)] });
const invalidRoot = (isSource: boolean) => ({ label: 6, words: [isSource ? 1n : 0n, 1n] });

describe('an operation on a CNode', () => {
  it('is one of the eight, and has all of its words and capabilities', () => {
    const world = new World();
    const [empty, table] = [world.freeSlot(), world.make(objectType.capTable, 2)];
    for (const other of [label.CNodeRevoke - 1, label.CNodeRotate + 1]) {
      expect(world.invoke(cNode, other, [empty, 64, empty, 64, 0, 0, 0, 0], [cNode])).toMatchObject(illegalOperation);
    }
    expect(world.invoke(cNode, label.CNodeDelete, [empty, 65])).toEqual({ label: 4, words: [1n, 64n] });
    expect(world.invoke(cNode, label.CNodeDelete, [empty])).toMatchObject(truncated);
    const words = [empty, 64, table, 64, allRights, 0];
    for (const [operation, needed] of [
      [label.CNodeMove, 4],
      [label.CNodeMutate, 5],
      [label.CNodeCopy, 5],
      [label.CNodeMint, 6],
    ] as const) {
      for (let length = 2; length < needed; length++) {
        expect([operation, world.invoke(cNode, operation, words.slice(0, length), [cNode])]).toMatchObject([
          operation,
          truncated,
        ]);
      }
      expect(world.invoke(cNode, operation, words, [])).toMatchObject(truncated);
      expect(world.invoke(cNode, operation, words.slice(0, needed), [cNode]).label).toBe(0);
      if (operation === label.CNodeMove || operation === label.CNodeMutate) {
        world.must(cNode, label.CNodeMove, [table, 64, empty, 64], [cNode]);
      } else {
        world.delete(empty);
      }
    }
  });

  it('copies from where something is, and says which way did not lead there', () => {
    const world = new World();
    const [empty, nothing, endpoint] = [world.freeSlot(), world.freeSlot(), world.endpoint()];
    const copy = (to: number, from: number, root: number = cNode) =>
      world.invoke(cNode, label.CNodeCopy, [to, 64, from, 64, allRights], [root]);
    expect(copy(endpoint, nothing)).toMatchObject(deleteFirst);
    expect(copy(empty, nothing)).toEqual(missing(true));
    expect(copy(empty, endpoint, endpoint)).toEqual(invalidRoot(true));
    expect(world.cap(empty).type).toBe(capType.null);
  });

  it('rotates three slots, of which the middle one is another than those beside it', () => {
    const world = new World();
    const [empty, nothing, a, b, full] = [
      world.freeSlot(),
      world.freeSlot(),
      world.reply(),
      world.reply(),
      world.reply(),
    ];
    const rotate = (destination: number, pivot: number, source: number, roots = [cNode, cNode] as number[], data = 0) =>
      world.invoke(cNode, label.CNodeRotate, [destination, 64, data, pivot, 64, data, source, 64], roots);
    expect(rotate(empty, a, b, [a, b])).toEqual(invalidRoot(true));
    expect(rotate(empty, a, b, [a, cNode])).toEqual(invalidRoot(true));
    expect(rotate(empty, a, b, [cNode, b])).toEqual(invalidRoot(true));
    expect(rotate(empty, a, a)).toMatchObject(illegalOperation);
    expect(rotate(a, a, b)).toMatchObject(illegalOperation);
    expect(rotate(full, a, b)).toMatchObject(deleteFirst);
    expect(rotate(empty, a, nothing)).toEqual(missing(true));
    expect(rotate(empty, nothing, a)).toEqual(missing(false));
    const endpoint = world.endpoint();
    const badged = world.mint(endpoint, 5);
    expect(rotate(empty, badged, a)).toMatchObject(illegalOperation);
    expect(rotate(empty, a, badged)).toMatchObject(illegalOperation);
    expect(world.cap(empty).type).toBe(capType.null);
    expect(rotate(full, a, full).label).toBe(0);
  });

  it('gives an endpoint a badge by Mint only, and a CNode its guard on the way, too', () => {
    const world = new World();
    const [into, second] = [world.freeSlot(), world.freeSlot()];
    const [endpoint, reply, table] = [world.endpoint(), world.reply(), world.make(objectType.capTable, 4)];
    const badged = world.mint(endpoint, 5);
    const mutate = (from: number, data: number | bigint) =>
      world.invoke(cNode, label.CNodeMutate, [into, 64, from, 64, data], [cNode]);
    for (const each of [endpoint, badged]) {
      expect(mutate(each, 5)).toMatchObject(illegalOperation);
      for (const [pivot, source] of [
        [each, reply],
        [reply, each],
      ]) {
        const words = [into, 64, 3, pivot!, 64, 3, source!, 64];
        expect(world.invoke(cNode, label.CNodeRotate, words, [cNode, cNode])).toMatchObject(illegalOperation);
      }
    }
    const mint = (badge: number) =>
      world.invoke(cNode, label.CNodeMint, [into, 64, badged, 64, allRights, badge], [cNode]);
    expect(mint(6)).toMatchObject(illegalOperation);
    expect(mutate(table, cNodeCapData(5n, 3)).label).toBe(0);
    expect(world.cap(into)).toMatchObject({ type: capType.cNode, guardSize: 3, guardLow: 5 });
    const words = [second, 64, cNodeCapData(1n, 2), into, 64, 0, reply, 64];
    world.must(cNode, label.CNodeRotate, words, [cNode, cNode]);
    expect(world.cap(second)).toMatchObject({ type: capType.cNode, guardSize: 2, guardLow: 1 });
    expect(world.cap(into).type).toBe(capType.reply);
  });

  it('cancels the sends of an endpoint’s badge, for who may do everything with it', () => {
    const world = new World();
    const endpoint = world.endpoint();
    const cancel = (slot: number) => world.invoke(cNode, label.CNodeCancelBadgedSends, [slot, 64]).label;
    const badged = world.mint(endpoint, 5);
    expect([cancel(badged), cancel(endpoint), cancel(world.reply()), cancel(world.notification())]).toEqual([
      0, 0, 3, 3,
    ]);
    for (const [name, bit] of Object.entries(right)) {
      expect([name, cancel(world.mint(endpoint, 5, allRights & ~bit))]).toEqual([name, 3]);
    }
  });

  it('cancels no sends without a badge', () => {
    const world = new World();
    const endpoint = world.endpoint();
    const sender = world.thread({ priority: 110, budget: 1000 });
    const aside = world.stepAside();
    world.send(endpoint);
    world.interruptRoot(aside);
    world.must(cNode, label.CNodeCancelBadgedSends, [endpoint, 64]);
    expect(sender.tcb.state).toBe(threadState.blockedOnSend);
    world.recv(endpoint, 0, systemCall.nbWait);
    expect(sender.tcb.state).toBe(threadState.running);
  });
});
