// Pseudo-instructions that stand for several instructions, and the sequences that they become.

import { fenceTso } from '../aliases.ts';
import { fNumbers, xNumbers } from '../registers.ts';
import { instructions, operation } from '../table.ts';
import { encodeFields, high20, memoryOperand, type OperandScope } from './encode.ts';
import { evaluate } from './expression.ts';
import { Mistake } from './issue.ts';
import type { Text } from './source.ts';

type Values = Parameters<typeof encodeFields>[1];

export const encodeNamed = (name: string, values: Values): number =>
  encodeFields(instructions[operation(name)]!, values);

export interface Pseudo {
  /** Operands as a user would write them. */
  usage: string;
  /** What it stands for, in Markdown. */
  means: string;
  accepts(operands: readonly Text[]): boolean;
  /** Bytes. A size that depends on a value needs a value that is known so far. */
  size(operands: readonly Text[], scope: OperandScope): number;
  words(operands: readonly Text[], scope: OperandScope): number[];
}

const isX = (written: Text | undefined): boolean => written !== undefined && xNumbers.has(written.text);
/** An expression: no register, and no parenthesis that directly follows a value, as in a memory operand. */
const isValue = (written: Text | undefined): boolean =>
  written !== undefined &&
  !xNumbers.has(written.text) &&
  !fNumbers.has(written.text) &&
  !/[\w)]\(\s*\w+\s*\)$/.test(written.text) &&
  memoryOperand(written) === undefined;
const x = (written: Text): number => xNumbers.get(written.text)!;

/** The shortest of the usual sequences that set rd to a constant: lui, addi(w), and slli with addi for what is below. */
export function loadConstant(rd: number, constant: bigint): number[] {
  const value = BigInt.asIntN(64, constant);
  const low = BigInt.asIntN(12, value);
  if (value === low) return [encodeNamed('addi', { rd, imm: Number(value) })];
  if (value === BigInt.asIntN(32, value)) {
    const upper = Number(BigInt.asIntN(32, (value - low) & 0xffff_f000n));
    const lui = encodeNamed('lui', { rd, imm: upper });
    return low === 0n ? [lui] : [lui, encodeNamed('addiw', { rd, rs1: rd, imm: Number(low) })];
  }
  let high = BigInt.asIntN(64, value - low) >> 12n;
  let shift = 12;
  while ((high & 1n) === 0n) {
    high >>= 1n;
    shift++;
  }
  const words = [...loadConstant(rd, high), encodeNamed('slli', { rd, rs1: rd, imm: shift })];
  return low === 0n ? words : [...words, encodeNamed('addi', { rd, rs1: rd, imm: Number(low) })];
}

/** auipc of `base`, then an instruction that takes the rest of the distance to a symbol as its immediate. */
function relative(symbol: Text, scope: OperandScope, base: number, name: string, values: Values): number[] {
  const distance = BigInt.asIntN(64, evaluate(symbol, scope) - scope.here);
  const high = high20(distance, symbol, 'it must lie within 2 GiB of the instruction');
  return [
    encodeNamed('auipc', { rd: base, imm: Number(BigInt.asIntN(32, high << 12n)) }),
    encodeNamed(name, { ...values, rs1: base, imm: Number(BigInt.asIntN(12, distance)) }),
  ];
}

const pair = (
  usage: string,
  means: string,
  accepts: Pseudo['accepts'],
  words: (operands: readonly Text[], scope: OperandScope) => number[],
): Pseudo => ({ usage, means, accepts, size: () => 8, words });

const address = pair(
  'rd, symbol',
  'the address of a symbol: `auipc`, `addi`',
  (o) => o.length === 2 && isX(o[0]) && isValue(o[1]),
  ([rd, symbol], scope) => relative(symbol!, scope, x(rd!), 'addi', { rd: x(rd!) }),
);

const single = (word: number, means: string): Pseudo => ({
  usage: '',
  means,
  accepts: (operands) => operands.length === 0,
  size: () => 4,
  words: () => [word],
});

const loads = ['lb', 'lh', 'lw', 'ld', 'lbu', 'lhu', 'lwu'].map((name): [string, Pseudo] => [
  name,
  pair(
    'rd, symbol',
    `\`auipc\`, \`${name}\``,
    (o) => o.length === 2 && isX(o[0]) && isValue(o[1]),
    ([rd, symbol], scope) => relative(symbol!, scope, x(rd!), name, { rd: x(rd!) }),
  ),
]);

const stores = ['sb', 'sh', 'sw', 'sd'].map((name): [string, Pseudo] => [
  name,
  pair(
    'rs2, symbol, temporary',
    `\`auipc\`, \`${name}\``,
    (o) => o.length === 3 && isX(o[0]) && isValue(o[1]) && isX(o[2]),
    ([rs2, symbol, temporary], scope) => relative(symbol!, scope, x(temporary!), name, { rs2: x(rs2!) }),
  ),
]);

const floats = (
  [
    ['flw', 'rd'],
    ['fld', 'rd'],
    ['fsw', 'rs2'],
    ['fsd', 'rs2'],
  ] as const
).map(([name, field]): [string, Pseudo] => [
  name,
  pair(
    'register, symbol, temporary',
    `\`auipc\`, \`${name}\``,
    (o) => o.length === 3 && fNumbers.has(o[0]!.text) && isValue(o[1]) && isX(o[2]),
    ([register, symbol, temporary], scope) =>
      relative(symbol!, scope, x(temporary!), name, { [field]: fNumbers.get(register!.text)! }),
  ),
]);

const ra = 1;
const t1 = 6;

export const pseudos: ReadonlyMap<string, Pseudo> = new Map<string, Pseudo>([
  [
    'li',
    {
      usage: 'rd, constant',
      means: 'any 64-bit constant: up to eight of `lui`, `addi`, `addiw`, `slli`',
      accepts: (o) => o.length === 2 && isX(o[0]) && isValue(o[1]),
      size: (operands, scope) => pseudos.get('li')!.words(operands, scope).length * 4,
      words: ([rd, constant], scope) => {
        const value = evaluate(constant!, scope);
        if (value < -(2n ** 63n) || value >= 2n ** 64n) throw new Mistake(`${value} does not fit 64 bits`, constant!);
        return loadConstant(x(rd!), value);
      },
    },
  ],
  ['la', address],
  ['lla', address],
  [
    'call',
    pair(
      '[rd,] symbol',
      '`auipc`, `jalr` through ra (with rd: through t1)',
      (o) => (o.length === 1 && isValue(o[0])) || (o.length === 2 && isX(o[0]) && isValue(o[1])),
      (operands, scope) =>
        operands.length === 1
          ? relative(operands[0]!, scope, ra, 'jalr', { rd: ra })
          : relative(operands[1]!, scope, t1, 'jalr', { rd: x(operands[0]!) }),
    ),
  ],
  [
    'tail',
    pair(
      'symbol',
      '`auipc`, `jalr` through t1, without a link',
      (o) => o.length === 1 && isValue(o[0]),
      ([symbol], scope) => relative(symbol!, scope, t1, 'jalr', {}),
    ),
  ],
  [
    'jump',
    pair(
      'symbol, temporary',
      '`auipc`, `jalr` through the temporary, without a link',
      (o) => o.length === 2 && isValue(o[0]) && isX(o[1]),
      ([symbol, temporary], scope) => relative(symbol!, scope, x(temporary!), 'jalr', {}),
    ),
  ],
  ['fence.tso', single(fenceTso, '`fence` with fm = 1000')],
  ...loads,
  ...stores,
  ...floats,
]);
