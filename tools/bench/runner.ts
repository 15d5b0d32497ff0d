// The engines that a benchmark runs on, each run a process of its own.

import { join } from 'node:path';
import { ownPackage } from '../manifest/package-root.ts';
import { Refusal } from '../refusal.ts';
import type { MachineRun } from './machine-run.ts';
import { type ProcessTime, timeProcess } from './process-time.ts';
import { qemuCommand } from './rival.ts';

export interface Timed {
  time: ProcessTime;
  /** Retired instructions; 0 where the engine does not tell. */
  instructions: number;
}

/** Runs an ELF to its end. Throws a Refusal if the program fails. */
export type Runner = (elf: string) => Timed;

export const runMicrovisor: Runner = (elf) => {
  const script = join(ownPackage().folder, 'dist/tools/bench/run-program.js');
  const { result, time } = timeProcess(process.execPath, [script, elf]);
  if (result.status !== 0) throw new Error(`the benchmark's process ended with ${result.status}: ${result.stderr}`);
  const run = JSON.parse(result.stdout) as MachineRun | { complaint: string };
  if ('complaint' in run) throw new Refusal('refused', run.complaint);
  if (run.outcome?.kind !== 'pass')
    throw new Refusal('failed', `${elf}: ${run.outcome ? 'the program failed' : 'the program never ended'}`);
  return { time, instructions: run.instructions };
};

export const runQemu: Runner = (elf) => {
  const [command, ...args] = qemuCommand(elf);
  const { result, time } = timeProcess(command, args);
  if (result.status !== 0) throw new Refusal('failed', `${elf}: the program failed on QEMU (${result.status})`);
  return { time, instructions: 0 };
};
