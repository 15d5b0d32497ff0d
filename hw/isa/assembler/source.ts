// Splits assembly source into statements: labels, a name, operands, each with its place.

import { Mistake, type Place } from './issue.ts';

/** A piece of the source. */
export interface Text extends Place {
  text: string;
}

export interface Statement {
  /** Names, and the numbers of local labels. */
  labels: Text[];
  /** Mnemonic or directive. */
  name: Text | undefined;
  operands: Text[];
}

/** Cuts leading and trailing blanks. */
function trimmed({ text, line, column }: Text): Text {
  const start = text.length - text.trimStart().length;
  return { text: text.trim(), line, column: column + start };
}

/** The index after a string or character literal that starts at `start`; -1 if it does not end on its line. */
function literalEnd(source: string, start: number): number {
  const quote = source[start];
  for (let i = start + 1; i < source.length && source[i] !== '\n'; i++) {
    if (source[i] === '\\') i++;
    else if (source[i] === quote) return i + 1;
  }
  return -1;
}

/** Replaces comments by blanks, so that everything else keeps its place. */
function withoutComments(source: string, report: (mistake: Mistake) => void): string {
  const parts: string[] = [];
  let line = 1;
  let lineStart = 0;
  let i = 0;
  const blank = (end: number): void => {
    for (; i < end; i++) {
      parts.push(source[i] === '\n' ? '\n' : ' ');
      if (source[i] !== '\n') continue;
      line++;
      lineStart = i + 1;
    }
  };
  while (i < source.length) {
    const char = source[i]!;
    const place = { line, column: i - lineStart + 1 };
    if (char === '"' || char === "'") {
      const end = literalEnd(source, i);
      if (end < 0) {
        report(new Mistake(`this ${char === '"' ? 'string' : 'character'} has no end`, place));
        const eol = source.indexOf('\n', i);
        blank(eol < 0 ? source.length : eol);
      } else {
        parts.push(source.slice(i, end));
        i = end;
      }
    } else if (char === '#' || (char === '/' && source[i + 1] === '/')) {
      const end = source.indexOf('\n', i);
      blank(end < 0 ? source.length : end);
    } else if (char === '/' && source[i + 1] === '*') {
      const end = source.indexOf('*/', i + 2);
      if (end < 0) report(new Mistake('this comment has no end', place));
      blank(end < 0 ? source.length : end + 2);
    } else {
      parts.push(char);
      i++;
      if (char === '\n') {
        line++;
        lineStart = i;
      }
    }
  }
  return parts.join('');
}

/** Splits at a separator that stands outside of literals and parentheses. */
function split(piece: Text, separator: string): Text[] {
  const { text, line, column } = piece;
  const parts: Text[] = [];
  let start = 0;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (char === '"' || char === "'") {
      i = literalEnd(text, i) - 1;
      if (i < 0) break;
    } else if (char === '(') depth++;
    else if (char === ')') depth--;
    else if (char === separator && depth <= 0) {
      parts.push({ text: text.slice(start, i), line, column: column + start });
      start = i + 1;
    }
  }
  parts.push({ text: text.slice(start), line, column: column + start });
  return parts;
}

/** The lines of a source without comments. */
export function linesOf(source: string, report: (mistake: Mistake) => void): Text[] {
  return withoutComments(source, report)
    .split('\n')
    .map((text, index) => ({ text: text.replace(/\r$/, ''), line: index + 1, column: 1 }));
}

/** Splits the operands of a statement. */
export const operandsIn = (piece: Text): Text[] => (piece.text.trim() === '' ? [] : split(piece, ',').map(trimmed));

/** The statements of a line: `;` separates them. */
export function statementsIn(line: Text): Statement[] {
  return split(line, ';').map((piece): Statement => {
    let rest = trimmed(piece);
    const advance = (count: number): void => {
      rest = trimmed({ text: rest.text.slice(count), line: rest.line, column: rest.column + count });
    };
    const labels: Text[] = [];
    for (;;) {
      const label = /^([A-Za-z_.$][\w.$]*|\d+)\s*:/.exec(rest.text);
      if (!label) break;
      labels.push({ ...rest, text: label[1]! });
      advance(label[0].length);
    }
    const assignment = /^([A-Za-z_.$][\w.$]*)\s*=(?!=)/.exec(rest.text);
    if (assignment) {
      const symbol = { ...rest, text: assignment[1]! };
      advance(assignment[0].length);
      return { labels, name: { ...symbol, text: '.set' }, operands: [symbol, rest] };
    }
    const name = /^\S+/.exec(rest.text);
    if (!name) return { labels, name: undefined, operands: [] };
    const place = { ...rest, text: name[0] };
    advance(name[0].length);
    return { labels, name: place, operands: operandsIn(rest) };
  });
}

const escapes: Record<string, number> = { n: 10, t: 9, r: 13, b: 8, f: 12, '0': 0, '\\': 92, '"': 34, "'": 39, e: 27 };

/** The UTF-8 bytes of a quoted string with C's escapes. */
export function stringBytes({ text, line, column }: Text): Uint8Array {
  if (!/^".*"$/s.test(text) || text.length < 2)
    throw new Mistake('a string in double quotes is expected', { line, column });
  const bytes: number[] = [];
  const body = text.slice(1, -1);
  let literal = '';
  const flush = (): void => {
    bytes.push(...new TextEncoder().encode(literal));
    literal = '';
  };
  for (let i = 0; i < body.length; i++) {
    if (body[i] !== '\\') {
      literal += body[i];
      continue;
    }
    flush();
    const number = /^\\(?:x([0-9a-fA-F]{1,2})|([0-7]{1,3}))/.exec(body.slice(i));
    if (number) {
      bytes.push((number[1] ? Number.parseInt(number[1], 16) : Number.parseInt(number[2]!, 8)) & 0xff);
      i += number[0].length - 1;
      continue;
    }
    const code = escapes[body[++i]!];
    if (code === undefined) throw new Mistake(`unknown escape \\${body[i]}`, { line, column: column + i });
    bytes.push(code);
  }
  flush();
  return Uint8Array.from(bytes);
}
