// One benchmark of the kernel in this process: each time that it is done gives its virtual cycles and host nanoseconds.

import { csrNumbers } from '../../hw/isa/csr-names.ts';
import type { Outcome } from '../../vdev/test-finisher.ts';
import { accept } from '../host/image-file.ts';
import { setKernelV8Flags } from '../host/v8-flags.ts';
import { readElf } from '../image/elf.ts';
import { Refusal } from '../refusal.ts';
import { RootTaskSystem } from '../root-task/root-task-system.ts';
import { callRealms } from './call-realm.ts';
import { buildKernelProgram, type KernelProgram } from './kernel-program.ts';

export interface Times {
  cycles: Float64Array;
  hostNs: Float64Array;
}

/** Runs a program with time stamps. Every second stamp ends what the one before began. Throws a Refusal if it fails. */
export function runKernelProgram(program: KernelProgram, rounds: number): Times {
  setKernelV8Flags();
  const { elf, symbols } = buildKernelProgram(program, rounds, true);
  const cycles = new Float64Array(2 * rounds);
  const host = new Float64Array(2 * rounds);
  let stamps = 0;
  const stamp = (now: number): void => {
    cycles[stamps] = now;
    host[stamps++] = performance.now();
  };
  let outcome: Outcome | undefined;
  const system: RootTaskSystem = new RootTaskSystem(
    {
      profile: 'domains',
      harts: 1,
      numDomains: 1,
      ramSize: 64 << 20,
      clockHz: 1e9,
      rootCNodeSizeBits: 13,
      realms: callRealms({ symbols, rounds, stamp: () => stamp(system.machine.clocks[0]!) }),
    },
    {
      console: () => {},
      log: () => {},
      halted: () => {},
      outcome: (ended) => {
        outcome = ended;
      },
    },
  );
  // A program in machine code reads its clock where it wants a stamp.
  system.machine.engine.watchCsr(csrNumbers.get('cycle')!);
  const hart = system.machine.harts[0]!;
  const { port } = hart;
  hart.port = {
    ...port,
    cycles: () => {
      const now = port.cycles();
      stamp(Number(now));
      return now;
    },
  };
  accept(program.source, system.start(accept(program.source, readElf(elf))));
  system.run(Infinity);
  if (outcome?.kind !== 'pass' || stamps !== 2 * rounds)
    throw new Refusal('failed', `${program.source}: the program failed`);
  return { cycles: between(cycles), hostNs: between(host).map((ms) => ms * 1e6) };
}

/** The distances from every even value to the next. */
const between = (stamps: Float64Array): Float64Array =>
  Float64Array.from({ length: stamps.length >> 1 }, (_, index) => stamps[2 * index + 1]! - stamps[2 * index]!);
