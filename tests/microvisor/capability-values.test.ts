// Capabilities as values, pair by pair, against the specification: what memory they name, what is part of what, what copies can be.

import { describe, expect, it } from 'vitest';
import { extensionSizeBits } from '../../microvisor/abi/object-types.ts';
import { cNodeCapData } from '../../microvisor/abi/rights.ts';
import { createObject } from '../../microvisor/creation.ts';
import * as kernels from '../../microvisor/cspace/capability.ts';
import { type Capability, CNode, nullCap, vmRights } from '../../microvisor/objects.ts';
import * as specified from '../../microvisor/specification/capability.ts';
import { capability as meaning } from './lockstep/meaning.ts';
import { allRights, capType, objectType, World } from './world.ts';

const base = 0x8040_0000;
const { kernel } = new World();
const create = (type: number, address = base, userSize = 0, device = false): Capability =>
  createObject(kernel, type, address, userSize, device);

/** Capabilities to things at two addresses, so that some are parts of others, some neighbours, and some elsewhere. */
function population(): Capability[] {
  const { endpoint, notification, reply, tcb, pageTable, page, megaPage, schedContext, capTable, untyped } = objectType;
  const caps: Capability[] = [
    { type: capType.irqControl },
    { type: capType.domain },
    { type: capType.asidControl },
    ...[0, 1].map((core): Capability => ({ type: capType.schedControl, core })),
    ...[5, 6].map((irq): Capability => ({ type: capType.irqHandler, irq })),
  ];
  for (const [address, radix] of [
    [base, 3],
    [base + 0x4000, 4],
  ] as const) {
    for (const type of [endpoint, notification, reply, tcb, pageTable, page]) caps.push(create(type, address));
    caps.push(create(schedContext, address, radix + 4), create(capTable, address, radix));
    for (const node of [new CNode(address, radix, false), new CNode(address, radix, true)]) {
      caps.push({ type: capType.zombie, node, count: 2 });
    }
    for (const size of [4, 5, 6, 7, 8, 9, 11, 12, 14, 15]) caps.push(create(untyped, address, size));
    caps.push(create(page, address, 0, true), create(untyped, address, 12, true));
    caps.push({ type: capType.asidPool, pool: { sizeBits: 12, address, roots: [] }, base: 512 });
  }
  const object = create(endpoint, base + 0x100);
  const other = create(notification, base + 0x200);
  for (const badge of [0n, 5n, 6n]) caps.push({ ...object, badge } as Capability, { ...other, badge } as Capability);
  caps.push(
    create(megaPage),
    create(untyped, base, 21),
    create(untyped, base - 0x1000, 12),
    create(page, base - 0x1000),
  );
  return caps;
}

const show = (cap: Capability): string =>
  JSON.stringify(meaning(cap), (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));

describe('a capability', () => {
  it('names the memory that its object takes', () => {
    for (const cap of population()) {
      const extent = specified.extent(meaning(cap));
      expect([show(cap), kernels.capAddress(cap)]).toEqual([show(cap), extent?.start ?? -1]);
      if (extent !== null) expect([show(cap), kernels.capSize(cap)]).toEqual([show(cap), extent.end - extent.start]);
    }
    for (const [type, bits] of [
      [objectType.vcpu, extensionSizeBits.vcpu],
      [objectType.guestRoot, extensionSizeBits.guestRoot],
    ] as const) {
      const cap = create(type);
      expect([kernels.capAddress(cap), kernels.capSize(cap)]).toEqual([base, 2 ** bits]);
      expect(kernels.sameRegionAs(create(objectType.untyped, base, bits), cap)).toBe(true);
      expect(kernels.sameRegionAs(create(objectType.untyped, base, bits - 1), cap)).toBe(false);
      expect(kernels.sameObjectAs(cap, { ...cap })).toBe(true);
      expect(kernels.sameObjectAs(cap, create(type, base + 0x4000))).toBe(false);
    }
  });

  it('covers what is part of what it names, and is the same as another to the same object', () => {
    const caps = population();
    for (const a of caps) {
      for (const b of caps) {
        const [x, y] = [meaning(a), meaning(b)];
        const pair = `${show(a)} and ${show(b)}`;
        expect([pair, kernels.sameRegionAs(a, b)]).toEqual([pair, specified.covers(x, y)]);
        expect([pair, kernels.sameObjectAs(a, b)]).toEqual([pair, specified.sameObject(x, y)]);
        if (!specified.covers(x, y) || 'badge' in x !== 'badge' in y) continue;
        expect([pair, kernels.isCapRevocable(b, a)]).toEqual([pair, specified.isOriginal(y, x)]);
      }
    }
    expect([kernels.sameRegionAs(nullCap, nullCap), kernels.sameObjectAs(nullCap, nullCap)]).toEqual([false, false]);
  });

  it('is narrowed by every mask as specified', () => {
    const full = population();
    for (const rights of Object.values(vmRights)) full.push({ ...create(objectType.page), rights } as Capability);
    for (const cap of full) {
      for (let first = 0; first <= allRights; first++) {
        const narrowed = kernels.maskCapRights(first, cap);
        expect(meaning(narrowed)).toEqual(specified.narrow(meaning(cap), first));
        for (let mask = 0; narrowed !== cap && mask <= allRights; mask++) {
          const again = kernels.maskCapRights(mask, narrowed);
          expect(meaning(again)).toEqual(specified.narrow(meaning(narrowed), mask));
        }
      }
    }
    expect([0n, 5n, 15n, 16n, 2n ** 64n - 1n].map(kernels.rightsFromWord)).toEqual([0, 5, 15, 0, 15]);
  });

  it('takes a badge once, as a copy, and a guard that fits beside its index', () => {
    const guards = [0, 1, 31, 32, 33, 60, 61, 62, 63].flatMap((size) => [
      cNodeCapData(0n, size),
      cNodeCapData(0xdead_beef_cafe_babe_7531n, size),
    ]);
    for (const cap of population()) {
      for (const data of [0n, 7n, 2n ** 63n, 2n ** 64n - 1n, ...guards.map((word) => BigInt.asUintN(64, word))]) {
        for (const moving of [true, false]) {
          const expected = specified.withData(meaning(cap), data, moving);
          const updated = kernels.updateCapData(moving, data, cap);
          expect(updated.type === capType.null ? null : meaning(updated)).toEqual(expected);
        }
      }
    }
  });
});
