// RegExp in a realm: our own class over the metered matcher, and the string methods that take one.
// ECMA-262, sections 22.1.3 and 22.2. Left out: the flags d and v, u together with i, \p, legacy static properties.

import { meter } from './meter.ts';
import { arraySlice, charCodeAt, indexOf, mapGet, mapSet, substring } from './natives.ts';
import { search } from './regexp-match.ts';
import { compileRegExp, type RegExpProgram } from './regexp-program.ts';
import { parseRegExp, RegExpSyntaxError } from './regexp-syntax.ts';

const sourceLimit = 4096;
/** A program, and what it took to compile it. */
interface Compiled {
  program: RegExpProgram;
  units: number;
  bytes: number;
}

/** By flag u and source. A cache only: a program costs the same whether it is found or made, so a saved realm has none. */
const programs = new Map<string, Compiled>();

export interface Match extends Array<string | undefined> {
  index: number;
  input: string;
  groups: Record<string, string | undefined> | undefined;
}

function compiled(source: string, unicode: boolean): RegExpProgram {
  meter.charge(source.length * 4);
  const key = `${unicode ? 'u' : ' '}${source}`;
  const known = mapGet(programs, key);
  if (known !== undefined) {
    meter.charge(known.units);
    meter.grow(known.bytes);
    return known.program;
  }
  if (source.length > sourceLimit) throw new SyntaxError(`A regular expression has at most ${sourceLimit} characters`);
  try {
    const [units, bytes] = [meter.left(), meter.bytesLeft()];
    const program = compileRegExp(parseRegExp(source, unicode));
    const made = { program, units: units - meter.left(), bytes: bytes - meter.bytesLeft() };
    if (programs.size < 256) mapSet(programs, key, made);
    return program;
  } catch (error) {
    if (error instanceof RegExpSyntaxError) throw new SyntaxError(error.message);
    throw error;
  }
}

export class RealmRegExp {
  readonly source: string;
  readonly flags: string;
  lastIndex = 0;
  readonly #program: RegExpProgram;

  constructor(pattern: unknown = '', flags?: string) {
    const from = pattern instanceof RealmRegExp ? pattern : undefined;
    const source = from ? from.source : `${pattern as string}`;
    this.flags = flags === undefined ? (from?.flags ?? '') : `${flags}`;
    for (let i = 0; i < this.flags.length; i++) {
      const flag = this.flags[i]!;
      if (indexOf('gimsuy', flag) < 0 || indexOf(this.flags, flag, i + 1) >= 0) {
        throw new SyntaxError(`In a realm the flags of regular expressions are gimsuy, each once: ${this.flags}`);
      }
    }
    if (this.ignoreCase && this.unicode) throw new SyntaxError('In a realm, the flags i and u exclude each other');
    this.source = source === '' ? '(?:)' : source;
    this.#program = compiled(source, this.unicode);
    meter.born(this);
  }

  get global(): boolean {
    return indexOf(this.flags, 'g') >= 0;
  }
  get ignoreCase(): boolean {
    return indexOf(this.flags, 'i') >= 0;
  }
  get multiline(): boolean {
    return indexOf(this.flags, 'm') >= 0;
  }
  get dotAll(): boolean {
    return indexOf(this.flags, 's') >= 0;
  }
  get unicode(): boolean {
    return indexOf(this.flags, 'u') >= 0;
  }
  get sticky(): boolean {
    return indexOf(this.flags, 'y') >= 0;
  }

  exec(text: unknown): Match | null {
    return execute(this, `${text as string}`);
  }

  test(text: unknown): boolean {
    return execute(this, `${text as string}`) !== null;
  }

  toString(): string {
    return meter.text(`/${this.source}/${this.flags}`);
  }

  /** The first match from a position on, without looking at `lastIndex`. Servers don't find it: `tame` removes it. */
  static at(expression: RealmRegExp, text: string, from: number, sticky = expression.sticky): Match | null {
    const positions = search(expression.#program, expression, text, from, sticky);
    if (positions === undefined) return null;
    const { groups, names } = expression.#program;
    const match = meter.born([]) as unknown as Match;
    for (let group = 0; group <= groups; group++) {
      const start = positions[2 * group]!;
      const end = positions[2 * group + 1]!;
      match[group] = start < 0 || end < 0 ? undefined : meter.text(substring(text, start, end));
    }
    match.index = positions[0]!;
    match.input = text;
    match.groups = undefined;
    if (names.length > 0) {
      const named = meter.born(Object.create(null)) as Record<string, string | undefined>;
      for (let i = 0; i < names.length; i++) named[names[i]![0]] = match[names[i]![1]];
      match.groups = named;
    }
    return match;
  }
}

const matchFrom = RealmRegExp.at;

function execute(expression: RealmRegExp, text: string): Match | null {
  const remembers = expression.global || expression.sticky;
  const from = remembers ? Math.max(0, Math.trunc(Number(expression.lastIndex)) || 0) : 0;
  const match = from > text.length ? null : matchFrom(expression, text, from);
  if (remembers) expression.lastIndex = match === null ? 0 : match.index + match[0]!.length;
  return match;
}

/** The position after an empty match. */
function advance(text: string, at: number, unicode: boolean): number {
  if (!unicode || at + 1 >= text.length) return at + 1;
  const high = charCodeAt(text, at);
  const low = charCodeAt(text, at + 1);
  return at + (high >= 0xd800 && high <= 0xdbff && low >= 0xdc00 && low <= 0xdfff ? 2 : 1);
}

function allMatches(expression: RealmRegExp, text: string, from = 0): Match[] {
  const found: Match[] = [];
  for (let at = from; at <= text.length; ) {
    const match = matchFrom(expression, text, at);
    if (match === null) break;
    found[found.length] = match;
    meter.grow(64);
    const end = match.index + match[0]!.length;
    at = match[0] === '' ? advance(text, end, expression.unicode) : end;
  }
  return found;
}

/** `$1`, `$<name>`, `$&`, `` $` ``, `$'`, `$$` in a replacement. ECMA-262, GetSubstitution. */
function substitute(template: string, match: Match, text: string): string {
  let result = '';
  for (let at = 0; at < template.length; ) {
    const dollar = indexOf(template, '$', at);
    if (dollar < 0 || dollar + 1 >= template.length) return meter.text(result + substring(template, at));
    result += substring(template, at, dollar);
    const next = template[dollar + 1]!;
    at = dollar + 2;
    meter.charge(4);
    if (next === '$') result += '$';
    else if (next === '&') result += match[0];
    else if (next === '`') result += substring(text, 0, match.index);
    else if (next === "'") result += substring(text, match.index + match[0]!.length);
    else if (next === '<' && match.groups !== undefined && indexOf(template, '>', at) >= 0) {
      const end = indexOf(template, '>', at);
      result += match.groups[substring(template, at, end)] ?? '';
      at = end + 1;
    } else {
      const digit = (index: number): number => {
        const code = index < template.length ? charCodeAt(template, index) - 48 : -1;
        return code >= 0 && code <= 9 ? code : -1;
      };
      const first = digit(dollar + 1);
      const second = digit(dollar + 2);
      const groups = match.length - 1;
      if (first >= 0 && second >= 0 && first * 10 + second >= 1 && first * 10 + second <= groups) {
        result += match[first * 10 + second] ?? '';
        at = dollar + 3;
      } else if (first >= 1 && first <= groups) result += match[first] ?? '';
      else result += `$${next}`;
    }
    meter.text(result);
  }
  return result;
}

type Replacement = string | ((...matched: unknown[]) => unknown);

function replacementFor(match: Match, text: string, replacement: unknown): string {
  if (typeof replacement !== 'function') return substitute(`${replacement as string}`, match, text);
  const values: unknown[] = arraySlice(match);
  values[values.length] = match.index;
  values[values.length] = text;
  if (match.groups !== undefined) values[values.length] = match.groups;
  return `${(replacement as (...matched: unknown[]) => string)(...values)}`;
}

function replaceMatches(text: string, matches: readonly Match[], replacement: unknown): string {
  let result = '';
  let at = 0;
  for (let i = 0; i < matches.length; i++) {
    const match = matches[i]!;
    result = meter.text(result + substring(text, at, match.index));
    result = meter.text(result + replacementFor(match, text, replacement));
    at = match.index + match[0]!.length;
  }
  return meter.text(result + substring(text, at));
}

/** A match of a plain string, so that one replacement serves both. */
function plainMatch(text: string, wanted: string, index: number): Match {
  const match = [wanted] as unknown as Match;
  match.index = index;
  match.input = text;
  match.groups = undefined;
  return match;
}

function resetLastIndex(expression: RealmRegExp): void {
  if (expression.lastIndex !== 0) expression.lastIndex = 0;
}

/** The methods of String.prototype that take a regular expression. `this` is the string. */
export const regExpMethods = {
  match(this: unknown, pattern: unknown): Match | (string | undefined)[] | null {
    const text = `${this as string}`;
    const expression = pattern instanceof RealmRegExp ? pattern : new RealmRegExp(pattern);
    if (!expression.global) return execute(expression, text);
    resetLastIndex(expression);
    const matches = allMatches(expression, text);
    if (matches.length === 0) return null;
    const strings: (string | undefined)[] = meter.born([]);
    for (let i = 0; i < matches.length; i++) strings[i] = matches[i]![0];
    return strings;
  },
  matchAll(this: unknown, pattern: unknown): IterableIterator<Match> {
    meter.noModuleState();
    const text = `${this as string}`;
    const expression = pattern instanceof RealmRegExp ? pattern : new RealmRegExp(pattern, 'g');
    if (!expression.global) throw new TypeError('matchAll takes a regular expression with the flag g');
    return allMatches(expression, text, expression.lastIndex)[Symbol.iterator]();
  },
  replace(this: unknown, pattern: unknown, replacement: Replacement): string {
    const text = `${this as string}`;
    if (pattern instanceof RealmRegExp) {
      if (pattern.global) {
        resetLastIndex(pattern);
        return replaceMatches(text, allMatches(pattern, text), replacement);
      }
      const match = execute(pattern, text);
      return match === null ? text : replaceMatches(text, [match], replacement);
    }
    const wanted = `${pattern as string}`;
    meter.charge(text.length >> 2);
    const at = indexOf(text, wanted);
    return at < 0 ? text : replaceMatches(text, [plainMatch(text, wanted, at)], replacement);
  },
  replaceAll(this: unknown, pattern: unknown, replacement: Replacement): string {
    const text = `${this as string}`;
    if (pattern instanceof RealmRegExp) {
      if (!pattern.global) throw new TypeError('replaceAll takes a regular expression with the flag g');
      resetLastIndex(pattern);
      return replaceMatches(text, allMatches(pattern, text), replacement);
    }
    const wanted = `${pattern as string}`;
    meter.charge(text.length >> 2);
    const matches: Match[] = [];
    const step = wanted.length > 0 ? wanted.length : 1;
    for (
      let at = indexOf(text, wanted);
      at >= 0 && at <= text.length;
      at = at + step > text.length ? -1 : indexOf(text, wanted, at + step)
    ) {
      meter.charge(4);
      meter.grow(64);
      matches[matches.length] = plainMatch(text, wanted, at);
    }
    return replaceMatches(text, matches, replacement);
  },
  search(this: unknown, pattern: unknown): number {
    const expression = pattern instanceof RealmRegExp ? pattern : new RealmRegExp(pattern);
    return matchFrom(expression, `${this as string}`, 0)?.index ?? -1;
  },
  split(this: unknown, separator?: unknown, limit?: number): (string | undefined)[] {
    const text = `${this as string}`;
    const most = limit === undefined ? 0xffffffff : limit >>> 0;
    const parts: (string | undefined)[] = meter.born([]);
    const add = (part: string | undefined): boolean => {
      if (parts.length >= most) return false;
      meter.charge(2);
      meter.grow(8);
      parts[parts.length] = part === undefined ? part : meter.text(part);
      return parts.length < most;
    };
    if (separator === undefined || most === 0) {
      add(text);
      return parts;
    }
    if (!(separator instanceof RealmRegExp)) {
      const wanted = `${separator as string}`;
      meter.charge(text.length >> 2);
      if (wanted === '') {
        for (let at = 0; at < text.length && add(text[at]); at++);
        return parts;
      }
      let from = 0;
      for (let at = indexOf(text, wanted); at >= 0; at = indexOf(text, wanted, from)) {
        if (!add(substring(text, from, at))) return parts;
        from = at + wanted.length;
      }
      add(substring(text, from));
      return parts;
    }
    if (text === '') {
      if (matchFrom(separator, text, 0, true) === null) add(text);
      return parts;
    }
    let from = 0;
    for (let at = 0; at < text.length; ) {
      const match = matchFrom(separator, text, at, false);
      if (match === null || match.index >= text.length) break;
      const end = match.index + match[0]!.length;
      if (end === from) {
        at = advance(text, match.index, separator.unicode);
        continue;
      }
      if (!add(substring(text, from, match.index))) return parts;
      for (let group = 1; group < match.length; group++) if (!add(match[group])) return parts;
      from = end;
      at = end;
    }
    add(substring(text, from));
    return parts;
  },
};
