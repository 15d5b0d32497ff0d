import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { startKernelProgram } from './kernel-program.ts';

const collect = ((): (() => void) => {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
})();

const used = (): number => getHeapStatistics().used_heap_size;

/**
 * The collections that V8 makes from one of ours to the next. Ours have a flag; all are reported in order, in later turns of the
 * event loop.
 */
async function collectionsBetween(two: () => void): Promise<number> {
  let [ours, others] = [0, 0];
  const observer = new PerformanceObserver((list) => {
    for (const { detail } of list.getEntries() as (PerformanceEntry & { detail: { flags: number } })[]) {
      if ((detail.flags & constants.NODE_PERFORMANCE_GC_FLAGS_FORCED) !== 0) ours++;
      else others++;
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  two();
  // The report alone does not wake an idle loop.
  while (ours < 2) await setImmediate();
  observer.disconnect();
  return others;
}

/** By how much each of some runs lets the heap grow, in order; those in which V8 has collected tell nothing, and are left out. */
async function growths(run: () => void, attempts: number): Promise<number[]> {
  const quiet: number[] = [];
  for (let attempt = 0; attempt < attempts; attempt++) {
    let growth = 0;
    const others = await collectionsBetween(() => {
      collect();
      const before = used();
      run();
      growth = used() - before;
      collect();
    });
    if (others === 0) quiet.push(growth);
  }
  return quiet.sort((a, b) => a - b);
}

const attempts = 11;
const roundTrips = 10_000;
const cyclesEach = 850;

test.each([1, 2] as const)('call and reply-receive allocate nothing, in %i address spaces', async (spaces) => {
  const { machine, kernel } = startKernelProgram({ source: 'call', spaces, clientRealm: 0, serverRealm: 0 });
  const messages = (): number => kernel.threads.reduce((sum, thread) => sum + thread.messages, 0);
  // `Machine.now` stands still within the quantum, which is endless here.
  let until = 0;
  const run = (trips: number): void => {
    until += trips * cyclesEach;
    machine.run(until);
  };
  // Compilers are done with the kernel by then, and with the measurement.
  run(100_000);
  await growths(() => run(roundTrips), attempts);
  const before = messages();
  const sorted = await growths(() => run(roundTrips), attempts);
  expect(messages() - before).toBeGreaterThanOrEqual(2 * attempts * roundTrips);
  // Where nothing is allocated, V8 has nothing to collect.
  expect(sorted.length).toBeGreaterThan(attempts / 2);
  // The median: now and then a compiler puts something on the same heap. What the measurement itself leaves, but not a byte for
  // every round trip: the least object has twelve.
  expect(sorted[sorted.length >> 1]).toBeLessThan(roundTrips);
});
