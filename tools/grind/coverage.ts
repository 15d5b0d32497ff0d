// Which invocation has answered what, how often.

import { type ErrorCode, error, errorNames } from '../../microvisor/abi/errors.ts';
import { type InvocationLabel, invocationNames } from '../../microvisor/abi/invocation-labels.ts';
import { answers, type ErrorName } from './answers.ts';
import { objectOf } from './invocations.ts';
import type { Answered } from './system.ts';

const objects = invocationNames.map((name) => (name === 'Invalid' ? Number.NaN : objectOf(name)));
const listed = invocationNames.map((name) =>
  name === 'Invalid' ? [] : [error.none, ...answers[name].map((answer) => error[answer])],
);

export interface CoverageRow {
  label: InvocationLabel;
  answers: { error: ErrorName; count: number }[];
}

export class Coverage {
  private readonly counts: number[][] = invocationNames.map(() => errorNames.map(() => 0));
  /** Answers to labels that the object called does not understand, and to labels beyond the last. */
  foreign = 0;
  answered = 0;
  succeeded = 0;

  /** false: the table of answers does not list this one. */
  add({ label, type, error: code }: Answered): boolean {
    this.answered++;
    if (code === 0) this.succeeded++;
    if (objects[label] !== type) {
      this.foreign++;
      return true;
    }
    this.counts[label]![code]!++;
    return (listed[label] as readonly ErrorCode[]).includes(code as ErrorCode);
  }

  /** Every answer that the table lists, with its count. */
  rows(): CoverageRow[] {
    return invocationNames.flatMap((label, index) =>
      label === 'Invalid'
        ? []
        : [
            {
              label,
              answers: listed[index]!.map((code) => ({ error: errorNames[code]!, count: this.counts[index]![code]! })),
            },
          ],
    );
  }
  /** Listed answers that have not been seen. */
  missing(): { label: InvocationLabel; error: ErrorName }[] {
    return this.rows().flatMap(({ label, answers: seen }) =>
      seen.filter(({ count }) => count === 0).map(({ error: name }) => ({ label, error: name })),
    );
  }
}
