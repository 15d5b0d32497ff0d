// What a record may hold: an instruction of the table in one of the lengths that it is encoded in, alone or fused with the
// instruction after it. The interpreter has a case for each, so that the distance to the next record is a constant:
// loading it would be on the critical path. A fused pair saves a dispatch; the second instruction keeps its own record,
// from which its operands come, and at which jumps to it arrive.

import type { Instruction } from '../isa/instruction.ts';
import { compressed, instructions, operation } from '../isa/table.ts';
import { special } from './layout.ts';

export interface Form {
  instruction: Instruction;
  length: 2 | 4;
}

interface RecordType extends Form {
  /** The instruction that a fused record goes on with. */
  second?: Form;
}

const compressible = [...new Set(compressed.map(({ base }) => operation(base.name)))];

const forms: readonly Form[] = [
  ...instructions.map((instruction): Form => ({ instruction, length: 4 })),
  ...compressible.map((op): Form => ({ instruction: instructions[op]!, length: 2 })),
];

const shortForm = new Map(compressible.map((op, index) => [op, instructions.length + index]));

/**
 * Pairs that compiled code is full of; `c.` before the short form of an instruction. The first one computes in registers
 * only: it neither traps nor jumps nor makes the second one's record stale. Few, because a larger function is slower:
 * docs/performance.md.
 */
const frequentPairs = [
  'addi: addi beq bne bltu',
  'c.addi: bne',
  'add: lw ld',
  'c.add: c.add',
  'slli: srli add',
  'andi: bne',
  'addw: addi',
  'mulw: addw',
];

/** The number of a form that is written as in `frequentPairs`. */
function formNamed(name: string): number {
  if (!name.startsWith('c.')) return operation(name);
  const { base } = compressed.find((one) => one.name === name)!;
  return shortForm.get(operation(base.name))!;
}

const pairs = frequentPairs.flatMap((line) => {
  const [first, seconds] = line.split(': ') as [string, string];
  return seconds.split(' ').map((second) => [formNamed(first), formNamed(second)] as const);
});

/** In the order of their numbers in `record.op`, from `special.firstInstruction` on. */
export const recordTypes: readonly RecordType[] = [
  ...forms,
  ...pairs.map(([first, second]): RecordType => ({ ...forms[first]!, second: forms[second]! })),
];

/** `record.op` of an instruction, by its index in the table. */
export function recordTypeOf(op: number, length: 2 | 4): number {
  return special.firstInstruction + (length === 4 ? op : shortForm.get(op)!);
}

/** Bytes of the instruction that a record starts with, by its type; none: it holds no instruction, or is the head of a region. */
const lengths: readonly number[] = [
  ...new Array<number>(special.firstInstruction).fill(0),
  ...recordTypes.map(({ length }) => length),
];

/** Numbers of the types that start with a form. */
const typesOf = (form: number): number[] =>
  [form, ...pairs.flatMap(([first], index) => (first === form ? [forms.length + index] : []))].map(
    (index) => special.firstInstruction + index,
  );

/** By the type of the first, where its row is in `fused`; 0: it is fused with nothing. In a row: what it is with each second. */
const rowOf = new Uint16Array(special.firstRegion);
const fused = fusedTypes();

function fusedTypes(): Uint16Array {
  const firsts = [...new Set(pairs.flatMap(([first]) => typesOf(first)))];
  for (const [index, type] of firsts.entries()) rowOf[type] = (index + 1) * special.firstRegion;
  const table = new Uint16Array((firsts.length + 1) * special.firstRegion);
  for (const [index, [first, second]] of pairs.entries()) {
    for (const type of typesOf(first)) {
      for (const next of typesOf(second)) table[rowOf[type]! + next] = special.firstInstruction + forms.length + index;
    }
  }
  return table;
}

/** The type of a record whose successor is `next`: fused, if such a pair is known; 0 if it stays as it is. */
export const fusedType = (type: number, next: number): number =>
  type < special.firstRegion && next < special.firstRegion ? fused[rowOf[type]! + next]! : 0;

/** Bytes of the instruction that a record starts with; 0 if it holds none, or is the head of a region. */
export const lengthOf = (type: number): number => (type < lengths.length ? lengths[type]! : 0);
