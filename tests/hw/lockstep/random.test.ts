// Interpreter and translator agree on every register, CSR and trap over random programs.
//
// LOCKSTEP_PROGRAMS=N runs so many instead of what CI does; TEST_SEED=N repeats a run.

import { expect, test } from 'vitest';
import { chooseProgram } from './program.ts';
import { describeFailure, shrink, verdictOf } from './shrink.ts';
import { TranslatedWork } from './translated-work.ts';

const groups = 10;
const programs = Number(process.env['LOCKSTEP_PROGRAMS'] ?? 100);
const cycles = 120_000;

test.each(Array.from({ length: groups }, (_, group) => group))(
  `the engines agree on every register after every step of random programs, group %i of ${groups}`,
  (group) => {
    const seed = Number(process.env['TEST_SEED']);
    let instructions = 0;
    const work = new TranslatedWork();
    for (let index = group; index < programs; index += groups) {
      const program = chooseProgram(seed + index);
      const verdict = verdictOf(program, cycles, work);
      if (verdict.agreed) instructions += verdict.instructions;
      else {
        const smallest = shrink(program, verdict, cycles);
        throw new Error(describeFailure(smallest.program, smallest.found));
      }
    }
    // Ten million in all, at the usual number of programs.
    expect(instructions).toBeGreaterThan((programs / groups) * 100_000);
    // Some programs are hardly hot, most are.
    expect(work.regions).toBeGreaterThan((programs / groups) * 20);
    expect(work.entries).toBeGreaterThan((programs / groups) * 200);
  },
);
