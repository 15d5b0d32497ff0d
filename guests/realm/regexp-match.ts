// Runs the program of a regular expression: backtracking with an explicit stack, one unit of fuel for each step, so that
// an explosive expression exhausts its handler and nothing else. Semantics: ECMA-262, section 22.2.2.

import { meter } from './meter.ts';
import { charCodeAt } from './natives.ts';
import { assertions, op, type RegExpProgram } from './regexp-program.ts';
import type { Ranges } from './regexp-syntax.ts';

export interface RegExpFlags {
  ignoreCase: boolean;
  multiline: boolean;
  dotAll: boolean;
  unicode: boolean;
}

function isLineTerminator(code: number): boolean {
  return code === 10 || code === 13 || code === 0x2028 || code === 0x2029;
}

function isWord(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || (code >= 48 && code <= 57) || code === 95;
}

function inRanges(ranges: Ranges, code: number): boolean {
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const range = ranges[middle]!;
    if (code < range[0]) high = middle - 1;
    else if (code > range[1]) low = middle + 1;
    else return true;
  }
  return false;
}

const { fromCharCode } = String;
const toUpperCase = Function.prototype.call.bind(String.prototype.toUpperCase) as (text: string) => string;

/** Canonicalize without the flag u. */
export function canonical(code: number): number {
  if (code < 128) return code >= 97 && code <= 122 ? code - 32 : code;
  const upper = toUpperCase(fromCharCode(code));
  if (upper.length !== 1) return code;
  const changed = charCodeAt(upper, 0);
  return changed < 128 ? code : changed;
}

let variants: number[][] | undefined;

/** The code units with the same canonical form. */
function variantsOf(code: number): readonly number[] {
  if (code < 128) {
    const upper = canonical(code);
    return upper >= 65 && upper <= 90 ? [upper, upper + 32] : [code];
  }
  if (variants === undefined) {
    variants = [];
    for (let unit = 128; unit < 0x10000; unit++) {
      const form = canonical(unit);
      const list = variants[form] ?? [];
      list[list.length] = unit;
      variants[form] = list;
    }
  }
  return variants[canonical(code)] ?? [code];
}

/**
 * The first match at `start` or after it; at `start` only if `sticky`. Returns the registers, of which the first
 * 2 × (groups + 1) are positions, −1 where a group took no part. undefined: no match.
 */
export function search(
  program: RegExpProgram,
  flags: RegExpFlags,
  input: string,
  start: number,
  sticky: boolean,
): readonly number[] | undefined {
  const registers: number[] = [];
  for (let i = 0; i < program.registers; i++) registers[i] = -1;
  const before = meter.setKind('regexp');
  const matcher = new Matcher(program, flags, input, registers);
  for (let from = start; from <= (sticky ? start : input.length); from++) {
    const end = matcher.run(0, from);
    if (end >= 0) {
      meter.setKind(before);
      registers[0] = from;
      registers[1] = end;
      return registers;
    }
    matcher.undo(0);
  }
  meter.setKind(before);
  return undefined;
}

class Matcher {
  private readonly program: RegExpProgram;
  private readonly flags: RegExpFlags;
  private readonly input: string;
  private readonly registers: number[];
  /** Places to go back to: program counter, position, length of the trail. */
  private readonly stack: number[] = [];
  private top = 0;
  /** Registers that were overwritten, with what they held. */
  private readonly trail: number[] = [];
  private trailTop = 0;

  constructor(program: RegExpProgram, flags: RegExpFlags, input: string, registers: number[]) {
    this.program = program;
    this.flags = flags;
    this.input = input;
    this.registers = registers;
  }

  private push(pc: number, position: number): void {
    if (this.top >= this.stack.length) meter.grow(24);
    this.stack[this.top] = pc;
    this.stack[this.top + 1] = position;
    this.stack[this.top + 2] = this.trailTop;
    this.top += 3;
  }

  private set(register: number, value: number): void {
    if (this.trailTop >= this.trail.length) meter.grow(16);
    this.trail[this.trailTop] = register;
    this.trail[this.trailTop + 1] = this.registers[register]!;
    this.trailTop += 2;
    this.registers[register] = value;
  }

  undo(trailTop: number): void {
    while (this.trailTop > trailTop) {
      this.trailTop -= 2;
      this.registers[this.trail[this.trailTop]!] = this.trail[this.trailTop + 1]!;
    }
  }

  /** The code unit or code point before or after a position; −1 beyond the text. */
  private read(position: number, back: number): number {
    const { input } = this;
    if (back === 1) {
      if (position <= 0) return -1;
      const low = charCodeAt(input, position - 1);
      if (this.flags.unicode && low >= 0xdc00 && low <= 0xdfff && position > 1) {
        const high = charCodeAt(input, position - 2);
        if (high >= 0xd800 && high <= 0xdbff) return (high - 0xd800) * 0x400 + (low - 0xdc00) + 0x10000;
      }
      return low;
    }
    if (position >= input.length) return -1;
    const high = charCodeAt(input, position);
    if (this.flags.unicode && high >= 0xd800 && high <= 0xdbff && position + 1 < input.length) {
      const low = charCodeAt(input, position + 1);
      if (low >= 0xdc00 && low <= 0xdfff) return (high - 0xd800) * 0x400 + (low - 0xdc00) + 0x10000;
    }
    return high;
  }

  private inSet(index: number, code: number): boolean {
    const { ranges, negated } = this.program.sets[index]!;
    if (!this.flags.ignoreCase) return inRanges(ranges, code) !== negated;
    const forms = variantsOf(code);
    for (let i = 0; i < forms.length; i++) if (inRanges(ranges, forms[i]!)) return !negated;
    return negated;
  }

  private assertion(kind: (typeof assertions)[number], position: number): boolean {
    const { input } = this;
    const previous = position > 0 ? charCodeAt(input, position - 1) : -1;
    const next = position < input.length ? charCodeAt(input, position) : -1;
    switch (kind) {
      case 'start':
        return previous < 0 || (this.flags.multiline && isLineTerminator(previous));
      case 'end':
        return next < 0 || (this.flags.multiline && isLineTerminator(next));
      case 'word':
        return isWord(previous) !== isWord(next);
      case 'not-word':
        return isWord(previous) === isWord(next);
    }
  }

  /** Where the reference ends when it matches at the position, or −1. */
  private backReference(group: number, back: number, position: number): number {
    const from = this.registers[2 * group]!;
    const to = this.registers[2 * group + 1]!;
    if (from < 0 || to < 0) return position;
    const length = to - from;
    const start = back === 1 ? position - length : position;
    if (start < 0 || start + length > this.input.length) return -1;
    meter.charge(length);
    for (let i = 0; i < length; i++) {
      const left = charCodeAt(this.input, from + i);
      const right = charCodeAt(this.input, start + i);
      if (left !== right && !(this.flags.ignoreCase && canonical(left) === canonical(right))) return -1;
    }
    return back === 1 ? start : start + length;
  }

  /** Runs until `match` and returns the end position; −1: no match. What is on the stack before stays there. */
  run(entry: number, start: number): number {
    const { code } = this.program;
    const base = this.top;
    let pc = entry;
    let position = start;
    for (;;) {
      meter.charge(1);
      let next: number;
      switch (code[pc]) {
        case op.match:
          this.top = base;
          return position;
        case op.character: {
          const wanted = code[pc + 1]!;
          const found = this.read(position, code[pc + 2]!);
          const same =
            found === wanted || (this.flags.ignoreCase && found >= 0 && canonical(found) === canonical(wanted));
          next = same ? pc + 3 : -1;
          if (same) position += (code[pc + 2] === 1 ? -1 : 1) * (found > 0xffff ? 2 : 1);
          break;
        }
        case op.any: {
          const found = this.read(position, code[pc + 1]!);
          const fits = found >= 0 && (this.flags.dotAll || !isLineTerminator(found));
          next = fits ? pc + 2 : -1;
          if (fits) position += (code[pc + 1] === 1 ? -1 : 1) * (found > 0xffff ? 2 : 1);
          break;
        }
        case op.set: {
          const found = this.read(position, code[pc + 2]!);
          const fits = found >= 0 && this.inSet(code[pc + 1]!, found);
          next = fits ? pc + 3 : -1;
          if (fits) position += (code[pc + 2] === 1 ? -1 : 1) * (found > 0xffff ? 2 : 1);
          break;
        }
        case op.split:
          this.push(code[pc + 2]!, position);
          next = code[pc + 1]!;
          break;
        case op.jump:
          next = code[pc + 1]!;
          break;
        case op.save:
          this.set(code[pc + 1]!, position);
          next = pc + 2;
          break;
        case op.clear:
          meter.charge(code[pc + 2]! - code[pc + 1]!);
          for (let register = code[pc + 1]!; register <= code[pc + 2]!; register++) this.set(register, -1);
          next = pc + 3;
          break;
        case op.zero:
          this.set(code[pc + 1]!, 0);
          next = pc + 2;
          break;
        case op.loop: {
          const count = this.registers[code[pc + 1]!]!;
          const exit = code[pc + 5]!;
          const body = pc + 6;
          if (count < code[pc + 2]!) next = body;
          else if (code[pc + 3]! >= 0 && count >= code[pc + 3]!) next = exit;
          else {
            const greedy = code[pc + 4] === 1;
            this.push(greedy ? exit : body, position);
            next = greedy ? body : exit;
          }
          break;
        }
        case op.iterate:
          this.set(code[pc + 1]!, this.registers[code[pc + 1]!]! + 1);
          this.set(code[pc + 2]!, position);
          next = pc + 3;
          break;
        case op.progress: {
          const count = this.registers[code[pc + 1]!]!;
          const stuck = count > code[pc + 3]! && this.registers[code[pc + 2]!] === position;
          next = stuck ? -1 : pc + 4;
          break;
        }
        case op.assert:
          next = this.assertion(assertions[code[pc + 1]!]!, position) ? pc + 2 : -1;
          break;
        case op.look: {
          const negated = code[pc + 1] === 1;
          const trailTop = this.trailTop;
          const matched = this.run(pc + 3, position) >= 0;
          // What groups matched in there counts only after a positive assertion that held.
          if (negated || !matched) this.undo(trailTop);
          next = matched !== negated ? code[pc + 2]! : -1;
          break;
        }
        default: {
          const end = this.backReference(code[pc + 1]!, code[pc + 2]!, position);
          next = end < 0 ? -1 : pc + 3;
          if (end >= 0) position = end;
        }
      }
      if (next < 0) {
        if (this.top === base) return -1;
        this.top -= 3;
        next = this.stack[this.top]!;
        position = this.stack[this.top + 1]!;
        this.undo(this.stack[this.top + 2]!);
      }
      pc = next;
    }
  }
}
