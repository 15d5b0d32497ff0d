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

/** Round after round: yields what there is to say after each. A finding is the last, first as it was found, then shrunk. */
export function* grindRounds(options: GrindOptions): Generator<GrindReport, void, void> {
  const { profile, seed, sweepEvery } = options;
  const rig = new Rig(Math.min(2, profileShapes[profile].defaultHarts), ramSize);
  const coverage = new Coverage();
  let calls = 0;
  for (let round = 0; calls < options.calls; round++) {
    const left = Math.min(callsPerRound, options.calls - calls);
    const result = runRound(rig, { profile, seed, round, calls: left, sweepEvery }, coverage);
    calls += result.calls;
    const { failure } = result;
    const report = { calls, rounds: round + 1, coverage };
    if (failure === null) {
      yield { ...report, failure: null };
      continue;
    }
    const finding = { ...failure, round, call: calls };
    yield { ...report, failure: { ...finding, shortest: null } };
    const shortest = shrink(rig, { profile, round }, failure.steps, options.shrinkAttempts);
    yield { ...report, failure: { ...finding, shortest } };
    return;
  }
}

/** All rounds without a pause. */
export function grind(options: GrindOptions): GrindReport {
  let last: GrindReport = { calls: 0, rounds: 0, coverage: new Coverage(), failure: null };
  for (const report of grindRounds(options)) last = report;
  return last;
}
