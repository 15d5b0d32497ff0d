// What a run of the grinder has to say.

import { sourceStack } from '../host/source-stack.ts';
import type { Profile } from '../root-task/profile.ts';
import { unreachable } from './answers.ts';
import type { GrindReport } from './grinder.ts';
import { describeStep } from './step.ts';

/** Steps that are shown when no shorter sequence fails. */
const lastSteps = 20;

const rate = (calls: number, seconds: number): number => Math.round(calls / seconds);
const percent = (part: number, whole: number): string => `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`;

export function grindText(report: GrindReport, seconds: number): string {
  const { calls, rounds, coverage, failure } = report;
  const { answered, succeeded, foreign } = coverage;
  const lines = coverage.rows().map(({ label, answers }) => {
    const counts = answers
      .filter(({ count }) => count > 0)
      .map(({ error, count }) => `${error === 'none' ? 'success' : error} ${count}`);
    return `  ${label.padEnd(30)} ${counts.length > 0 ? counts.join(', ') : 'not seen'}`;
  });
  lines.push(`  to objects that do not understand the label: ${foreign}`);
  for (const { label, error, because } of unreachable) lines.push(`  never: ${label} ${error}: ${because}`);
  const missing = coverage.missing().map(({ label, error }) => `${label} ${error}`);
  if (missing.length === 0) lines.push('every answer was seen');
  else if (failure === null) lines.push(`not seen: ${missing.join(', ')}`);
  lines.push(
    `${calls} calls in ${rounds} rounds, ${rate(calls, seconds)} calls/s; ${answered} answered, ${percent(succeeded, answered)} with success`,
  );
  if (failure !== null) lines.push(...failureLines(failure));
  return `${lines.join('\n')}\n`;
}

function failureLines({ error, steps, round, call, shortest }: NonNullable<GrindReport['failure']>): string[] {
  const shown = shortest?.steps ?? steps.slice(-lastSteps);
  const what =
    shortest === null
      ? `the last ${shown.length} of ${steps.length} steps of the round (they do not fail again from its start):`
      : `the shortest sequence found after the population has ${shown.length} of ${steps.length} steps:`;
  return [
    `call ${call}, in round ${round}: ${error.message}`,
    ...(shortest !== null && shortest.error.message !== error.message
      ? [`first seen as: ${shortest.error.message}`]
      : []),
    ...sourceStack(error.stack ?? '')
      .split('\n')
      .slice(1, 8),
    what,
    ...shown.map((step, i) => `  ${String(i + 1).padStart(3)}. ${describeStep(step)}`),
  ];
}

export function grindJson(report: GrindReport, seed: number, profile: Profile, seconds: number): object {
  const { calls, rounds, coverage, failure } = report;
  return {
    ...{ profile, seed, calls, rounds },
    callsPerSecond: rate(calls, seconds),
    answered: coverage.answered,
    succeeded: coverage.succeeded,
    coverage: Object.fromEntries(
      coverage
        .rows()
        .map(({ label, answers }) => [label, Object.fromEntries(answers.map(({ error, count }) => [error, count]))]),
    ),
    missing: coverage.missing(),
    unreachable,
    failure:
      failure === null
        ? null
        : {
            ...{ round: failure.round, call: failure.call, message: failure.error.message },
            steps: (failure.shortest?.steps ?? failure.steps.slice(-lastSteps)).map(describeStep),
          },
  };
}
