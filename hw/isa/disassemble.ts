// The disassembler: one word to a line of assembly that `assemble` accepts.
//
// GNU syntax with ABI register names. Pseudo-instructions are preferred; a 16-bit instruction is printed under its own
// name, `c.addi a0, 1`, so that assembling the line gives the same bytes. Branch targets are addresses.

import { type Alias, aliases, fenceTso } from './aliases.ts';
import { csrName } from './csr-names.ts';
import { lookUp } from './decode.ts';
import { extract, type FieldName } from './encoding.ts';
import type { CompressedInstruction, Instruction } from './instruction.ts';
import { fNames, orderingBits, roundingModes, xNames } from './registers.ts';
import { fieldOf, type Operand, type Slot } from './syntax.ts';

const printedAliases = new Map<Instruction, Alias[]>();
for (const alias of aliases) {
  if (!alias.printed) continue;
  const known = printedAliases.get(alias.instruction);
  if (known) known.push(alias);
  else printedAliases.set(alias.instruction, [alias]);
}

type Values = { [K in FieldName]?: number };

/** The fields that an alias's operands name, if an instruction with these values is that alias. */
function aliasValues(alias: Alias, values: Values): Values | undefined {
  const named: Values = {};
  for (const [name, source] of Object.entries(alias.fields) as [FieldName, FieldName | number][]) {
    const value = values[name]!;
    if (typeof source === 'number') {
      if (value !== source) return undefined;
    } else {
      if (named[source] !== undefined && named[source] !== value) return undefined;
      named[source] = value;
    }
  }
  return named;
}

const ordering = (bits: number): string =>
  bits === 0 ? '0' : [...orderingBits].filter((_, index) => bits & (8 >> index)).join('');

function printOperand(operand: Operand, values: Values, pc: bigint): string {
  const field = fieldOf(operand);
  const value = field === undefined ? 0 : values[field]!;
  switch (operand.kind) {
    case 'register':
      return (operand.file === 'x' ? xNames : fNames)[value]!;
    case 'sp':
      return 'sp';
    case 'upper':
      return `0x${((value >>> 12) & 0xfffff).toString(16)}`;
    case 'target':
      return `0x${BigInt.asUintN(64, pc + BigInt(value)).toString(16)}`;
    case 'csr':
      return csrName(value);
    case 'rm':
      return roundingModes[value]!;
    case 'ordering':
      return ordering(value);
    case 'imm':
    case 'shamt':
    case 'zimm':
      return String(value);
  }
}

function printSlots(slots: readonly Slot[], values: Values, pc: bigint): string[] {
  const plain = slots.map((slot) =>
    slot.form === 'plain'
      ? printOperand(slot.operand, values, pc)
      : `${slot.offset ? printOperand(slot.offset, values, pc) : ''}(${printOperand(slot.base, values, pc)})`,
  );
  const isDefault = (index: number): boolean => {
    const slot = slots[index]!;
    return slot.form === 'plain' && slot.operand.default !== undefined && slot.operand.default === plain[index];
  };
  let count = plain.length;
  while (count > 0 && isDefault(count - 1)) count--;
  // An ordering that is not the default is printed whole.
  if (count > 0 && count < plain.length && slots[0]!.form === 'plain' && slots[0].operand.kind === 'ordering') {
    count = plain.length;
  }
  return plain.slice(0, count);
}

function print(
  instruction: Instruction | CompressedInstruction,
  word: number,
  pc: bigint,
  withAliases: boolean,
): string {
  const values: Values = {};
  for (const field of instruction.pattern.fields) values[field.name] = extract(field, word);
  let name = instruction.name;
  let { slots } = instruction;
  let named: Values | undefined = values;
  if (withAliases && !('base' in instruction)) {
    for (const alias of printedAliases.get(instruction) ?? []) {
      const matched = aliasValues(alias, values);
      if (!matched) continue;
      ({ name, slots } = alias);
      named = matched;
      break;
    }
  }
  const order = `${values.aq ? 'aq' : ''}${values.rl ? 'rl' : ''}`;
  const operands = printSlots(slots, named, pc).join(', ');
  return `${name}${order && `.${order}`}${operands && ` ${operands}`}`;
}

/**
 * Disassembles the instruction `word` at address `pc`. Of a word whose low two bits are not 11 only the low half
 * counts. What is no instruction becomes `.word` or `.half`. Bits that decoding ignores (the reserved fields of fence
 * and fence.i) are not shown. `aliases: false` keeps to the names of the instruction table.
 */
export function disassemble(word: number, pc: number | bigint = 0, options: { aliases?: boolean } = {}): string {
  const short = (word & 3) !== 3;
  const bits = short ? word & 0xffff : word;
  const instruction = lookUp(bits);
  if (!instruction) return short ? `.half 0x${bits.toString(16)}` : `.word 0x${(bits >>> 0).toString(16)}`;
  if ((bits | 0) === fenceTso) return 'fence.tso';
  return print(instruction, bits, BigInt(pc), options.aliases ?? true);
}
