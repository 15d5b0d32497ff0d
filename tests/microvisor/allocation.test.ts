import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { Machine } from '../../hw/machine/machine.ts';
import { boot, defaultConfig, defaultCosts, Kernel, Microvisor } from '../../microvisor/index.ts';
import { buildKernelProgram, type KernelProgram } from '../../tools/bench/kernel-program.ts';
import { Platform } from '../../tools/boot/kernel-port.ts';
import { readElf } from '../../tools/image/elf.ts';
import { placeRootTask } from '../../tools/root-task/place.ts';

const collect = ((): (() => void) => {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
})();

/** A root task with `rounds` without end, on a machine whose quanta are so long that none begins meanwhile. */
function start(program: KernelProgram): Machine {
  const machine = new Machine({ harts: 1, ramSize: 16 << 20, supervisorMode: 'HS', lookaheadNs: 1e12 });
  const platform = new Platform(machine, { putChar: () => {}, log: () => {}, halt: () => {} });
  const { memory, harts } = machine;
  const kernel = new Kernel({ memory, harts, port: platform.port }, defaultConfig, defaultCosts);
  const microvisor = new Microvisor(kernel);
  machine.install(microvisor);
  const elf = readElf(buildKernelProgram(program, 2 ** 31 - 1, false).elf);
  if (!elf.ok) throw new Error(elf.error.message);
  const placed = placeRootTask(machine, elf.value);
  if (!placed.ok) throw new Error(placed.error.message);
  boot(kernel, { initialThread: placed.value });
  microvisor.start();
  return machine;
}

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
  const machine = start({ source: 'call', spaces, clientRealm: 0, serverRealm: 0 });
  machine.run(200_000 * cyclesEach);
  // What the measurement itself leaves, but not a byte for every tenth round trip.
  expect(bytesAllocated(machine, roundTrips * cyclesEach)).toBeLessThan(roundTrips / 10);
});
