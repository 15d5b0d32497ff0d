// The decoder: from a 16- or 32-bit word to an operation and its operands.

import { extract, type Field, type FieldName, matches } from './encoding.ts';
import type { CompressedInstruction, Instruction } from './instruction.ts';
import { compressed, instructions, operation } from './table.ts';

export interface Decoded {
  /** Index into `instructions`; for a 16-bit word that of the instruction it expands to. */
  op: number;
  /** Register numbers, 0 when absent; rs1 holds the immediate of csrrwi, csrrsi and csrrci. */
  rd: number;
  rs1: number;
  rs2: number;
  rs3: number;
  /** An int32: the sign-extended, scaled immediate; the shift amount; the CSR number. 0 when absent. */
  imm: number;
  /** Rounding mode: 0 to 4, or 7 for dynamic. 7 when absent. */
  rm: number;
  length: 2 | 4;
}

/** An instruction with its operands laid out for decoding: where each comes from, or what it always is. */
interface Entry {
  instruction: Instruction | CompressedInstruction;
  /** The fixed bits decide alone: no field has excluded values. */
  exact: boolean;
  op: number;
  rd: Field | number;
  rs1: Field | number;
  rs2: Field | number;
  rs3: Field | number;
  imm: Field | number;
  rm: Field | number;
}

function entryOf(instruction: Instruction | CompressedInstruction): Entry {
  const { fields } = instruction.pattern;
  const base = 'base' in instruction ? instruction.base : undefined;
  const source = (name: FieldName, absent: number): Field | number => {
    const from = base ? base.fields[name] : name;
    if (typeof from === 'number') return from;
    return fields.find((field) => field.name === from) ?? absent;
  };
  return {
    instruction,
    exact: fields.every((field) => field.excluded.length === 0),
    op: operation(base?.name ?? instruction.name),
    rd: source('rd', 0),
    rs1: source('rs1', 0),
    rs2: source('rs2', 0),
    rs3: source('rs3', 0),
    imm: source('imm', 0),
    rm: source('rm', 7),
  };
}

/** Bits that choose a bucket: opcode and funct3 of a 32-bit word (bits 14–12, 6–2), quadrant and funct3 of a 16-bit one. */
const bucketOf = (word: number): number =>
  (word & 3) === 3 ? ((word >>> 7) & 0xe0) | ((word >>> 2) & 0x1f) : 256 + (((word >>> 11) & 0x1c) | (word & 3));
const bucketCount = 256 + 32;

function bucketsOf(entries: readonly Entry[]): readonly (readonly Entry[])[] {
  const buckets: Entry[][] = Array.from({ length: bucketCount }, () => []);
  for (const entry of entries) {
    const { mask, match, length } = entry.instruction.pattern;
    const selects = length === 4 ? 0x707f : 0xe003;
    // Every word that differs from `match` in selecting bits that the pattern leaves open.
    const open = selects & ~mask;
    let bits = 0;
    do {
      buckets[bucketOf(match | bits)]!.push(entry);
      bits = (bits - open) & open;
    } while (bits !== 0);
  }
  return buckets;
}

const buckets = bucketsOf([...instructions, ...compressed].map(entryOf));

function find(word: number): Entry | undefined {
  const bucket = buckets[bucketOf(word)]!;
  for (let i = 0; i < bucket.length; i++) {
    const entry = bucket[i]!;
    const { mask, match } = entry.instruction.pattern;
    if ((word & mask) === match && (entry.exact || matches(entry.instruction.pattern, word))) return entry;
  }
  return undefined;
}

const operandOf = (source: Field | number, word: number): number =>
  typeof source === 'number' ? source : extract(source, word);

/** The row of the table that a word belongs to, compressed or not. Of a 16-bit instruction only the low half counts. */
export const lookUp = (word: number): Instruction | CompressedInstruction | undefined =>
  find((word & 3) === 3 ? word : word & 0xffff)?.instruction;

function decodeAnew(bits: number, length: 2 | 4): Readonly<Decoded> | undefined {
  const entry = find(bits);
  if (entry === undefined) return undefined;
  return {
    op: entry.op,
    rd: operandOf(entry.rd, bits),
    rs1: operandOf(entry.rs1, bits),
    rs2: operandOf(entry.rs2, bits),
    rs3: operandOf(entry.rs3, bits),
    imm: operandOf(entry.imm, bits),
    rm: operandOf(entry.rm, bits),
    length,
  };
}

/** Instructions that were decoded lately, by a hash of their words: code consists of few different ones. */
const recent: { readonly bits: number; readonly decoded: Readonly<Decoded> | undefined }[] = Array.from(
  { length: 1 << 13 },
  () => ({ bits: 0, decoded: undefined }), // 0 is no instruction
);

/**
 * Decodes a 32-bit word, or a 16-bit one if its low two bits are not 11 (the upper half is then ignored). undefined:
 * no such instruction, or a reserved encoding. HINTs decode to instructions without effect.
 */
export function decode(word: number): Readonly<Decoded> | undefined {
  const length = (word & 3) === 3 ? 4 : 2;
  const bits = length === 4 ? word | 0 : word & 0xffff;
  const place = Math.imul(bits, 0x9e37_79b1) >>> 19;
  const known = recent[place]!;
  if (known.bits === bits) return known.decoded;
  const decoded = decodeAnew(bits, length);
  recent[place] = { bits, decoded };
  return decoded;
}
