import { describe, expect, it } from 'vitest';
import { entryAddress, findVSpaceForASID, lookupPTSlot } from '../../microvisor/address-space.ts';
import { checkInvariants } from '../../microvisor/invariants/sweep.ts';
import type { FrameCap, PageTableCap } from '../../microvisor/objects.ts';
import { allRights, capType, initialCap, label, objectType, World } from './world.ts';

const { cNode, vspace, asidPool } = initialCap;
const R = 2;
const W = 4;
const X = 8;

/** A new address space with tables for the first 2 MiB from 0x1000_0000. */
function newSpace(world: World): { space: number; tables: number[] } {
  const space = world.make(objectType.pageTable);
  world.must(asidPool, label.RISCVASIDPoolAssign, [], [space]);
  const tables = [world.make(objectType.pageTable), world.make(objectType.pageTable)];
  for (const table of tables) world.must(table, label.RISCVPageTableMap, [0x1000_0000, 0], [space]);
  return { space, tables };
}
function entryOf(world: World, space: number, address: number): { entry: bigint; bitsLeft: number } {
  const root = findVSpaceForASID(world.kernel, (world.cap(space) as PageTableCap).asid)!;
  return lookupPTSlot(world.kernel, root, address);
}

describe('memory', () => {
  it('a mapping is a page table entry in RAM with the rights that both the capability and the caller allow', () => {
    for (const [capRights, rights, attributes, bits] of [
      [allRights, allRights, 0, R | W | X],
      [allRights, allRights, 1, R | W],
      [allRights, 2, 1, R],
      [2, allRights, 0, R | X],
      [allRights, 0, 0, X],
    ] as const) {
      const world = new World();
      const { space } = newSpace(world);
      const frame = world.copy(world.make(objectType.page), capRights);
      world.must(frame, label.RISCVPageMap, [0x1000_3000, rights, attributes], [space]);
      const { entry } = entryOf(world, space, 0x1000_3000);
      expect(Number(entry & 0x3ffn)).toBe(bits | 0xd1);
      expect(entryAddress(entry)).toBe((world.cap(frame) as FrameCap).address);
      expect(world.must(frame, label.RISCVPageGetAddress)).toEqual([BigInt((world.cap(frame) as FrameCap).address)]);
    }
  });

  it('unmap is visible on all harts before it returns', () => {
    const world = new World({ harts: 3 });
    const { space } = newSpace(world);
    const frame = world.make(objectType.page);
    world.must(frame, label.RISCVPageMap, [0x1000_0000, allRights, 0], [space]);
    world.fences.length = 0;
    world.must(frame, label.RISCVPageUnmap);
    const { asid } = world.cap(space) as PageTableCap;
    expect(world.fences).toEqual(Array(3).fill({ stage: 'first', virtual: false, asid, address: 0x1000_0000n }));
    expect(entryOf(world, space, 0x1000_0000).entry).toBe(0n);
  });

  it('mapping checks in seL4’s order', () => {
    const world = new World();
    const { space, tables } = newSpace(world);
    const frame = world.make(objectType.page);
    const map = (address: number | bigint, into = space, slot = frame) =>
      world.invoke(slot, label.RISCVPageMap, [address, allRights, 0], [into]);
    expect(world.invoke(frame, label.RISCVPageMap, [0x1000_0000, allRights], [space]).label).toBe(7);
    expect(map(0x1000_0000, frame)).toEqual({ label: 2, words: [1n] });
    expect(map(0x1000_0000, tables[0])).toEqual({ label: 2, words: [1n] });
    expect(map(0x3f_ffff_f000)).toEqual({ label: 1, words: [0n] });
    expect(map(0x1000_0800)).toMatchObject({ label: 5 });
    // No second-level table there: 30 bits are left.
    expect(map(0x8000_0000)).toEqual({ label: 6, words: [0n, 2n, 30n] });
    expect(map(0x1000_0000).label).toBe(0);
    expect(map(0x1000_1000)).toEqual({ label: 1, words: [0n] });
    expect(map(0x1000_0000).label).toBe(0);
    expect(map(0x2_0000, vspace)).toMatchObject({ label: 2, words: [1n] });
    const other = world.make(objectType.page);
    expect(map(0x1000_0000, space, other).label).toBe(8);
    const table = world.make(objectType.pageTable);
    expect(world.invoke(table, label.RISCVPageTableMap, [0x1000_0000, 0], [space]).label).toBe(8);
    expect(world.invoke(tables[0]!, label.RISCVPageTableMap, [0, 0], [space])).toEqual({ label: 2, words: [0n] });
    expect(world.invoke(table, label.RISCVPageTableMap, [0x3f_ffff_f000, 0], [space])).toEqual({
      label: 1,
      words: [0n],
    });
    // An unmapped table can't be copied, nor a VSpace unmapped while it has an ASID.
    expect(world.invoke(cNode, label.CNodeCopy, [world.freeSlot(), 64, table, 64, allRights], [cNode]).label).toBe(3);
    expect(world.invoke(space, label.RISCVPageTableUnmap).label).toBe(9);
  });

  it('large pages map at their level and need their alignment', () => {
    const world = new World({ ram: 16 * 2 ** 20 });
    const { space } = newSpace(world);
    const mega = world.make(objectType.megaPage);
    const map = (address: number) => world.invoke(mega, label.RISCVPageMap, [address, allRights, 0], [space]);
    expect(map(0x1010_0000)).toMatchObject({ label: 5 });
    expect(map(0x1000_0000)).toMatchObject({ label: 6 });
    expect(map(0x1020_0000).label).toBe(0);
    expect(entryOf(world, space, 0x1020_0000).bitsLeft).toBe(21);
  });

  it('unmapping a table takes everything below it away, and deleting a frame takes its mapping', () => {
    const world = new World();
    const { space, tables } = newSpace(world);
    const frames = [world.make(objectType.page), world.make(objectType.page)];
    frames.forEach((frame, i) => {
      world.must(frame, label.RISCVPageMap, [0x1000_0000 + i * 4096, allRights, 0], [space]);
    });
    world.delete(frames[0]!);
    expect(entryOf(world, space, 0x1000_0000).entry).toBe(0n);
    expect(entryOf(world, space, 0x1000_1000).entry).not.toBe(0n);
    world.must(tables[1]!, label.RISCVPageTableUnmap);
    expect(entryOf(world, space, 0x1000_1000)).toMatchObject({ entry: 0n, bitsLeft: 21 });
    // The frame still says that it is mapped: unmapping what is gone does nothing.
    world.must(frames[1]!, label.RISCVPageUnmap);
    world.must(tables[1]!, label.RISCVPageTableMap, [0x1000_0000, 0], [space]);
    expect(entryOf(world, space, 0x1000_1000).entry).toBe(0n);
  });

  it('deleting a table takes what lies below it away, and nothing beside it, nor of a space that is gone', () => {
    const world = new World();
    const { space, tables } = newSpace(world);
    const { asid } = world.cap(space) as PageTableCap;
    const [frame, other] = [world.make(objectType.page), world.make(objectType.pageTable)];
    world.must(frame, label.RISCVPageMap, [0x1000_0000, allRights, 0], [space]);
    world.must(other, label.RISCVPageTableMap, [0x1020_0000, 0], [space]);
    world.delete(world.make(objectType.pageTable));
    world.delete(other);
    expect(findVSpaceForASID(world.kernel, asid)).not.toBeNull();
    expect(entryOf(world, space, 0x1000_0000).entry).not.toBe(0n);
    expect(entryOf(world, space, 0x1020_0000)).toMatchObject({ entry: 0n, bitsLeft: 21 });
    world.delete(space);
    expect(findVSpaceForASID(world.kernel, asid)).toBeNull();
    for (const table of tables) world.delete(table);
  });

  it('deleting an address space stops its threads from using it, and frees the ASID', () => {
    const world = new World();
    const { space } = newSpace(world);
    const { asid, address } = world.cap(space) as PageTableCap;
    const thread = world.thread({ priority: 50, budget: 1000 });
    world.must(thread.cap, label.TCBSetSpace, [0, 0], [0, cNode, space]);
    const aside = world.stepAside();
    world.expectCurrent(thread);
    const satp = (): bigint => thread.tcb.context.csr('satp');
    expect(satp()).toBe((8n << 60n) | (BigInt(asid) << 44n) | BigInt(address / 4096));
    world.interruptRoot(aside);
    world.delete(space);
    expect(findVSpaceForASID(world.kernel, asid)).not.toBeNull();
    world.must(thread.cap, label.TCBSetSpace, [0, 0], [0, cNode, vspace]);
    expect(findVSpaceForASID(world.kernel, asid)).toBeNull();
    world.wait(aside);
    expect(satp() >> 44n).toBe((8n << 16n) | 1n);
    world.interruptRoot(aside);
    const { space: second } = newSpace(world);
    world.must(thread.cap, label.TCBSetSpace, [0, 0], [0, cNode, second]);
    world.revoke(second);
    world.wait(aside);
    // What it ran in is gone: it has a table that maps nothing.
    expect(satp()).toBe((8n << 60n) | BigInt(world.kernel.emptyRoot / 4096));
  });

  it('ASID pools are made of 4 KiB untypeds, and hold 512', () => {
    const world = new World();
    const untyped = world.make(objectType.untyped, 12);
    const pool = world.freeSlot();
    const make = (from: number) =>
      world.invoke(initialCap.asidControl, label.RISCVASIDControlMakePool, [pool, 64], [from, cNode]);
    expect(make(world.make(objectType.untyped, 13))).toEqual({ label: 2, words: [1n] });
    expect(make(untyped).label).toBe(0);
    expect(make(untyped)).toMatchObject({ label: 9 });
    const space = world.make(objectType.pageTable);
    world.must(pool, label.RISCVASIDPoolAssign, [], [space]);
    expect(world.cap(space)).toMatchObject({ asid: 512, mapped: true });
    expect(world.invoke(pool, label.RISCVASIDPoolAssign, [], [space])).toEqual({ label: 2, words: [1n] });
    world.delete(pool);
    expect(findVSpaceForASID(world.kernel, 512)).toBeNull();
    expect(world.invoke(world.make(objectType.page), label.RISCVPageMap, [0, 3, 0], [space])).toMatchObject({
      label: 6,
    });
  });

  it('an IPC buffer must be aligned memory, not a device', () => {
    const world = new World();
    const thread = world.thread();
    const frame = world.make(objectType.page);
    const set = (address: number, slot: number) => world.invoke(thread.cap, label.TCBSetIPCBuffer, [address], [slot]);
    expect(set(0x200, frame)).toMatchObject({ label: 5 });
    expect(set(0x400, world.endpoint())).toMatchObject({ label: 3 });
    expect(set(0x400, frame).label).toBe(0);
    expect(set(0, frame).label).toBe(0);
    expect(thread.tcb.slots.slot(2).cap.type).toBe(capType.null);
  });

  it('an interrupt reaches its owner only and stays pending at the controller until acknowledged', () => {
    const world = new World();
    const handler = world.freeSlot();
    const get = (irq: number, slot = handler) =>
      world.invoke(initialCap.irqControl, label.IRQIssueIRQHandler, [irq, slot, 64], [cNode]);
    expect(get(0)).toEqual({ label: 4, words: [1n, 96n] });
    expect(get(97)).toEqual({ label: 4, words: [1n, 96n] });
    expect(get(96)).toMatchObject({ label: 9 });
    expect(get(11).label).toBe(0);
    expect(get(11)).toMatchObject({ label: 9 });
    expect(world.masked.get(11)).toBe(false);
    const notification = world.notification();
    world.must(handler, label.IRQSetIRQHandler, [], [world.mint(notification, 0x10)]);
    world.wait(notification);
    world.interrupt(12);
    expect(world.isIdle).toBe(true);
    expect(world.masked.get(12)).toBe(true);
    world.interrupt(11);
    expect(world.badge).toBe(0x10n);
    expect(world.completed).toEqual([12]);
    world.must(handler, label.IRQAckIRQ);
    expect(world.completed).toEqual([12, 11]);
    world.delete(handler);
    expect(world.masked.get(11)).toBe(true);
    expect(get(11, world.freeSlot()).label).toBe(0);
  });

  it('a thread in another address space is what the invariants say, and they leave it there', () => {
    const world = new World();
    const { context } = world.rootTcb;
    const { asid, address } = world.cap(newSpace(world).space) as PageTableCap;
    const other = (8n << 60n) | (BigInt(asid) << 44n) | BigInt(address / 4096);
    context.setCsr('satp', other);
    for (let i = 0; i < 2; i++) expect(() => checkInvariants(world.kernel)).toThrow('in another address space');
    expect(context.csr('satp')).toBe(other);
  });
});
