// Makes a program on which the engines disagree smaller, and tells of what is left.

import { AssemblyError } from '../../../hw/isa/assemble.ts';
import { type Disagreement, runInLockstep, type Verdict } from '../../../tools/lockstep/lockstep.ts';
import { describeDisagreement } from '../../../tools/lockstep/report.ts';
import { render, without } from './block.ts';
import { experimentOf } from './experiment.ts';
import { assembleProgram, type Program } from './program.ts';
import type { TranslatedWork } from './translated-work.ts';

/** Programs that are tried. */
const attempts = 400;

export function verdictOf(program: Program, cycles: number, work?: TranslatedWork): Verdict {
  return runInLockstep(experimentOf(program, assembleProgram(program), cycles, work));
}

/** The verdict, or undefined if nothing is left that can be assembled. */
function attempt(program: Program, cycles: number): Verdict | undefined {
  try {
    return verdictOf(program, cycles);
  } catch (error) {
    if (error instanceof AssemblyError) return undefined;
    throw error;
  }
}

/** The smallest program found that still fails, and how. */
export function shrink(
  program: Program,
  found: Disagreement,
  cycles: number,
): { program: Program; found: Disagreement } {
  let smallest = { program, found };
  let left = attempts;
  for (let smaller = true; smaller && left > 0; ) {
    smaller = false;
    for (const blocks of without(smallest.program.blocks)) {
      if (left-- === 0) break;
      const candidate = { ...program, blocks };
      const verdict = attempt(candidate, cycles);
      if (!verdict || verdict.agreed) continue;
      smallest = { program: candidate, found: verdict };
      smaller = true;
      break;
    }
  }
  return smallest;
}

export function describeFailure(program: Program, found: Disagreement): string {
  return [
    `seed ${program.seed}, ${program.harts} harts, modes ${program.rows.join(' ')}`,
    ...render(program.blocks),
    describeDisagreement(found),
  ].join('\n');
}
