import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import type { Machine } from '../../hw/machine/machine.ts';
import { startKernelProgram } from './kernel-program.ts';

const collect = ((): (() => void) => {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
})();

const used = (): number => getHeapStatistics().used_heap_size;

/** The least that a number of cycles allocates: now and then the compiler puts something on the same heap. */
function bytesAllocated(machine: Machine, cycles: number): number {
  let least = Infinity;
  for (let attempt = 0; attempt < 10; attempt++) {
    collect();
    const before = used();
    machine.run(machine.now + cycles);
    least = Math.min(least, used() - before);
  }
  return least;
}

const roundTrips = 10_000;
const cyclesEach = 850;

test.each([1, 2] as const)('call and reply-receive allocate nothing, in %i address spaces', (spaces) => {
  const { machine } = startKernelProgram({ source: 'call', spaces, clientRealm: 0, serverRealm: 0 });
  machine.run(200_000 * cyclesEach);
  // What the measurement itself leaves, but not a byte for every tenth round trip.
  expect(bytesAllocated(machine, roundTrips * cyclesEach)).toBeLessThan(roundTrips / 10);
});
