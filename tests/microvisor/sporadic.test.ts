// Refills of scheduling contexts: the kernel's rings against the specification's lists, on random histories.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Kernel } from '../../microvisor/kernel.ts';
import { type Refill, SchedContext } from '../../microvisor/objects.ts';
import * as specification from '../../microvisor/specification/refills.ts';
import type { State } from '../../microvisor/specification/state.ts';
import * as sporadic from '../../microvisor/sporadic.ts';
import { refillsOf } from './refills.ts';

const minBudget = 200;
const sizeBits = 9;

/** As much of a kernel and of the specification's state as refills have to do with. */
function bench(): { kernel: Kernel; state: State } {
  const node = { time: 1000, reprogram: false };
  const kernel = { node, minBudget } as unknown as Kernel;
  const state = { now: 1000, rearm: false, config: { minBudget } } as unknown as State;
  return { kernel, state };
}
const parameters = fc
  .record({
    budget: fc.integer({ min: minBudget, max: 3000 }),
    slack: fc.oneof(fc.constant(0), fc.nat(200), fc.nat(10_000)),
    maxRefills: fc.integer({ min: 2, max: 6 }),
  })
  .map(({ budget, slack, maxRefills }) => ({ budget, period: budget + slack, maxRefills }));
const step = fc.oneof(
  { arbitrary: fc.record({ what: fc.constant('pass' as const), ticks: fc.nat(3000) }), weight: 3 },
  {
    arbitrary: fc.record({ what: fc.constant('charge' as const), ticks: fc.oneof(fc.nat(400), fc.nat(6000)) }),
    weight: 4,
  },
  {
    arbitrary: fc.record({ what: fc.constant('charge head' as const), ticks: fc.integer({ min: -1, max: 1 }) }),
    weight: 1,
  },
  {
    arbitrary: fc.record({ what: fc.constant('pass to head' as const), ticks: fc.integer({ min: -1, max: 1 }) }),
    weight: 1,
  },
  {
    arbitrary: fc.record({ what: fc.constant('pass to touch' as const), ticks: fc.integer({ min: -1, max: 1 }) }),
    weight: 2,
  },
  { arbitrary: fc.constant({ what: 'unblock' as const, ticks: 0 }), weight: 3 },
  { arbitrary: fc.record({ what: fc.constant('update' as const), parameters }), weight: 1 },
  { arbitrary: fc.record({ what: fc.constant('anew' as const), parameters }), weight: 1 },
);

describe('refills', () => {
  it('are those of the specification, whatever has been used and when', () => {
    fc.assert(
      fc.property(parameters, fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }), (first, steps) => {
        const { kernel, state } = bench();
        const sc = new SchedContext(0, sizeBits);
        const model = { period: 0, maxRefills: 0, refills: [] as Refill[] } as unknown as specification.Parameters &
          Parameters<typeof specification.charge>[1];
        expect(sporadic.isActive(sc)).toBe(false);
        expect([...refillsOf(sc)]).toEqual([]);
        const anew = ({ budget, period, maxRefills }: typeof first): void => {
          sporadic.refillNew(kernel, sc, maxRefills, budget, period);
          specification.refillAnew(state, model, { budget, period, maxRefills });
        };
        anew(first);
        for (const each of steps) {
          kernel.node.reprogram = false;
          state.rearm = false;
          switch (each.what) {
            case 'pass':
              kernel.node.time += each.ticks;
              state.now += each.ticks;
              break;
            case 'pass to head':
            case 'pass to touch': {
              // To where the first refill may be used; or to where it ends as the second begins.
              const [head, second] = model.refills;
              const at = each.what === 'pass to head' ? head!.time : (second ?? head!).time - head!.amount;
              const to = Math.max(state.now, at + each.ticks);
              kernel.node.time = to;
              state.now = to;
              break;
            }
            case 'charge':
            case 'charge head': {
              const used = each.what === 'charge' ? each.ticks : sporadic.refillHead(sc).amount + each.ticks;
              sporadic.refillBudgetCheck(kernel, sc, used);
              specification.charge(state, model, used);
              break;
            }
            case 'unblock':
              sporadic.refillUnblockCheck(kernel, sc);
              specification.unblock(state, model);
              break;
            case 'update': {
              const { budget, period, maxRefills } = each.parameters;
              sporadic.refillUpdate(kernel, sc, period, budget, maxRefills);
              specification.refillUpdate(state, model, { budget, period, maxRefills });
              break;
            }
            case 'anew':
              anew(each.parameters);
              break;
          }
          expect([each, [...refillsOf(sc)]]).toEqual([each, model.refills]);
          expect([sc.period, sc.refillMax]).toEqual([model.period, model.maxRefills]);
          expect(sporadic.refillTail(sc)).toEqual(model.refills.at(-1));
          expect(kernel.node.reprogram).toBe(state.rearm);
          expect(sporadic.refillReady(kernel, sc)).toBe(specification.isReady(state, model));
          expect(sporadic.isReleased(kernel, sc)).toBe(specification.isReady(state, model));
          for (const used of [0, 1, sporadic.refillHead(sc).amount - minBudget]) {
            expect(sporadic.refillSufficient(kernel, sc, used)).toBe(specification.suffices(state, model, used));
          }
          expect(model.refills.reduce((sum, { amount }) => sum + amount, 0)).toBe(sc.budget);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('of a context without a period are two: what may be used, and what has been', () => {
    const { kernel } = bench();
    const sc = new SchedContext(0, sizeBits);
    sporadic.refillNew(kernel, sc, 2, 500, 0);
    expect(sporadic.isRoundRobin(sc)).toBe(true);
    expect([...refillsOf(sc)]).toEqual([
      { time: 1000, amount: 500 },
      { time: 1000, amount: 0 },
    ]);
    kernel.node.time = 2000;
    sporadic.refillUnblockCheck(kernel, sc);
    expect(sporadic.refillHead(sc).time).toBe(1000);
    expect(kernel.node.reprogram).toBe(false);
  });

  it('are at most as many as the context has bytes for', () => {
    const room = [7, 8, 9, 12].map((bits) => sporadic.refillAbsoluteMax(new SchedContext(0, bits)));
    // 128 bytes hold two refills; every further one takes sixteen.
    expect(room).toEqual([2, 10, 26, 250]);
  });
});
