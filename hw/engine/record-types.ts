// What a record may hold: an instruction of the table in one of the lengths that it is encoded in. The interpreter has a
// case for each, so that the distance to the next record is a constant: loading it would be on the critical path.

import type { Instruction } from '../isa/instruction.ts';
import { compressed, instructions, operation } from '../isa/table.ts';
import { special } from './layout.ts';

interface RecordType {
  instruction: Instruction;
  length: 2 | 4;
}

const compressible = [...new Set(compressed.map(({ base }) => operation(base.name)))];

/** In the order of their numbers in `record.op`, from `special.firstInstruction` on. */
export const recordTypes: readonly RecordType[] = [
  ...instructions.map((instruction): RecordType => ({ instruction, length: 4 })),
  ...compressible.map((op): RecordType => ({ instruction: instructions[op]!, length: 2 })),
];

const shortType = new Map(compressible.map((op, index) => [op, instructions.length + index]));

/** `record.op` of an instruction, by its index in the table. */
export function recordTypeOf(op: number, length: 2 | 4): number {
  return special.firstInstruction + (length === 4 ? op : shortType.get(op)!);
}
