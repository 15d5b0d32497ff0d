// The grinder: round after round of random system calls against the kernel, until enough of them have found nothing.

import { type Profile, profileShapes } from '../root-task/profile.ts';
import { Coverage } from './coverage.ts';
import { Rig } from './rig.ts';
import { type Failure, runRound } from './round.ts';
import { type Shrunk, shrink } from './shrink.ts';

export interface GrindOptions {
  readonly calls: number;
  readonly seed: number;
  readonly profile: Profile;
  /** A full sweep after every so many entries. */
  readonly sweepEvery: number;
  /** At most so many replays go into the shortest failing sequence. */
  readonly shrinkAttempts: number;
  onProgress?(calls: number): void;
}

export interface GrindReport {
  readonly calls: number;
  readonly rounds: number;
  readonly coverage: Coverage;
  readonly failure:
    | (Failure & { readonly round: number; readonly call: number; readonly shortest: Shrunk | null })
    | null;
}

const callsPerRound = 4000;
const ramSize = 8 * 2 ** 20;

export function grind(options: GrindOptions): GrindReport {
  const { profile, seed, sweepEvery } = options;
  const rig = new Rig(Math.min(2, profileShapes[profile].defaultHarts), ramSize);
  const coverage = new Coverage();
  let calls = 0;
  let round = 0;
  for (; calls < options.calls; round++) {
    const left = Math.min(callsPerRound, options.calls - calls);
    const result = runRound(rig, { profile, seed, round, calls: left, sweepEvery }, coverage);
    calls += result.calls;
    options.onProgress?.(calls);
    const { failure } = result;
    if (failure !== null) {
      const shortest = shrink(rig, { profile, round }, failure.steps, options.shrinkAttempts);
      return { calls, rounds: round + 1, coverage, failure: { ...failure, round, call: calls, shortest } };
    }
  }
  return { calls, rounds: round, coverage, failure: null };
}
