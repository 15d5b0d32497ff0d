// From a failing round to the shortest sequence of steps that fails in the same way.

import { checkInvariants } from '../../microvisor/invariants/sweep.ts';
import { InvariantError } from '../../microvisor/invariants/violation.ts';
import type { Profile } from '../root-task/profile.ts';
import { Coverage } from './coverage.ts';
import type { Rig } from './rig.ts';
import { populate } from './round.ts';
import type { Step } from './step.ts';

/** What two failures have in common if they have the same cause. */
export function kindOf(error: Error): string {
  return error instanceof InvariantError
    ? error.rule
    : `${error.name}: ${error.message.replaceAll(/[0-9a-fx]*\d[0-9a-fx]*|".*?"/g, '#')}`;
}

/** The round in which the steps were taken. */
export interface Which {
  readonly profile: Profile;
  readonly round: number;
}

export interface Replayed {
  readonly error: Error;
  /** How many of the steps were taken, the failing one included. */
  readonly taken: number;
}

/** Takes the steps, with a sweep after every entry. */
export function replay(rig: Rig, { profile, round }: Which, steps: readonly Step[]): Replayed | null {
  const coverage = new Coverage();
  let taken = 0;
  try {
    const { system } = populate(rig, { profile, round, sweepEvery: 1 });
    for (const step of steps) {
      system.nextHart();
      taken++;
      const answered = system.take(step);
      if (answered !== null) coverage.add(answered);
    }
    checkInvariants(system.kernel, rig.engine.caches);
  } catch (error) {
    return { error: error as Error, taken };
  }
  return null;
}

export interface Shrunk {
  readonly error: Error;
  readonly steps: readonly Step[];
}

/**
 * Leaves out ever smaller pieces as long as the failure stays of the same kind (delta debugging). `attempts` bounds the replays.
 * null: the steps do not fail again.
 */
export function shrink(rig: Rig, which: Which, steps: readonly Step[], attempts: number): Shrunk | null {
  const first = replay(rig, which, steps);
  if (first === null) return null;
  const kind = kindOf(first.error);
  let best: Shrunk = { error: first.error, steps: steps.slice(0, first.taken) };
  let left = attempts;
  for (let piece = Math.ceil(best.steps.length / 2); piece >= 1; piece = piece === 1 ? 0 : Math.ceil(piece / 2)) {
    for (let end = best.steps.length; end > 0 && left > 0; end -= piece) {
      const shorter = [...best.steps.slice(0, Math.max(0, end - piece)), ...best.steps.slice(end)];
      left--;
      const again = replay(rig, which, shorter);
      if (again === null || kindOf(again.error) !== kind) continue;
      best = { error: again.error, steps: shorter.slice(0, again.taken) };
      end = Math.min(end, best.steps.length + piece);
    }
  }
  return best;
}
