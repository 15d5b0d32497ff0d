// Expressions: C's operators and precedence over integers of any size, symbols, local labels and `.`.

import { Mistake, type Place } from './issue.ts';
import { stringBytes, type Text } from './source.ts';

/** What an expression may refer to. */
export interface Scope {
  /** Address of the statement. */
  here: bigint;
  /** undefined: not defined, or not yet. */
  symbol(name: string): bigint | undefined;
  local(label: number, direction: 'f' | 'b'): bigint | undefined;
}

const binary: readonly Record<string, (a: bigint, b: bigint, place: Place) => bigint>[] = [
  { '||': (a, b) => (a !== 0n || b !== 0n ? 1n : 0n) },
  { '&&': (a, b) => (a !== 0n && b !== 0n ? 1n : 0n) },
  { '|': (a, b) => a | b },
  { '^': (a, b) => a ^ b },
  { '&': (a, b) => a & b },
  { '==': (a, b) => (a === b ? 1n : 0n), '!=': (a, b) => (a !== b ? 1n : 0n) },
  {
    '<=': (a, b) => (a <= b ? 1n : 0n),
    '>=': (a, b) => (a >= b ? 1n : 0n),
    '<': (a, b) => (a < b ? 1n : 0n),
    '>': (a, b) => (a > b ? 1n : 0n),
  },
  { '<<': (a, b, place) => a << distance(b, place), '>>': (a, b, place) => a >> distance(b, place) },
  { '+': (a, b) => a + b, '-': (a, b) => a - b },
  {
    '*': (a, b) => a * b,
    '/': (a, b, place) => a / divisor(b, place),
    '%': (a, b, place) => a % divisor(b, place),
  },
];

function distance(value: bigint, place: Place): bigint {
  if (value < 0n || value > 127n) throw new Mistake(`a shift by ${value}`, place, 'shift by 0 to 127');
  return value;
}

function divisor(value: bigint, place: Place): bigint {
  if (value === 0n) throw new Mistake('division by zero', place);
  return value;
}

const operators = /^(\|\||&&|==|!=|<=|>=|<<|>>|[|^&<>+\-*/%])/;
const maxDepth = 100;

class Parser {
  private at = 0;
  private depth = 0;

  constructor(
    private readonly piece: Text,
    private readonly scope: Scope,
  ) {}

  private get rest(): string {
    return this.piece.text.slice(this.at);
  }

  private get place(): Place {
    return { line: this.piece.line, column: this.piece.column + this.at };
  }

  private skipBlanks(): void {
    this.at += /^\s*/.exec(this.rest)![0].length;
  }

  parse(): bigint {
    const value = this.level(0);
    this.skipBlanks();
    if (this.rest !== '') throw new Mistake(`unexpected ${this.rest} in an expression`, this.place);
    return value;
  }

  private level(precedence: number): bigint {
    const row = binary[precedence];
    if (row === undefined) return this.unary();
    let left = this.level(precedence + 1);
    for (;;) {
      this.skipBlanks();
      const { place } = this;
      const operator = operators.exec(this.rest)?.[1];
      const apply = operator === undefined ? undefined : row[operator];
      if (apply === undefined) return left;
      this.at += operator!.length;
      left = apply(left, this.level(precedence + 1), place);
    }
  }

  private unary(): bigint {
    if (++this.depth > maxDepth) throw new Mistake('this expression nests too deeply', this.place);
    this.skipBlanks();
    const operator = /^[-+~!]/.exec(this.rest)?.[0];
    let value: bigint;
    if (operator === undefined) value = this.primary();
    else {
      this.at++;
      value = this.unary();
      if (operator === '-') value = -value;
      if (operator === '~') value = ~value;
      if (operator === '!') value = value === 0n ? 1n : 0n;
    }
    this.depth--;
    return value;
  }

  private take(pattern: RegExp): string | undefined {
    const found = pattern.exec(this.rest)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }

  private primary(): bigint {
    const { place } = this;
    if (this.take(/^\(/)) {
      const value = this.level(0);
      this.skipBlanks();
      if (!this.take(/^\)/)) throw new Mistake('a closing parenthesis is missing', this.place);
      return value;
    }
    const number = this.take(/^(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+)(?![\w.])/);
    if (number !== undefined) return BigInt(number.toLowerCase());
    const local = this.take(/^\d+[fb](?![\w.])/);
    if (local !== undefined) {
      const value = this.scope.local(Number.parseInt(local, 10), local.at(-1) as 'f' | 'b');
      if (value === undefined) throw new Mistake(`there is no local label for ${local}`, place);
      return value;
    }
    const octal = this.take(/^0[0-7]+(?![\w.])/);
    if (octal !== undefined) return BigInt(`0o${octal.slice(1)}`);
    const decimal = this.take(/^(0|[1-9]\d*)(?![\w.])/);
    if (decimal !== undefined) return BigInt(decimal);
    const character = this.take(/^'(\\x[0-9a-fA-F]{1,2}|\\.|[^\\'])'/u);
    if (character !== undefined) {
      const body = character.slice(1, -1);
      if (!body.startsWith('\\')) return BigInt(body.codePointAt(0)!);
      return BigInt(stringBytes({ text: `"${body}"`, ...place })[0]!);
    }
    const name = this.take(/^[A-Za-z_.$][\w.$]*/);
    if (name === '.') return this.scope.here;
    if (name !== undefined) {
      const value = this.scope.symbol(name);
      if (value === undefined) throw new Mistake(`${name} is not defined`, place);
      return value;
    }
    throw new Mistake(this.rest === '' ? 'a value is missing' : `unexpected ${this.rest} in an expression`, this.place);
  }
}

/** The value of an expression; throws a `Mistake`. */
export const evaluate = (piece: Text, scope: Scope): bigint => new Parser(piece, scope).parse();
