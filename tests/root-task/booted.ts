// A root task booted in this process: what it printed, and how it ended.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { checkInvariants } from '../../microvisor/invariants/sweep.ts';
import { readElf } from '../../tools/image/elf.ts';
import { assembleProgram } from '../../tools/image/program-file.ts';
import { type Profile, profileShapes } from '../../tools/root-task/profile.ts';
import { type RootTaskOptions, RootTaskSystem } from '../../tools/root-task/root-task-system.ts';
import type { Outcome } from '../../vdev/test-finisher.ts';

export interface Booted {
  system: RootTaskSystem;
  output: string;
  /** What the kernel said. */
  log: string[];
  halted: string | undefined;
  outcome: Outcome | undefined;
  /** The trace hash with the memory in it. */
  hash(): string;
}

export const mebibytes = 2 ** 20;
const hundredMilliseconds = 1e8;

/** Boots a source of this repository and runs it to its end, or for a tenth of a second of virtual time. */
export function bootFile(
  path: string,
  profile: Profile,
  options: Partial<RootTaskOptions> & { invariants?: boolean; input?: string } = {},
): Booted {
  return bootSource(readFileSync(resolve(import.meta.dirname, '../..', path), 'utf8'), profile, options);
}

export function bootSource(
  source: string,
  profile: Profile,
  { invariants, input, ...options }: Partial<RootTaskOptions> & { invariants?: boolean; input?: string } = {},
): Booted {
  const program = assembleProgram(source, 'task.s');
  if (!program.ok) throw new Error(`${program.error.place}: ${program.error.message}`);
  const elf = readElf(program.value);
  if (!elf.ok) throw new Error(elf.error.message);
  const seen: Omit<Booted, 'system' | 'hash'> = { output: '', log: [], halted: undefined, outcome: undefined };
  const decoder = new TextDecoder('latin1');
  const system = new RootTaskSystem(
    {
      profile,
      harts: profileShapes[profile].defaultHarts,
      ramSize: 64 * mebibytes,
      clockHz: 1e9,
      rootCNodeSizeBits: 13,
      ...options,
    },
    {
      console: (bytes) => {
        seen.output += decoder.decode(bytes);
      },
      log: (line) => seen.log.push(line),
      halted: (reason) => {
        seen.halted = reason;
      },
      outcome: (outcome) => {
        seen.outcome = outcome;
      },
    },
  );
  if (invariants) {
    system.microvisor.afterEntry = () => checkInvariants(system.kernel, system.machine.engine.caches);
  }
  const started = system.start(elf.value);
  if (!started.ok) throw new Error(started.error.message);
  if (input !== undefined) {
    system.run(1e6);
    system.input(new TextEncoder().encode(input));
  }
  system.run(hundredMilliseconds);
  const hash = (): string => {
    system.machine.hashMemory();
    return system.machine.hash.value;
  };
  return { system, ...seen, hash };
}
