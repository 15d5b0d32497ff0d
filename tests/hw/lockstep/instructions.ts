// Random instructions from the ISA table, by what surrounds them must provide: nothing, an address, or a CSR that may change.

import { encodeFields } from '../../../hw/isa/assembler/encode.ts';
import { disassemble } from '../../../hw/isa/disassemble.ts';
import { type Field, fits, rangeOf } from '../../../hw/isa/encoding.ts';
import type { CompressedInstruction, Instruction } from '../../../hw/isa/instruction.ts';
import { compressed, instructions } from '../../../hw/isa/table.ts';
import type { Dice } from '../../../tools/dice.ts';

/** What random instructions may write. The others have their roles, see `frame.ts`. */
export const scratch = [5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 21, 28, 29, 30, 31] as const;
const compactScratch = scratch.filter((register) => register >= 8 && register < 16);
const sp = 2;
/** s1 and s10 point to data. */
const compactPointer = 9;
const pointers = [9, 26, 31] as const;
const temporary = 31;

const control = /^(jal|jalr|beq|bne|blt|bge|bltu|bgeu|ecall|ebreak|fence\.i)$/;
const memory = /^f?(l[bhwd]u?|s[bhwd])$/;
const rows = (extensions: RegExp, excluded: RegExp, included = /./): readonly Instruction[] =>
  instructions.filter(
    ({ extension, name }) => extensions.test(extension) && !excluded.test(name) && included.test(name),
  );

const integer = rows(/^(I|M|Zba|Zbb|Zbs)$/, new RegExp(`${control.source}|${memory.source}`));
const multiply = rows(/^(M|Zbb|Zbs)$/, /^$/);
const float = rows(/^[FD]$/, memory);
const accesses = rows(/^[IFD]$/, /^$/, memory);
const atomics = rows(/^A$/, /^(lr|sc)\./);
const compressedArithmetic = compressed.filter(
  ({ name }) => !/^c\.(j|jr|jalr|beqz|bnez|ebreak|f?[ls][wd](sp)?|addi16sp)$/.test(name),
);
const compressedAccesses = compressed.filter(({ name }) => /^c\.f?[ls][wd](sp)?$/.test(name));

type Fixed = { readonly [name: string]: number };

/** Any value that the field can hold, often one at its ends. */
function anyValue(dice: Dice, field: Field): number {
  const { least, greatest } = rangeOf(field);
  const unit = field.compact ? 1 : 2 ** field.scale;
  for (;;) {
    const at = dice.once(8) ? dice.of([least, greatest]) : least + dice.below((greatest - least) / unit + 1) * unit;
    if (fits(field, at)) return at;
  }
}

function written(dice: Dice, instruction: Instruction | CompressedInstruction, fixed: Fixed = {}): string {
  const values: Record<string, number> = {};
  for (const field of instruction.pattern.fields) {
    const { name, compact } = field;
    if (name === 'fm') continue;
    let value = fixed[name];
    if (value === undefined || !fits(field, value)) {
      const isX = 'base' in instruction || instruction.operands[name as 'rd'] === 'x';
      value = anyValue(dice, field);
      if (name === 'rd' && isX) value = dice.once(30) && !compact ? 0 : dice.of(compact ? compactScratch : scratch);
      if (name === 'rd' && !fits(field, value)) value = 10;
      // Results feed what follows.
      if ((name === 'rs1' || name === 'rs2') && isX && !compact && dice.below(4) > 0) value = dice.of(scratch);
    }
    values[name] = value;
  }
  return disassemble(encodeFields(instruction, values), 0, { aliases: false });
}

export type Flavour = 'integer' | 'float' | 'memory' | 'atomic' | 'mixed';

/** Puts an address in the data area, or just past its end, into t6: of any alignment, or of a given one. */
function address(dice: Dice, alignment: number): string[] {
  // Often at the end of a page, so that what is not aligned crosses it.
  const end = dice.once(3) ? ['li t5, 4088', 'or t6, t6, t5', `addi t6, t6, ${dice.below(8)}`] : [];
  const mask = alignment === 1 ? [] : [`andi t6, t6, -${alignment}`];
  return [`and t6, ${dice.of(['t0', 't1', 'a0', 'a1', 'a2', 's2', 's3'])}, s4`, ...end, ...mask, 'add t6, t6, s10'];
}

function access(dice: Dice): string[] {
  if (dice.once(3)) {
    const row = dice.of(compressedAccesses);
    return [written(dice, row, { rs1: row.name.endsWith('sp') ? sp : compactPointer })];
  }
  const rs1 = dice.of(pointers);
  const before = rs1 === temporary ? address(dice, dice.of([1, 1, 4, 8])) : [];
  // Most accesses are aligned.
  const near = rs1 === temporary && dice.below(3) > 0;
  const imm = near ? dice.below(4) - 2 : dice.once(4) ? dice.below(4096) - 2048 : (dice.below(64) - 32) * 8;
  return [...before, written(dice, dice.of(accesses), { rs1, imm })];
}

function atomic(dice: Dice): string[] {
  const size = dice.of(['w', 'd']);
  const before = address(dice, dice.once(12) ? 1 : 8);
  const [value, status] = [dice.of(['a3', 't2', 's5']), dice.of(['a4', 't3'])];
  switch (dice.below(4)) {
    case 0: {
      const between = dice.once(4) ? straight(dice, 1, 'memory') : straight(dice, dice.below(3), 'integer');
      const lines = between.filter((line) => !line.includes('t6'));
      return [...before, `lr.${size} ${value}, (t6)`, ...lines, `sc.${size} ${status}, ${value}, (t6)`];
    }
    case 1:
      return [...before, `sc.${size} ${status}, ${value}, (t6)`];
    default:
      return [...before, written(dice, dice.of(atomics), { rs1: temporary })];
  }
}

function one(dice: Dice, flavour: Flavour): string[] {
  const kind =
    flavour === 'mixed' || dice.once(6)
      ? dice.of(['integer', 'integer', 'float', 'memory', 'atomic'] as const)
      : flavour;
  switch (kind) {
    case 'integer':
      if (dice.once(3)) return [written(dice, dice.of(compressedArithmetic))];
      return [written(dice, dice.of(dice.once(3) ? multiply : integer))];
    case 'float':
      return [written(dice, dice.of(float))];
    case 'memory':
      return access(dice);
    case 'atomic':
      return atomic(dice);
    default:
      return kind satisfies never;
  }
}

/** About `count` instructions without a jump. They trap only where memory or floating point is out of reach. */
export function straight(dice: Dice, count: number, flavour: Flavour): string[] {
  const lines: string[] = [];
  while (lines.length < count) lines.push(...one(dice, flavour));
  return lines;
}

/** Branch instructions on random registers, without their target. */
export function condition(dice: Dice): string {
  const [left, right] = [dice.of(scratch), dice.of(scratch)];
  return `${dice.of(['beq', 'bne', 'blt', 'bge', 'bltu', 'bgeu'])} x${left}, x${dice.once(4) ? 0 : right}`;
}
