// What a run is expected to show: `CELL:/regex/`, matched against the plain text of a cell's console.

import { Refusal } from '../refusal.ts';
import { ConsoleEnd } from './console-end.ts';

export interface Expectation {
  /** As it was written. */
  text: string;
  cell: string;
  pattern: RegExp;
}

/** Throws a Refusal when the text is not of the form, or names no cell of `cells`. */
export function parseExpectation(text: string, cells: readonly string[], option = '--expect'): Expectation {
  const match = /^([^:]+):\/(.*)\/([ims]*)$/s.exec(text);
  if (!match)
    throw new Refusal('usage', `${option} ${text}: it is not CELL:/regex/`, "write --expect 'linux:/login:/'");
  const [, cell, source, flags] = match as unknown as [string, string, string, string];
  if (!cells.includes(cell))
    throw new Refusal('usage', `${option} ${text}: there is no cell ${cell}`, `the cells are ${cells.join(', ')}`);
  try {
    return { text, cell, pattern: new RegExp(source, flags) };
  } catch (error) {
    throw new Refusal('usage', `${option} ${text}: ${(error as Error).message}`);
  }
}

/** Text to type once a cell's console shows something: `CELL:/regex/text`; \\n and \\t in the text are keys. */
export interface Typing extends Expectation {
  keys: string;
}

/** Throws as `parseExpectation` does. */
export function parseTyping(text: string, cells: readonly string[]): Typing {
  // The pattern ends at the first slash that is not escaped; the rest is text.
  const [whole = '', keys = ''] = /^[^:]+:\/(?:[^\\/]|\\.)*\/(.*)$/s.exec(text) ?? [];
  const expectation = parseExpectation(
    whole === '' ? text : whole.slice(0, whole.length - keys.length),
    cells,
    '--type',
  );
  const escapes: Record<string, string> = { n: '\n', t: '\t', '\\': '\\' };
  return { ...expectation, text, keys: keys.replace(/\\([nt\\])/g, (_, key: string) => escapes[key]!) };
}

/** Types one text after the other, each when its cue has been seen since the last. */
export class Typist {
  private readonly seen = new ConsoleEnd();
  private next = 0;

  constructor(
    private readonly script: readonly Typing[],
    private readonly type: (keys: string) => void,
  ) {}

  see(cell: string, text: string): void {
    const cue = this.script[this.next];
    if (cue === undefined || cue.cell !== cell) return;
    this.seen.add(text);
    if (!cue.pattern.test(this.seen.text)) return;
    this.seen.clear();
    this.next++;
    this.type(cue.keys);
  }

  /** Cues that have not come. */
  get missing(): readonly Typing[] {
    return this.script.slice(this.next);
  }
}

/** Follows the consoles of cells, and tells what has been seen. Expectations of one cell are met in any order. */
export class Expectations {
  private readonly ends = new Map<string, ConsoleEnd>();
  private readonly open: Set<Expectation>;

  constructor(all: readonly Expectation[]) {
    this.open = new Set(all);
  }

  see(cell: string, text: string): void {
    let end = this.ends.get(cell);
    if (!end) {
      end = new ConsoleEnd();
      this.ends.set(cell, end);
    }
    end.add(text);
    const open = [...this.open].filter((expectation) => expectation.cell === cell);
    if (open.length === 0) return;
    const whole = end.text;
    for (const expectation of open) if (expectation.pattern.test(whole)) this.open.delete(expectation);
  }

  /** Those that have not been met. */
  get missing(): Expectation[] {
    return [...this.open];
  }
  get met(): boolean {
    return this.open.size === 0;
  }

  /** The last lines of a cell's console. */
  tail(cell: string, lines: number): string[] {
    return (this.ends.get(cell)?.text ?? '').trimEnd().split('\n').slice(-lines);
  }
}
