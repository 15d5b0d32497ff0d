// Parses a regular expression into a tree. ECMA-262, section 22.2.1 with the web's Annex B left out, except that lone
// brackets and braces stand for themselves without the flag u. Flags d, v and the pair iu are refused, as are \p classes.

/** Inclusive ranges of code units, or of code points with the flag u; sorted, disjoint. */
export type Ranges = readonly (readonly [number, number])[];

export type RegExpNode =
  | { type: 'empty' }
  | { type: 'character'; code: number }
  | { type: 'any' }
  | { type: 'set'; ranges: Ranges; negated: boolean }
  | { type: 'sequence'; items: RegExpNode[] }
  | { type: 'choice'; options: RegExpNode[] }
  | { type: 'group'; index: number; body: RegExpNode }
  | {
      type: 'repeat';
      body: RegExpNode;
      min: number;
      max: number;
      greedy: boolean;
      firstGroup: number;
      lastGroup: number;
    }
  | { type: 'assert'; kind: 'start' | 'end' | 'word' | 'not-word' }
  | { type: 'look'; body: RegExpNode; ahead: boolean; negated: boolean; firstGroup: number; lastGroup: number }
  | { type: 'back-reference'; group: number };

export interface RegExpSyntax {
  root: RegExpNode;
  /** Capturing groups, the whole match not counted. */
  groups: number;
  /** Names of groups, in order of appearance. */
  names: readonly (readonly [string, number])[];
}

const digits: Ranges = [[48, 57]];
const wordCharacters: Ranges = [
  [48, 57],
  [65, 90],
  [95, 95],
  [97, 122],
];
const spaces: Ranges = [
  [9, 13],
  [32, 32],
  [160, 160],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];
const nestingLimit = 100;

export function complement(ranges: Ranges): [number, number][] {
  const result: [number, number][] = [];
  let next = 0;
  for (const [low, high] of ranges) {
    if (low > next) result[result.length] = [next, low - 1];
    next = high + 1;
  }
  if (next <= 0x10ffff) result[result.length] = [next, 0x10ffff];
  return result;
}

function normalise(ranges: [number, number][]): [number, number][] {
  // Insertion sort: classes are short, and the result must not depend on the engine.
  for (let i = 1; i < ranges.length; i++) {
    for (let j = i; j > 0 && ranges[j]![0] < ranges[j - 1]![0]; j--) {
      const swap = ranges[j]!;
      ranges[j] = ranges[j - 1]!;
      ranges[j - 1] = swap;
    }
  }
  const result: [number, number][] = [];
  for (const [low, high] of ranges) {
    const last = result[result.length - 1];
    if (last !== undefined && low <= last[1] + 1) last[1] = high > last[1] ? high : last[1];
    else result[result.length] = [low, high];
  }
  return result;
}

export class RegExpSyntaxError extends Error {}

export function parseRegExp(source: string, unicode: boolean): RegExpSyntax {
  return new Parser(source, unicode).parse();
}

class Parser {
  private at = 0;
  private groups = 0;
  private nesting = 0;
  private readonly names: [string, number][] = [];
  private readonly references: { name: string; node: { group: number } }[] = [];
  private readonly totalGroups: number;
  private readonly hasNames: boolean;
  private readonly source: string;
  private readonly unicode: boolean;

  constructor(source: string, unicode: boolean) {
    this.source = source;
    this.unicode = unicode;
    let total = 0;
    let named = false;
    let inClass = false;
    for (let i = 0; i < source.length; i++) {
      const c = source[i];
      if (c === '\\') i++;
      else if (c === '[') inClass = true;
      else if (c === ']') inClass = false;
      else if (c === '(' && !inClass) {
        if (source[i + 1] !== '?') total++;
        else if (source[i + 2] === '<' && source[i + 3] !== '=' && source[i + 3] !== '!') {
          total++;
          named = true;
        }
      }
    }
    this.totalGroups = total;
    this.hasNames = named;
  }

  parse(): RegExpSyntax {
    const root = this.choice();
    if (this.at < this.source.length) this.fail(`Unmatched ${this.source[this.at]}`);
    for (const { name, node } of this.references) {
      const found = this.names.find((entry) => entry[0] === name);
      if (found === undefined) this.fail(`There is no group ${name}`);
      node.group = found[1];
    }
    return { root, groups: this.groups, names: this.names };
  }

  private fail(message: string): never {
    throw new RegExpSyntaxError(`Invalid regular expression /${this.source}/: ${message}`);
  }
  private peek(): string {
    return this.source[this.at] ?? '';
  }
  private eat(text: string): boolean {
    if (!this.source.startsWith(text, this.at)) return false;
    this.at += text.length;
    return true;
  }
  private codePoint(): number {
    const code = this.unicode ? this.source.codePointAt(this.at)! : this.source.charCodeAt(this.at);
    this.at += code > 0xffff ? 2 : 1;
    return code;
  }

  private choice(): RegExpNode {
    if (++this.nesting > nestingLimit) this.fail('It nests too deeply');
    const options = [this.sequence()];
    while (this.eat('|')) options[options.length] = this.sequence();
    this.nesting--;
    return options.length === 1 ? options[0]! : { type: 'choice', options };
  }

  private sequence(): RegExpNode {
    const items: RegExpNode[] = [];
    while (this.at < this.source.length && this.peek() !== '|' && this.peek() !== ')')
      items[items.length] = this.term();
    return items.length === 1 ? items[0]! : items.length === 0 ? { type: 'empty' } : { type: 'sequence', items };
  }

  private term(): RegExpNode {
    const firstGroup = this.groups + 1;
    const assertion = this.assertion(firstGroup);
    if (assertion !== undefined) {
      if ('*+?'.includes(this.peek()) && this.peek() !== '') this.fail('Nothing to repeat');
      return assertion;
    }
    return this.quantified(this.atom(), firstGroup);
  }

  private assertion(firstGroup: number): RegExpNode | undefined {
    if (this.eat('^')) return { type: 'assert', kind: 'start' };
    if (this.eat('$')) return { type: 'assert', kind: 'end' };
    if (this.eat('\\b')) return { type: 'assert', kind: 'word' };
    if (this.eat('\\B')) return { type: 'assert', kind: 'not-word' };
    for (const [opening, ahead, negated] of [
      ['(?=', true, false],
      ['(?!', true, true],
      ['(?<=', false, false],
      ['(?<!', false, true],
    ] as const) {
      if (!this.eat(opening)) continue;
      const body = this.choice();
      if (!this.eat(')')) this.fail('Unterminated group');
      return { type: 'look', body, ahead, negated, firstGroup, lastGroup: this.groups };
    }
    return undefined;
  }

  private quantified(body: RegExpNode, firstGroup: number): RegExpNode {
    let min = 0;
    let max = Number.POSITIVE_INFINITY;
    if (this.eat('*')) min = 0;
    else if (this.eat('+')) min = 1;
    else if (this.eat('?')) max = 1;
    else {
      const braces = this.braces();
      if (braces === undefined) return body;
      [min, max] = braces;
    }
    if (min > max) this.fail('Numbers out of order in a quantifier');
    const greedy = !this.eat('?');
    if ('*+?'.includes(this.peek()) && this.peek() !== '') this.fail('Nothing to repeat');
    return { type: 'repeat', body, min, max, greedy, firstGroup, lastGroup: this.groups };
  }

  /** {n}, {n,} or {n,m}. undefined, and nothing eaten: no quantifier. */
  private braces(): [number, number] | undefined {
    if (this.peek() !== '{') return undefined;
    const start = this.at++;
    const min = this.decimal();
    let max = min;
    if (min !== undefined && this.eat(',')) max = this.decimal() ?? Number.POSITIVE_INFINITY;
    if (min !== undefined && max !== undefined && this.eat('}')) return [min, max];
    if (this.unicode) this.fail('Incomplete quantifier');
    this.at = start;
    return undefined;
  }

  private decimal(): number | undefined {
    let value: number | undefined;
    while (this.peek() >= '0' && this.peek() <= '9' && this.peek() !== '') {
      value = (value ?? 0) * 10 + (this.source.charCodeAt(this.at++) - 48);
    }
    return value;
  }

  private atom(): RegExpNode {
    if (this.eat('.')) return { type: 'any' };
    if (this.eat('(')) return this.group();
    if (this.eat('[')) return this.characterClass();
    if (this.eat('\\')) return this.escape();
    const character = this.peek();
    if ('*+?'.includes(character)) this.fail('Nothing to repeat');
    if (this.unicode && '{}]'.includes(character)) this.fail(`Lone ${character}`);
    if (character === '{') {
      const start = this.at;
      if (this.braces() !== undefined) this.fail('Nothing to repeat');
      this.at = start;
    }
    return { type: 'character', code: this.codePoint() };
  }

  private group(): RegExpNode {
    let index = 0;
    if (!this.eat('?:')) {
      index = ++this.groups;
      if (this.eat('?<')) {
        const name = this.groupName();
        if (this.names.some((entry) => entry[0] === name)) this.fail(`Two groups are called ${name}`);
        this.names[this.names.length] = [name, index];
      } else if (this.peek() === '?') this.fail('Invalid group');
    }
    const body = this.choice();
    if (!this.eat(')')) this.fail('Unterminated group');
    return index === 0 ? body : { type: 'group', index, body };
  }

  private groupName(): string {
    const end = this.source.indexOf('>', this.at);
    const name = end < 0 ? '' : this.source.slice(this.at, end);
    for (let i = 0; i < name.length; i++) {
      const c = name.charCodeAt(i);
      const letter = c === 36 || c === 95 || (c >= 65 && c <= 90) || (c >= 97 && c <= 122);
      if (!letter && !(i > 0 && c >= 48 && c <= 57)) this.fail('Invalid name of a group: letters, digits, _ and $');
    }
    if (name === '') this.fail('Invalid name of a group');
    this.at = end + 1;
    return name;
  }

  private escape(): RegExpNode {
    const character = this.peek();
    if (character === '') this.fail('\\ at the end');
    if (character >= '1' && character <= '9') {
      const start = this.at;
      const group = this.decimal()!;
      if (group <= this.totalGroups) return { type: 'back-reference', group };
      this.at = start;
      this.fail('A back reference to a group that does not exist');
    }
    if (character === 'k' && (this.unicode || this.hasNames)) {
      this.at++;
      if (!this.eat('<')) this.fail('Invalid named reference');
      const node: RegExpNode = { type: 'back-reference', group: 0 };
      this.references[this.references.length] = { name: this.groupName(), node };
      return node;
    }
    const set = this.classEscape();
    if (set !== undefined) return { type: 'set', ...set };
    return { type: 'character', code: this.characterEscape() };
  }

  /** \d \D \s \S \w \W */
  private classEscape(): { ranges: Ranges; negated: boolean } | undefined {
    const character = this.peek();
    const ranges = { d: digits, s: spaces, w: wordCharacters }[character.toLowerCase()];
    if ((character === 'p' || character === 'P') && this.unicode)
      this.fail('Unicode properties are not supported in a realm');
    if (ranges === undefined) return undefined;
    this.at++;
    return { ranges, negated: character !== character.toLowerCase() };
  }

  private characterEscape(): number {
    const character = this.source[this.at++]!;
    switch (character) {
      case 'f':
        return 12;
      case 'n':
        return 10;
      case 'r':
        return 13;
      case 't':
        return 9;
      case 'v':
        return 11;
      case '0':
        if (this.peek() >= '0' && this.peek() <= '9' && this.peek() !== '')
          this.fail('Octal escapes are not supported in a realm');
        return 0;
      case 'c': {
        const letter = this.peek().toUpperCase();
        if (letter < 'A' || letter > 'Z' || letter.length !== 1) this.fail('Invalid control escape');
        this.at++;
        return letter.charCodeAt(0) & 31;
      }
      case 'x':
        return this.hexadecimal(2);
      case 'u':
        return this.unicodeEscape();
      default:
        if (this.unicode && !'^$\\.*+?()[]{}|/-'.includes(character)) this.fail(`Invalid escape \\${character}`);
        this.at--;
        return this.codePoint();
    }
  }

  private unicodeEscape(): number {
    if (this.unicode && this.eat('{')) {
      let value = 0;
      let digitCount = 0;
      while (!this.eat('}')) {
        value = value * 16 + this.hexadecimal(1);
        if (++digitCount > 6 || value > 0x10ffff) this.fail('Invalid Unicode escape');
      }
      if (digitCount === 0) this.fail('Invalid Unicode escape');
      return value;
    }
    const high = this.hexadecimal(4);
    if (this.unicode && high >= 0xd800 && high <= 0xdbff && this.source.startsWith('\\u', this.at)) {
      const start = this.at;
      this.at += 2;
      if (this.peek() !== '{') {
        const low = this.hexadecimal(4);
        if (low >= 0xdc00 && low <= 0xdfff) return (high - 0xd800) * 0x400 + (low - 0xdc00) + 0x10000;
      }
      this.at = start;
    }
    return high;
  }

  private hexadecimal(length: number): number {
    let value = 0;
    for (let i = 0; i < length; i++) {
      const digit = '0123456789abcdef'.indexOf(this.peek().toLowerCase());
      if (digit < 0 || this.peek() === '') this.fail('Invalid escape');
      value = value * 16 + digit;
      this.at++;
    }
    return value;
  }

  private characterClass(): RegExpNode {
    const negated = this.eat('^');
    let ranges: [number, number][] = [];
    const add = (more: Ranges): void => {
      for (const [low, high] of more) ranges[ranges.length] = [low, high];
    };
    while (!this.eat(']')) {
      if (this.at >= this.source.length) this.fail('Unterminated character class');
      const low = this.classAtom(add);
      if (this.peek() === '-' && this.source[this.at + 1] !== ']' && this.at + 1 < this.source.length) {
        this.at++;
        const high = this.classAtom(add);
        if (low === undefined || high === undefined) {
          if (this.unicode) this.fail('Invalid range of a character class');
          if (low !== undefined) add([[low, low]]);
          if (high !== undefined) add([[high, high]]);
          add([[45, 45]]);
        } else if (low > high) this.fail('A range of a character class is out of order');
        else add([[low, high]]);
      } else if (low !== undefined) add([[low, low]]);
    }
    ranges = normalise(ranges);
    return { type: 'set', ranges, negated };
  }

  private classAtom(add: (ranges: Ranges) => void): number | undefined {
    if (!this.eat('\\')) return this.codePoint();
    if (this.eat('b')) return 8;
    if (this.peek() === '-' && this.unicode) return this.codePoint();
    const set = this.classEscape();
    if (set === undefined) {
      if (this.peek() >= '1' && this.peek() <= '9') this.fail('Octal escapes are not supported in a realm');
      return this.characterEscape();
    }
    add(set.negated ? complement(set.ranges) : set.ranges);
    return undefined;
  }
}
