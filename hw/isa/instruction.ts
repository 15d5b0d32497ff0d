// A row of the instruction table: everything that is known of one instruction, written once.

import { type Encoding, type FieldName, parseEncoding } from './encoding.ts';
import type { Semantics } from './semantics.ts';
import { fieldOf, operandsOf, parseSyntax, type Slot } from './syntax.ts';

export type Extension =
  | 'I'
  | 'Zifencei'
  | 'Zicsr'
  | 'M'
  | 'A'
  | 'F'
  | 'D'
  | 'C'
  | 'Zba'
  | 'Zbb'
  | 'Zbs'
  | 'privileged'
  | 'Svinval'
  | 'H';

/** What an author writes of an instruction. */
export interface Row {
  name: string;
  /** Bit pattern, see `encoding.ts`. */
  encoding: string;
  /** Operands in assembly, see `syntax.ts`. */
  syntax: string;
  /** One sentence. */
  brief: string;
  semantics(s: Semantics): void;
}

/** A 16-bit instruction, which means what the instruction that it expands to means. */
export interface CompressedRow extends Omit<Row, 'semantics'> {
  /** A base instruction whose operands are this one's or fixed registers: `addi rd, rd, imm`. */
  expansion: string;
}

/** What a register field of the encoding names: an x register, an f register, or a number from 0 to 31. */
export type FieldUse = 'x' | 'f' | 'zimm';

interface Compiled {
  extension: Extension;
  pattern: Encoding;
  slots: readonly Slot[];
}

export interface Instruction extends Row, Compiled {
  operands: { readonly [K in 'rd' | 'rs1' | 'rs2' | 'rs3']?: FieldUse };
}

export interface CompressedInstruction extends CompressedRow, Compiled {
  /** Name of the base instruction, and where each of its fields comes from: a field of this one, or a constant. */
  base: { name: string; fields: { readonly [K in FieldName]?: FieldName | number } };
}

const compile = (extension: Extension, row: { encoding: string; syntax: string }): Compiled => ({
  extension,
  pattern: parseEncoding(row.encoding),
  slots: parseSyntax(row.syntax),
});

export function extension(name: Extension, rows: readonly Row[]): readonly Instruction[] {
  return rows.map((row) => {
    const compiled = compile(name, row);
    const operands: { -readonly [K in keyof Instruction['operands']]: FieldUse } = {};
    for (const operand of operandsOf(compiled.slots)) {
      if (operand.kind === 'register') operands[operand.field] = operand.file;
      if (operand.kind === 'zimm') operands.rs1 = 'zimm';
    }
    return { ...row, ...compiled, operands };
  });
}

/** Reads `addi rd, x2, imm`: an instruction, and what each of its fields is (`x2`, `-1` or a name in `constants` is fixed). */
export function expansionOf(
  expansion: string,
  bases: readonly Instruction[],
  constants: ReadonlyMap<string, number> = new Map(),
): { instruction: Instruction; fields: { [K in FieldName]?: FieldName | number } } {
  const [, name, written] = /^(\S+) ?(.*)$/.exec(expansion)!;
  const instruction = bases.find((base) => base.name === name);
  if (!instruction) throw new Error(`there is no instruction for the expansion ${expansion}`);
  const sources = written!.split(/, |[()]/).filter((text) => text !== '');
  const operands = operandsOf(instruction.slots);
  if (sources.length !== operands.length) throw new Error(`${expansion} has not the operands of ${name}`);
  const fields: { [K in FieldName]?: FieldName | number } = {};
  for (const [index, source] of sources.entries()) {
    const fixed = /^x?(-?\d+)$/.exec(source);
    fields[fieldOf(operands[index]!)!] = fixed ? Number(fixed[1]) : (constants.get(source) ?? (source as FieldName));
  }
  return { instruction, fields };
}

/** Compressed rows; `bases` are the instructions that they expand to. */
export function compressedExtension(
  rows: readonly CompressedRow[],
  bases: readonly Instruction[],
): readonly CompressedInstruction[] {
  return rows.map((row) => {
    const { instruction, fields } = expansionOf(row.expansion, bases);
    return { ...row, ...compile('C', row), base: { name: instruction.name, fields } };
  });
}
