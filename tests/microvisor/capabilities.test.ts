import { describe, expect, it } from 'vitest';
import { cNodeCapData, right } from '../../microvisor/abi/rights.ts';
import type { EndpointCap, UntypedCap } from '../../microvisor/objects.ts';
import { allRights, capType, initialCap, label, objectType, threadState, World } from './world.ts';

const cnode = initialCap.cNode;

describe('capabilities', () => {
  it('no cell can name what its CSpace lacks', () => {
    const world = new World();
    // Depth 64 with the root's guard of 51 zero bits: any other high bit is a guard mismatch.
    const answer = world.invoke(cnode, label.CNodeCopy, [world.freeSlot(), 64, 2 ** 20 + 1, 64, allRights], [cnode]);
    expect(answer).toEqual({ label: 6, words: [1n, 4n, 64n, 0n, 51n] });
  });

  it('an address that does not resolve is a cap fault of the caller', () => {
    const world = new World();
    const faults = world.endpoint();
    world.thread({ priority: 100, budget: 1000, faultEndpoint: faults });
    world.wait(faults);
    world.call(2 ** 30, 1);
    expect(world.message()).toMatchObject({ label: 1 });
    expect(world.message().words.slice(1)).toEqual([2n ** 30n, 0n, 4n, 64n, 0n, 51n]);
  });

  it('derived rights never exceed the parent’s', () => {
    const world = new World();
    const endpoint = world.endpoint();
    const narrow = world.copy(endpoint, right.write);
    const again = world.copy(narrow, allRights);
    expect(world.cap(again)).toMatchObject({ canSend: true, canReceive: false, canGrant: false, canGrantReply: false });
    const frame = world.make(objectType.page);
    const readOnly = world.copy(world.copy(frame, right.read), allRights);
    expect(world.cap(readOnly)).toMatchObject({ rights: 2 });
  });

  it('revoke removes all descendants and only those', () => {
    const world = new World();
    const endpoint = world.endpoint();
    const other = world.endpoint();
    const badged = world.mint(endpoint, 5);
    const children = [world.copy(badged), world.copy(badged)];
    const grandchild = world.copy(children[0]!);
    const sibling = world.mint(endpoint, 6);
    world.revoke(badged);
    for (const gone of [...children, grandchild]) expect(world.cap(gone).type).toBe(capType.null);
    for (const kept of [endpoint, other, badged, sibling]) expect(world.cap(kept).type).toBe(capType.endpoint);
    world.revoke(endpoint);
    expect([badged, sibling].map((slot) => world.cap(slot).type)).toEqual([capType.null, capType.null]);
    expect(world.cap(endpoint).type).toBe(capType.endpoint);
  });

  it('revoke of a large tree is preemptible and resumes', () => {
    const world = new World();
    const endpoint = world.endpoint();
    const children = Array.from({ length: 350 }, () => world.copy(world.slot(endpoint).index));
    // Copies of an unbadged endpoint are its siblings' children: revoke from the first.
    world.pending = true;
    const { context } = world.rootTcb;
    const pc = context.pc;
    world.call(cnode, label.CNodeRevoke, [endpoint, 64]);
    const left = children.filter((slot) => world.cap(slot).type !== capType.null).length;
    expect(left).toBe(250);
    expect(context.pc).toBe(pc);
    world.pending = false;
    world.ecall(-1);
    expect(children.filter((slot) => world.cap(slot).type !== capType.null)).toEqual([]);
    expect(context.pc).toBe(pc + 4n);
  });

  it('a badge cannot be changed by its holder', () => {
    const world = new World();
    const badged = world.mint(world.endpoint(), 5);
    const slot = world.freeSlot();
    expect(world.invoke(cnode, label.CNodeMint, [slot, 64, badged, 64, allRights, 6], [cnode]).label).toBe(3);
    expect(world.invoke(cnode, label.CNodeMutate, [slot, 64, badged, 64, 6], [cnode]).label).toBe(3);
    expect((world.cap(badged) as EndpointCap).badge).toBe(5n);
  });

  it('deleting the endpoint unblocks its peers, who start again and find it gone', () => {
    const world = new World();
    const endpoint = world.endpoint();
    const client = world.thread({ priority: 110, budget: 1000 });
    const aside = world.stepAside();
    const pc = client.tcb.context.pc;
    world.call(endpoint, 1);
    expect(client.tcb.state).toBe(threadState.blockedOnSend);
    world.interruptRoot(aside);
    world.delete(endpoint);
    expect(client.tcb.state).toBe(threadState.restart);
    world.wait(aside);
    world.expectCurrent(client);
    expect(client.tcb.context.pc).toBe(pc);
    world.call(endpoint, 1);
    expect(world.message()).toMatchObject({ label: 2 });
  });

  it('two capabilities with one badge are not each other’s descendants, nor are their copies', () => {
    const world = new World();
    const endpoint = world.endpoint();
    const first = world.mint(endpoint, 5);
    const copy = world.copy(first);
    const second = world.mint(endpoint, 5);
    world.revoke(second);
    expect([first, copy].map((slot) => world.cap(slot).type)).toEqual([capType.endpoint, capType.endpoint]);
    world.delete(first);
    world.revoke(second);
    expect(world.cap(copy).type).toBe(capType.endpoint);
  });

  it('cancelling badged sends restarts those with the badge only', () => {
    const world = new World();
    const endpoint = world.endpoint();
    const [five, six] = [world.mint(endpoint, 5), world.mint(endpoint, 6)];
    const threads = [world.thread({ priority: 110, budget: 1000 }), world.thread({ priority: 109, budget: 1000 })];
    const aside = world.stepAside();
    world.send(five);
    world.send(six);
    world.interruptRoot(aside);
    world.must(cnode, label.CNodeCancelBadgedSends, [five, 64]);
    expect(threads.map(({ tcb }) => tcb.state)).toEqual([threadState.restart, threadState.blockedOnSend]);
  });

  it('guards and depths resolve as the manual says', () => {
    const world = new World();
    const table = world.make(objectType.capTable, 4);
    const guarded = world.freeSlot();
    world.must(cnode, label.CNodeMint, [guarded, 64, table, 64, allRights, cNodeCapData(0x5n, 8)], [cnode]);
    const endpoint = world.endpoint();
    const copyTo = (index: number, depth: number) =>
      world.invoke(guarded, label.CNodeCopy, [index, depth, endpoint, 64, allRights], [cnode]);
    expect(copyTo(0x53, 12).label).toBe(0);
    expect(copyTo(0x53, 12).label).toBe(8);
    // Guard mismatch: bits left 12, guard 5, of 8 bits.
    expect(copyTo(0x63, 12)).toEqual({ label: 6, words: [0n, 4n, 12n, 5n, 8n] });
    // Depth mismatch: 12 bits found, 10 left.
    expect(copyTo(0x14, 10)).toEqual({ label: 6, words: [0n, 3n, 10n, 12n] });
    // One bit is left over at an endpoint.
    expect(copyTo(0x53 << 1, 13)).toEqual({ label: 6, words: [0n, 3n, 1n, 0n] });
    expect(copyTo(0x53, 0)).toEqual({ label: 4, words: [1n, 64n] });
    expect(copyTo(0x53, 65)).toEqual({ label: 4, words: [1n, 64n] });
    // A guard wider than 32 bits.
    const wide = world.freeSlot();
    world.must(cnode, label.CNodeMint, [wide, 64, table, 64, allRights, cNodeCapData(0x1_2345_6789n, 40)], [cnode]);
    const at = (0x1_2345_6789n << 4n) | 9n;
    expect(world.invoke(wide, label.CNodeCopy, [at, 44, endpoint, 64, allRights], [cnode]).label).toBe(0);
    expect(world.invoke(wide, label.CNodeCopy, [at ^ (1n << 40n), 44, endpoint, 64, allRights], [cnode]).label).toBe(6);
  });

  it('move, mutate and rotate keep the derivation', () => {
    const world = new World();
    const endpoint = world.endpoint();
    const badged = world.mint(endpoint, 1);
    const moved = world.freeSlot();
    world.must(cnode, label.CNodeMove, [moved, 64, badged, 64], [cnode]);
    expect(world.cap(badged).type).toBe(capType.null);
    const [a, b] = [world.reply(), world.reply()];
    const [capA, capB] = [world.cap(a), world.cap(b)];
    const into = world.freeSlot();
    world.must(cnode, label.CNodeRotate, [into, 64, 0, a, 64, 0, b, 64], [cnode, cnode]);
    expect([world.cap(into), world.cap(a), world.cap(b).type]).toEqual([capA, capB, capType.null]);
    // Source and destination alike: a swap.
    world.must(cnode, label.CNodeRotate, [into, 64, 0, a, 64, 0, into, 64], [cnode, cnode]);
    expect([world.cap(into), world.cap(a)]).toEqual([capB, capA]);
    // An endpoint's badge can't be written twice, so it can't be rotated with new data at all.
    expect(world.invoke(cnode, label.CNodeRotate, [b, 64, 0, a, 64, 0, moved, 64], [cnode, cnode]).label).toBe(3);
    world.revoke(endpoint);
    expect(world.cap(moved).type).toBe(capType.null);
  });

  it('an untyped aligns, is exhausted, and is whole again when its last child dies', () => {
    const world = new World();
    const untyped = world.make(objectType.untyped, 13);
    const at = (slot: number): number => (world.cap(slot) as { address: number }).address;
    const reply = world.make(objectType.reply, 0, 1, untyped);
    const page = world.make(objectType.page, 0, 1, untyped);
    expect(at(page)).toBe((world.cap(untyped) as UntypedCap).address + 4096);
    expect(at(page) % 4096).toBe(0);
    const retype = (type: number, size = 0, count = 1) =>
      world.invoke(untyped, label.UntypedRetype, [type, size, 0, 0, world.freeSlot(), count], [cnode]);
    expect(retype(objectType.endpoint)).toEqual({ label: 10, words: [0n] });
    // What the page holds is gone when the memory is used again.
    world.kernel.storeWord(at(page), 0x1234n);
    world.delete(page);
    expect(retype(objectType.page).label).toBe(10);
    world.delete(reply);
    const again = world.make(objectType.page, 0, 2, untyped);
    expect(world.kernel.loadWord(at(again + 1))).toBe(0n);
  });

  it('retype checks its arguments in seL4’s order', () => {
    const world = new World();
    const untyped = world.make(objectType.untyped, 12);
    const retype = (type: number, size: number, depth = 0, offset = world.freeSlot(), count = 1) =>
      world.invoke(untyped, label.UntypedRetype, [type, size, 0, depth, offset, count], [cnode]);
    expect(retype(99, 99)).toEqual({ label: 1, words: [0n] });
    expect(retype(objectType.untyped, 64)).toEqual({ label: 4, words: [0n, 38n] });
    expect(retype(objectType.capTable, 0)).toEqual({ label: 1, words: [1n] });
    expect(retype(objectType.untyped, 3)).toEqual({ label: 1, words: [1n] });
    expect(retype(objectType.schedContext, 6)).toEqual({ label: 1, words: [1n] });
    expect(retype(objectType.endpoint, 0, 64)).toMatchObject({ label: 6 });
    expect(retype(objectType.endpoint, 0, 0, 8192)).toEqual({ label: 4, words: [0n, 8191n] });
    expect(retype(objectType.endpoint, 0, 0, 8000, 257)).toEqual({ label: 4, words: [1n, 256n] });
    expect(retype(objectType.endpoint, 0, 0, 8190, 3)).toEqual({ label: 4, words: [1n, 2n] });
    expect(retype(objectType.endpoint, 0, 0, 0, 2)).toMatchObject({ label: 8 });
    expect(retype(objectType.page, 0, 0, 8000, 2)).toEqual({ label: 10, words: [4096n] });
    expect(world.invoke(untyped, label.UntypedRetype, [objectType.endpoint, 0, 0, 0, 0])).toMatchObject({ label: 7 });
    expect(world.invoke(untyped, label.TCBSuspend)).toMatchObject({ label: 3 });
  });

  it('device memory makes frames and untypeds only', () => {
    const world = new World();
    let device = 16;
    for (;;) {
      const cap = world.cap(device);
      if (cap.type === capType.untyped && cap.device && cap.sizeBits >= 20) break;
      device++;
    }
    const retype = (type: number) =>
      world.invoke(device, label.UntypedRetype, [type, 0, 0, 0, world.freeSlot(), 1], [cnode]);
    expect(retype(objectType.endpoint)).toEqual({ label: 1, words: [1n] });
    expect(retype(objectType.page).label).toBe(0);
  });

  it('a restart leaves no stale handle usable: what a deleted thread held is gone with it', () => {
    const world = new World();
    const free = world.kernel.contextsLeft;
    const thread = world.thread({ priority: 100, budget: 1000 });
    const copies = [world.copy(thread.cap), world.copy(thread.cap)];
    world.revoke(thread.cap);
    expect(copies.map((slot) => world.cap(slot).type)).toEqual([capType.null, capType.null]);
    world.delete(thread.cap);
    expect(world.invoke(thread.cap, label.TCBResume)).toMatchObject({ label: 2 });
    expect(world.kernel.contextsLeft).toBe(free);
  });

  it('a CNode that holds its own capability can be deleted', () => {
    const world = new World();
    const table = world.make(objectType.capTable, 4);
    for (const index of [0, 3]) {
      world.must(table, label.CNodeCopy, [index, 4, table, 64, allRights], [cnode]);
    }
    world.must(table, label.CNodeCopy, [15, 4, world.endpoint(), 64, allRights], [cnode]);
    world.must(cnode, label.CNodeMove, [world.freeSlot(), 64, table, 64], [cnode]);
    const held = world.freeSlot() - 1;
    world.revoke(held);
    world.delete(held);
    expect(world.cap(held).type).toBe(capType.null);
  });
});
