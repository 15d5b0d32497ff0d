// Untyped_Retype: its limits, and memory that is used again.

import { describe, expect, it } from 'vitest';
import type { UntypedCap } from '../../microvisor/objects.ts';
import { capType, initialCap, label, objectType, World } from './world.ts';

const { cNode } = initialCap;
const untypedIn = (world: World, slot: number): UntypedCap => world.cap(slot) as UntypedCap;

describe('retype', () => {
  it('makes what is within its limits, to the last of each', () => {
    const world = new World({ ram: 16 * 2 ** 20 });
    const untyped = world.make(objectType.untyped, 21);
    const table = world.make(objectType.capTable, 4);
    const retype = (type: number, size: number, offset = 0, count = 1, root = table) =>
      world.invoke(untyped, label.UntypedRetype, [type, size, 0, 0, offset, count], [root]);
    expect(retype(13, 0)).toEqual({ label: 1, words: [0n] });
    expect(retype(objectType.endpoint, 64)).toEqual({ label: 4, words: [0n, 38n] });
    expect(retype(objectType.guestRoot, 40)).toEqual({ label: 1, words: [1n] });
    for (const size of [0, 39, 48]) {
      const slot = world.freeSlot();
      expect(retype(objectType.guestRoot, size, slot, 1, cNode).label).toBe(0);
      expect(world.cap(slot)).toMatchObject({ guestLevels: size === 48 ? 4 : 3 });
    }
    for (const type of [objectType.untyped, objectType.schedContext, objectType.capTable]) {
      for (const size of [39, 63, 64, 65]) {
        expect([type, size, retype(type, size)]).toEqual([type, size, { label: 4, words: [0n, 38n] }]);
      }
      const most = type === objectType.capTable ? 33 : 38;
      expect(retype(type, most, 0)).toEqual({ label: 10, words: [2n ** 21n - 3n * 2n ** 14n] });
    }
    expect(retype(objectType.untyped, 4, 15).label).toBe(0);
    expect(retype(objectType.schedContext, 7, 14).label).toBe(0);
    expect(retype(objectType.endpoint, 0, 16)).toEqual({ label: 4, words: [0n, 15n] });
    expect(retype(objectType.endpoint, 0, 0, 0)).toEqual({ label: 4, words: [1n, 256n] });
    expect(retype(objectType.endpoint, 0, 10, 7)).toEqual({ label: 4, words: [1n, 6n] });
    expect(retype(objectType.endpoint, 0, 10, 6)).toMatchObject({ label: 8 });
    // The slot behind the window may be full.
    expect(retype(objectType.endpoint, 0, 0, 14).label).toBe(0);
    world.delete(table);
    const last = world.make(objectType.capTable, 4);
    expect(retype(objectType.endpoint, 0, 0, 16, last).label).toBe(0);
  });

  it('finds the CNode for what it makes at an address, or says what it found there', () => {
    const world = new World();
    const untyped = world.make(objectType.untyped, 12);
    const [table, endpoint] = [world.make(objectType.capTable, 4), world.endpoint()];
    const retype = (at: number, depth: number, root: number = cNode) =>
      world.invoke(untyped, label.UntypedRetype, [objectType.endpoint, 0, at, depth, 3, 1], [root]);
    expect(retype(table, 64, endpoint)).toMatchObject({ label: 6, words: [0n, 1n] });
    expect(retype(endpoint, 64)).toEqual({ label: 6, words: [0n, 2n, 64n] });
    expect(retype(0, 0, endpoint)).toEqual({ label: 6, words: [0n, 2n, 0n] });
    expect(retype(table, 64).label).toBe(0);
    expect(retype(table, 64).label).toBe(8);
    expect(retype(0, 0, table).label).toBe(8);
  });

  it('of device memory makes frames of every size, again and again, and never clears it', () => {
    const world = new World();
    const isBig = (slot: number): boolean => {
      const cap = world.cap(slot);
      return cap.type === capType.untyped && cap.device && cap.sizeBits >= 30;
    };
    let device = 16;
    while (!isBig(device)) device++;
    const retype = (type: number, size = 0) => {
      const slot = world.freeSlot();
      const error = world.invoke(device, label.UntypedRetype, [type, size, 0, 0, slot, 1], [cNode]).label;
      if (error === 0) world.delete(slot);
      return error;
    };
    for (const type of [objectType.page, objectType.megaPage, objectType.gigaPage]) expect(retype(type)).toBe(0);
    expect(retype(objectType.untyped, 12)).toBe(0);
    for (const type of [objectType.tcb, objectType.pageTable, objectType.vcpu]) expect(retype(type)).toBe(1);
  });

  it('clears all that has been used of memory, small or large, and nothing beside it', () => {
    for (const bits of [6, 11, 12, 13, 15]) {
      const world = new World();
      const untyped = world.make(objectType.untyped, bits);
      const { address, sizeBits } = untypedIn(world, untyped);
      const neighbour = world.make(objectType.untyped, bits);
      expect(untypedIn(world, neighbour).address).toBe(address + 2 ** sizeBits);
      const half = world.make(objectType.untyped, bits - 1, 2, untyped);
      world.kernel.storeWord(address, 1n);
      world.kernel.storeWord(address + 2 ** bits - 8, 2n);
      for (const slot of [half, half + 1]) world.delete(slot);
      expect(untypedIn(world, untyped).watermark).toBe(2 ** bits);
      world.kernel.storeWord(address + 2 ** bits, 3n);
      world.make(objectType.untyped, bits - 1, 1, untyped);
      expect([bits, world.kernel.loadWord(address), world.kernel.loadWord(address + 2 ** bits - 8)]).toEqual([
        bits,
        0n,
        0n,
      ]);
      expect(world.kernel.loadWord(address + 2 ** bits)).toBe(3n);
      expect(untypedIn(world, untyped).watermark).toBe(2 ** (bits - 1));
      world.kernel.storeWord(address + 2 ** bits, 0n);
    }
  });

  it('that is preempted while it clears has cleared from the end, and goes on where it was', () => {
    const world = new World();
    const untyped = world.make(objectType.untyped, 20);
    const { address } = untypedIn(world, untyped);
    const pages = world.make(objectType.page, 0, 250, untyped);
    world.kernel.storeWord(address, 1n);
    for (let i = 0; i < 250; i++) world.delete(pages + i);
    const slot = world.freeSlot();
    world.pending = true;
    const { context } = world.rootTcb;
    const { pc } = context;
    for (const left of [150, 50]) {
      world.call(untyped, label.UntypedRetype, [objectType.endpoint, 0, 0, 0, slot, 1], [cNode]);
      expect([context.pc, untypedIn(world, untyped).watermark]).toEqual([pc, left * 4096]);
      expect([world.cap(slot).type, world.kernel.loadWord(address)]).toEqual([capType.null, 1n]);
    }
    world.call(untyped, label.UntypedRetype, [objectType.endpoint, 0, 0, 0, slot, 1], [cNode]);
    expect([world.cap(slot).type, world.kernel.loadWord(address)]).toEqual([capType.endpoint, 0n]);
    expect(untypedIn(world, untyped).watermark).toBe(16);
  });

  it('makes as many threads as there is room for registers, and other things besides', () => {
    const world = new World();
    const untyped = world.make(objectType.untyped, 18);
    const table = world.make(objectType.capTable, 10);
    const { kernel } = world;
    const retype = (type: number, offset: number, count: number) =>
      world.invoke(untyped, label.UntypedRetype, [type, 0, 0, 0, offset, count], [table]);
    let made = 0;
    Object.assign(kernel.machine.memory.layout, { maxContexts: kernel.unusedContext + 5 });
    expect(kernel.contextsLeft).toBe(5);
    expect(retype(objectType.tcb, made, 6)).toEqual({ label: 10, words: [0n] });
    expect(retype(objectType.endpoint, made++, 1).label).toBe(0);
    expect(retype(objectType.tcb, made, 5).label).toBe(0);
    made += 5;
    expect(retype(objectType.tcb, made, 1).label).toBe(10);
    expect(retype(objectType.endpoint, made, 1).label).toBe(0);
  });
});

it('knows what seL4 knows and no more where there are no extensions', () => {
  const world = new World({ config: { extensions: false } });
  const untyped = world.make(objectType.untyped, 16);
  for (const type of [objectType.vcpu, objectType.guestRoot]) {
    const answer = world.invoke(untyped, label.UntypedRetype, [type, 0, 0, 0, world.freeSlot(), 1], [initialCap.cNode]);
    expect(answer).toEqual({ label: 1, words: [0n] });
  }
  const { cap } = world.thread({ resume: false });
  const everyFlag = 2n ** 64n - 1n;
  expect(world.must(cap, label.TCBSetFlags, [0, everyFlag])).toEqual([1n]);
});
