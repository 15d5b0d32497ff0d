// Finds the first difference between two traces, and shows what led to it.

import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

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

async function* linesOf(path: string): AsyncGenerator<string> {
  try {
    yield* createInterface({ input: createReadStream(path), crlfDelay: Infinity });
  } catch (error) {
    // Reading a directory fails without saying which.
    throw Object.assign(error as Error, { path });
  }
}

/** Compares two trace files; undefined if they are the same. Errors of the file system are thrown. */
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
    ...before.map((text) => `    ${text}`),
    `  A ${a}`,
    `  B ${b}`,
    `    ${' '.repeat(column)}^`,
    ...left.slice(1).map((text) => `  A ${text}`),
    ...right.slice(1).map((text) => `  B ${text}`),
  ].join('\n');
}
