// The programs of a plan, compiled only where the build has not done so.

import type { Plan } from '../plan/plan.ts';
import { builtPrograms, type Programs } from './built-programs.ts';

/** Throws a Refusal that lists what is wrong with their sources. */
export async function programsOf(plan: Plan): Promise<Programs> {
  // The compiler takes longer to load than all the rest of a run's start.
  return builtPrograms(plan) ?? (await import('./programs.ts')).loadPrograms(plan);
}
