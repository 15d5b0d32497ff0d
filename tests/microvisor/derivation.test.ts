// Who is derived from whom, when capabilities are copied, moved, exchanged and deleted.

import { describe, expect, it } from 'vitest';
import type { FrameCap, Slot, UntypedCap } from '../../microvisor/objects.ts';
import { allRights, capType, initialCap, label, objectType, World } from './world.ts';

const { cNode } = initialCap;

/** Addresses of the reply objects from a slot on, in the order of the derivation tree. */
function repliesFrom(slot: Slot): number[] {
  const found: number[] = [];
  for (let at: Slot | null = slot; at !== null; at = at.next) {
    if (at.cap.type === capType.reply) found.push(at.cap.reply.address);
  }
  return found;
}
const copy = (world: World, slot: number, into = world.freeSlot()) =>
  world.invoke(cNode, label.CNodeCopy, [into, 64, slot, 64, allRights], [cNode]);

describe('the derivation tree', () => {
  it('keeps its order when two capabilities change places, neighbours or not', () => {
    for (const i of [0, 1, 2, 3]) {
      for (const j of [0, 1, 2, 3]) {
        if (i === j) continue;
        const world = new World();
        const untyped = world.make(objectType.untyped, 12);
        const first = world.make(objectType.reply, 0, 4, untyped);
        const before = repliesFrom(world.slot(untyped));
        const caps = [0, 1, 2, 3].map((k) => world.cap(first + k));
        // Source and destination alike: an exchange of source and pivot.
        const [a, b] = [first + i, first + j];
        world.must(cNode, label.CNodeRotate, [a, 64, 0, b, 64, 0, a, 64], [cNode, cNode]);
        expect([world.cap(a), world.cap(b)]).toEqual([caps[j], caps[i]]);
        expect(repliesFrom(world.slot(untyped))).toEqual(before);
        world.revoke(untyped);
        for (let k = 0; k < 4; k++) expect(world.cap(first + k).type).toBe(capType.null);
      }
    }
  });

  it('has roots, which can be moved and deleted like any other', () => {
    for (const root of [initialCap.irqControl, initialCap.asidControl, initialCap.domain, initialCap.bootInfoFrame]) {
      const world = new World();
      const { type } = world.cap(root);
      const to = world.freeSlot();
      world.must(cNode, label.CNodeMove, [to, 64, root, 64], [cNode]);
      expect([world.cap(to).type, world.cap(root).type]).toEqual([type, capType.null]);
      world.delete(to);
      expect(world.cap(to).type).toBe(capType.null);
    }
  });

  it('allows one to retype, when an untyped has been copied', () => {
    const world = new World();
    const untyped = world.make(objectType.untyped, 12);
    const twin = world.freeSlot();
    expect(copy(world, untyped, twin).label).toBe(0);
    expect((world.cap(untyped) as UntypedCap).watermark).toBe(4096);
    expect((world.cap(twin) as UntypedCap).watermark).toBe(0);
    const retype = (slot: number) =>
      world.invoke(slot, label.UntypedRetype, [objectType.endpoint, 0, 0, 0, world.freeSlot(), 1], [cNode]);
    expect(retype(untyped)).toEqual({ label: 10, words: [0n] });
    expect(retype(twin).label).toBe(0);
    // With children it cannot be copied again.
    expect(copy(world, twin).label).toBe(9);
    // When the copy goes with all that is below it, the original is whole.
    world.revoke(untyped);
    expect(retype(untyped).label).toBe(0);
  });

  it('gives a copy of a mapped frame that is not mapped', () => {
    const world = new World();
    const frame = world.make(objectType.page);
    world.must(frame, label.RISCVPageMap, [0x1_5000, allRights, 0], [initialCap.vspace]);
    const twin = world.copy(frame);
    expect(world.cap(twin)).toMatchObject({ asid: 0, mappedAddress: 0 });
    world.delete(twin);
    expect((world.cap(frame) as FrameCap).asid).not.toBe(0);
    world.must(world.copy(frame), label.RISCVPageMap, [0x1_6000, allRights, 0], [initialCap.vspace]);
  });

  it('copies neither the control of interrupts nor tables that are not mapped', () => {
    const world = new World();
    for (const slot of [initialCap.irqControl, world.make(objectType.pageTable)]) {
      expect(copy(world, slot)).toMatchObject({ label: 3 });
    }
    expect(copy(world, world.freeSlot())).toMatchObject({ label: 6 });
  });
});
