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

/** An answer that the table of answers does not list: that is as wrong as a broken invariant. */
export class UnlistedAnswer extends Error {
  override readonly name = 'UnlistedAnswer';
}

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

  /** Throws an UnlistedAnswer if the table of answers does not list this one. */
  add({ label, type, error: code }: Answered): void {
    this.answered++;
    if (code === 0) this.succeeded++;
    if (objects[label] !== type) {
      this.foreign++;
      return;
    }
    this.counts[label]![code]!++;
    if (!(listed[label] as readonly ErrorCode[]).includes(code as ErrorCode)) {
      throw new UnlistedAnswer(`label ${label} has answered with error ${code}, which is not listed for it`);
    }
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
