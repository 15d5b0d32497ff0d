// Finds the first difference between two traces, and shows what led to it.

import { createReadStream } from 'node:fs';

export interface TraceDifference {
  /** Number of the first line that differs, from 1. */
  line: number;
  /** The lines before it, that both share. */
  before: string[];
  /** The lines from there on; empty where a trace has ended. */
  left: string[];
  right: string[];
}

const contextLines = 8;
const shownLines = 4;

/** Longer lines are in no trace. */
const maxLine = 1 << 16;
/** How a line of a trace begins (trace-writer.ts). */
const lineStart = /^ *\d+ h\d [0-9a-f]{16} V?[USM?] /;

/** A file is something else than a trace. */
export class NotATraceError extends Error {
  constructor(readonly path: string) {
    super(`${path} is not a trace`);
  }
}

async function* linesOf(path: string): AsyncGenerator<string> {
  const check = (line: string, isFirst: boolean): string => {
    if (line.length > maxLine || (isFirst && !lineStart.test(line))) throw new NotATraceError(path);
    return line;
  };
  let rest = '';
  let isFirst = true;
  try {
    for await (const chunk of createReadStream(path, 'latin1')) {
      const lines = (rest + (chunk as string)).split(/\r?\n/);
      rest = check(lines.pop()!, false);
      for (const line of lines) {
        yield check(line, isFirst);
        isFirst = false;
      }
    }
  } catch (error) {
    // Reading a directory fails without saying which.
    throw Object.assign(error as Error, { path });
  }
  if (rest !== '') yield check(rest, isFirst);
}

/** Compares two trace files; undefined if they are the same. Throws NotATraceError, and errors of the file system. */
export async function compareTraces(left: string, right: string): Promise<TraceDifference | undefined> {
  const [a, b] = [linesOf(left), linesOf(right)];
  const before: string[] = [];
  for (let line = 1; ; line++) {
    const [x, y] = await Promise.all([a.next(), b.next()]);
    if (x.done && y.done) return undefined;
    if (x.value === y.value) {
      before.push(x.value as string);
      if (before.length > contextLines) before.shift();
      continue;
    }
    const rest = async (first: IteratorResult<string>, lines: AsyncGenerator<string>): Promise<string[]> => {
      const shown: string[] = [];
      for (let next = first; !next.done && shown.length < shownLines; next = await lines.next()) shown.push(next.value);
      return shown;
    };
    return { line, before, left: await rest(x, a), right: await rest(y, b) };
  }
}

/** The difference as text, one side below the other, with carets under the columns where the first lines part. */
export function describeDifference({ line, before, left, right }: TraceDifference): string {
  const [a = '(the trace has ended)', b = '(the trace has ended)'] = [left[0], right[0]];
  let column = 0;
  while (column < Math.min(a.length, b.length) && a[column] === b[column]) column++;
  return [
    `first difference: line ${line}, column ${column + 1}`,
    ...before.map((text) => `    ${printable(text)}`),
    `  A ${printable(a)}`,
    `  B ${printable(b)}`,
    `    ${' '.repeat(column)}^`,
    ...left.slice(1).map((text) => `  A ${printable(text)}`),
    ...right.slice(1).map((text) => `  B ${printable(text)}`),
  ].join('\n');
}

/** A file that is no trace after its first line may hold anything, and goes to a terminal. */
const printable = (text: string): string => text.replace(/\p{Cc}/gu, '\ufffd').slice(0, 400);
