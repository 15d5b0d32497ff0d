// The map of machine memory, and what must not be written outside of it.

import { expect, it } from 'vitest';
import { layoutFor, maxRegionNumbers, maxSlotNumbers, tlb } from '../../../hw/engine/layout.ts';
import { Bench, ram } from '../machine/bench.ts';

it('refuses more regions and code slots than 16 bits number', () => {
  for (const [limit, most] of [
    ['regions', maxRegionNumbers],
    ['codeSlots', maxSlotNumbers],
  ] as const) {
    expect(layoutFor(1 << 20, { [limit]: most }).ramSize).toBe(1 << 20);
    expect(() => layoutFor(1 << 20, { [limit]: most + 1 })).toThrow(RangeError);
  }
});

it('leaves the control block alone in a store as M-mode without a bank', () => {
  const { machine } = new Bench('j .');
  machine.engine.storeAs(machine.harts[0]!, 3, ram + 0x2000n, 8, 1n);
  expect(machine.memory.u32[tlb.open >>> 2]).toBe(0);
});

it('refuses fewer TLB banks than a hart uses at once', () => {
  expect(() => new Bench('j .', { harts: 2, limits: { banks: 3 } })).toThrow(RangeError);
  new Bench('j .', { harts: 2, limits: { banks: 4 } }).run(100);
});
