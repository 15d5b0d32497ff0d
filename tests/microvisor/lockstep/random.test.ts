// Kernel and specification in lockstep on random calls of several threads.

import { describe, expect, it } from 'vitest';
import { Dice } from '../../../tools/dice.ts';
import type { Action } from './action.ts';
import { Beginning } from './beginning.ts';
import { Generator } from './generator.ts';
import { populated } from './population.ts';
import { report, shortest } from './shortest.ts';

/** In all; each of the tests makes half. */
const calls = Number(process.env['LOCKSTEP_CALLS'] ?? 100_000);
const sequenceLength = 300;
const seed = Number(process.env['TEST_SEED']);

function runRandomly(domains: number): void {
  const beginning = Beginning.of(populated({ domains }));
  const dice = new Dice(seed, domains);
  let made = 0;
  let succeeded = 0;
  while (made < calls / 2) {
    const lockstep = beginning.begin();
    const generator = new Generator(dice, beginning.state);
    const actions: Action[] = [];
    for (let i = 0; i < sequenceLength && !lockstep.isAsleep; i++) {
      const action = generator.next(lockstep.state);
      actions.push(action);
      if (lockstep.act(action).length > 0) expect.fail(report(beginning, shortest(beginning, actions)));
    }
    made += lockstep.calls;
    succeeded += lockstep.succeeded;
  }
  expect(succeeded / made).toBeGreaterThan(0.5);
}

describe('kernel and specification agree after each of random calls', { timeout: 600_000 }, () => {
  it('in one domain, most of which succeed', () => runRandomly(1));
  it('in two domains, most of which succeed', () => runRandomly(2));
});
