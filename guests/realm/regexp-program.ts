// Compiles the tree of a regular expression to a program for the matcher: a flat list of numbers. Inside a lookbehind
// everything is compiled backwards, as ECMA-262 22.2.2 evaluates it.

import type { Ranges, RegExpNode, RegExpSyntax } from './regexp-syntax.ts';

/** Opcodes and their operands. `back` is 1 where the text is read backwards. */
export const op = {
  match: 0,
  /** code, back */
  character: 1,
  /** back */
  any: 2,
  /** index of the set, back */
  set: 3,
  /** where to go first, where to go on failure */
  split: 4,
  jump: 5,
  /** register: keeps the position */
  save: 6,
  /** first and last register: forgets what groups matched in an earlier iteration */
  clear: 7,
  /** register: back to zero */
  zero: 8,
  /** register, min, max (−1: none), greedy, exit; the body follows */
  loop: 9,
  /** count register, mark register: begins an iteration */
  iterate: 10,
  /** count register, mark register, min: an iteration past the minimum that matched nothing fails */
  progress: 11,
  /** index of the kind: start, end, word, not-word */
  assert: 12,
  /** negated, where to go on; the body follows and ends in `match` */
  look: 13,
  /** group, back */
  backReference: 14,
} as const;

export const assertions = ['start', 'end', 'word', 'not-word'] as const;

export interface RegExpProgram {
  code: readonly number[];
  sets: readonly { ranges: Ranges; negated: boolean }[];
  /** Registers 2 × group and 2 × group + 1 hold where a group begins and ends, the others count. */
  registers: number;
  groups: number;
  names: readonly (readonly [string, number])[];
}

export function compileRegExp({ root, groups, names }: RegExpSyntax): RegExpProgram {
  const code: number[] = [];
  const sets: { ranges: Ranges; negated: boolean }[] = [];
  let registers = 2 * (groups + 1);

  const emit = (...words: number[]): number => {
    const at = code.length;
    for (let i = 0; i < words.length; i++) code[code.length] = words[i]!;
    return at;
  };

  function compile(node: RegExpNode, back: 0 | 1): void {
    switch (node.type) {
      case 'empty':
        return;
      case 'character':
        emit(op.character, node.code, back);
        return;
      case 'any':
        emit(op.any, back);
        return;
      case 'set':
        sets[sets.length] = { ranges: node.ranges, negated: node.negated };
        emit(op.set, sets.length - 1, back);
        return;
      case 'sequence':
        for (let i = 0; i < node.items.length; i++) compile(node.items[back ? node.items.length - 1 - i : i]!, back);
        return;
      case 'choice': {
        const jumps: number[] = [];
        for (let i = 0; i < node.options.length - 1; i++) {
          const split = emit(op.split, 0, 0);
          code[split + 1] = code.length;
          compile(node.options[i]!, back);
          jumps[jumps.length] = emit(op.jump, 0);
          code[split + 2] = code.length;
        }
        compile(node.options[node.options.length - 1]!, back);
        for (let i = 0; i < jumps.length; i++) code[jumps[i]! + 1] = code.length;
        return;
      }
      case 'group':
        emit(op.save, 2 * node.index + back);
        compile(node.body, back);
        emit(op.save, 2 * node.index + 1 - back);
        return;
      case 'repeat': {
        const count = registers++;
        const mark = registers++;
        emit(op.zero, count);
        const max = node.max === Number.POSITIVE_INFINITY ? -1 : node.max;
        const loop = emit(op.loop, count, node.min, max, node.greedy ? 1 : 0, 0);
        emit(op.iterate, count, mark);
        if (node.lastGroup >= node.firstGroup) emit(op.clear, 2 * node.firstGroup, 2 * node.lastGroup + 1);
        compile(node.body, back);
        emit(op.progress, count, mark, node.min);
        emit(op.jump, loop);
        code[loop + 5] = code.length;
        return;
      }
      case 'assert':
        emit(op.assert, assertions.indexOf(node.kind));
        return;
      case 'look': {
        const look = emit(op.look, node.negated ? 1 : 0, 0);
        compile(node.body, node.ahead ? 0 : 1);
        emit(op.match);
        code[look + 2] = code.length;
        return;
      }
      case 'back-reference':
        emit(op.backReference, node.group, back);
        return;
      default:
        node satisfies never;
    }
  }
  compile(root, 0);
  emit(op.match);
  return { code, sets, registers, groups, names };
}
