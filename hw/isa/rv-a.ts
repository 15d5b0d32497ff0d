// A: atomics. A hart runs alone while it runs, so the ordering bits aq and rl have nothing to add.

import type { I64 } from '../wasm/values.ts';
import { extension, type Row } from './instruction.ts';

const widths = [
  { suffix: 'w', size: 4, funct3: '010', noun: 'word' },
  { suffix: 'd', size: 8, funct3: '011', noun: 'doubleword' },
] as const;

/** Read-modify-write operations: `old` and, for words, `operand` are sign-extended, which keeps unsigned order too. */
const operations: { name: string; funct5: string; does: string; next(old: I64, operand: I64): I64 }[] = [
  { name: 'amoswap', funct5: '00001', does: 'Replaces', next: (_old, operand) => operand },
  { name: 'amoadd', funct5: '00000', does: 'Adds rs2 to', next: (old, operand) => old.add(operand) },
  { name: 'amoxor', funct5: '00100', does: 'Exclusive-ors rs2 into', next: (old, operand) => old.xor(operand) },
  { name: 'amoand', funct5: '01100', does: 'Ands rs2 into', next: (old, operand) => old.and(operand) },
  { name: 'amoor', funct5: '01000', does: 'Ors rs2 into', next: (old, operand) => old.or(operand) },
  {
    name: 'amomin',
    funct5: '10000',
    does: 'Stores the signed minimum of rs2 and',
    next: (old, operand) => old.ltS(operand).select(old, operand),
  },
  {
    name: 'amomax',
    funct5: '10100',
    does: 'Stores the signed maximum of rs2 and',
    next: (old, operand) => old.gtS(operand).select(old, operand),
  },
  {
    name: 'amominu',
    funct5: '11000',
    does: 'Stores the unsigned minimum of rs2 and',
    next: (old, operand) => old.ltU(operand).select(old, operand),
  },
  {
    name: 'amomaxu',
    funct5: '11100',
    does: 'Stores the unsigned maximum of rs2 and',
    next: (old, operand) => old.gtU(operand).select(old, operand),
  },
];

export const rvA = extension(
  'A',
  widths.flatMap(({ suffix, size, funct3, noun }): Row[] => [
    {
      name: `lr.${suffix}`,
      encoding: `00010 aq rl 00000 rs1 ${funct3} rd 0101111`,
      syntax: 'rd, (rs1)',
      brief: `Loads the ${noun} at rs1, sign-extended, and reserves it.`,
      semantics: (s) => s.setX(s.loadReserved(size, s.x('rs1'))),
    },
    {
      name: `sc.${suffix}`,
      encoding: `00011 aq rl rs2 rs1 ${funct3} rd 0101111`,
      syntax: 'rd, rs2, (rs1)',
      brief: `Stores the ${noun} in rs2 at rs1 if the reservation holds; rd is 0 on success, 1 on failure.`,
      semantics: (s) => s.setX(s.storeConditional(size, s.x('rs1'), s.x('rs2'))),
    },
    ...operations.map(
      ({ name, funct5, does, next }): Row => ({
        name: `${name}.${suffix}`,
        encoding: `${funct5} aq rl rs2 rs1 ${funct3} rd 0101111`,
        syntax: 'rd, rs2, (rs1)',
        brief: `${does} the ${noun} at rs1${name === 'amoswap' ? ' by rs2' : ''}; rd is the old value, sign-extended.`,
        semantics: (s) => {
          const operand = size === 4 ? s.x('rs2').extend32S() : s.x('rs2');
          s.setX(s.rmw(size, s.x('rs1'), (old) => next(old, operand)));
        },
      }),
    ),
  ]),
);
