// What is wrong with an assembly source.

/** A position in a source; both count from 1. */
export interface Place {
  line: number;
  column: number;
}

export interface AssemblyIssue extends Place {
  message: string;
  /** What to write instead. */
  hint?: string;
}

/** One statement's mistake; the assembler collects them and goes on. */
export class Mistake extends Error {
  constructor(
    message: string,
    readonly place: Place,
    readonly hint?: string,
  ) {
    super(message);
  }

  get issue(): AssemblyIssue {
    const { line, column } = this.place;
    return { line, column, message: this.message, ...(this.hint === undefined ? {} : { hint: this.hint }) };
  }
}

/** Thrown by `assemble`: every mistake of the source, in the order of lines. */
export class AssemblyError extends Error {
  constructor(
    readonly issues: readonly AssemblyIssue[],
    readonly file: string,
  ) {
    super(
      issues
        .map(({ line, column, message, hint }) => `${file}:${line}:${column}: ${message}${hint ? ` (${hint})` : ''}`)
        .join('\n'),
    );
    this.name = 'AssemblyError';
  }
}
