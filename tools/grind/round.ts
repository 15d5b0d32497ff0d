// One round: a system is booted and populated, then some thousand steps are taken. What is checked, and when.

import { checkEmptiness, checkHarts, checkInvariants } from '../../microvisor/invariants/sweep.ts';
import { capType } from '../../microvisor/objects.ts';
import { Dice } from '../dice.ts';
import type { Profile } from '../root-task/profile.ts';
import { Chooser } from './chooser.ts';
import type { Coverage } from './coverage.ts';
import { Picker } from './picker.ts';
import { type Kept, Population } from './population.ts';
import type { Rig } from './rig.ts';
import type { Step } from './step.ts';
import { GrindSystem, slotCount } from './system.ts';

export interface RoundOptions {
  readonly profile: Profile;
  readonly seed: number;
  readonly round: number;
  /** System calls. */
  readonly calls: number;
  /** A full sweep of the invariants after every so many entries; a small one after every entry. */
  readonly sweepEvery: number;
}

/** A step after which something was wrong. */
export interface Failure {
  readonly error: Error;
  /** Everything that was done in the round, the last step being the one that failed. */
  readonly steps: readonly Step[];
}

/** Entries between two looks at whether free memory is empty. */
const emptinessEvery = 16_384;

/** In one round of so many no ASID is left from the start. */
const crowdedEvery = 12;

/** A populated system that is swept after every `sweepEvery`th entry from then on. */
export function populate(rig: Rig, { profile, round, sweepEvery }: Omit<RoundOptions, 'seed' | 'calls'>): Populated {
  let entries = -1;
  const system = new GrindSystem(rig, profile, ({ kernel }) => {
    if (entries < 0) return;
    entries++;
    if (entries % sweepEvery === 0) checkInvariants(kernel, rig.engine.caches);
    else checkHarts(kernel);
    if (entries % emptinessEvery === 0) checkEmptiness(kernel);
  });
  const root = system.rootCNode()!;
  let firstEmpty = slotCount;
  while (root.slot(firstEmpty - 1).cap.type === capType.null) firstEmpty--;
  const kept = new Population(system, firstEmpty, round % crowdedEvery === 5);
  checkInvariants(system.kernel, rig.engine.caches);
  entries = 0;
  return { system, kept };
}
interface Populated {
  readonly system: GrindSystem;
  readonly kept: Kept;
}

export interface RoundResult {
  readonly calls: number;
  readonly failure: Failure | null;
}

export function runRound(rig: Rig, options: RoundOptions, coverage: Coverage): RoundResult {
  const steps: Step[] = [];
  let calls = 0;
  try {
    const { system, kept } = populate(rig, options);
    const chooser = new Chooser(new Picker(system, new Dice(options.seed, options.round), kept), kept);
    while (calls < options.calls) {
      const step = chooser.next();
      if (step === null) break;
      steps.push(step);
      if (step.kind === 'call') calls++;
      const answered = system.take(step);
      if (answered !== null) coverage.add(answered);
    }
    checkInvariants(system.kernel, rig.engine.caches);
  } catch (error) {
    return { calls, failure: { error: error as Error, steps } };
  }
  return { calls, failure: null };
}
