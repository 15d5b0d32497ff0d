// The instruction table: every instruction of the machine.

import { type CompressedInstruction, compressedExtension, type Instruction } from './instruction.ts';
import { rvA } from './rv-a.ts';
import { rvZba, rvZbb, rvZbs } from './rv-b.ts';
import { rvC } from './rv-c.ts';
import { rvD } from './rv-d.ts';
import { rvF } from './rv-f.ts';
import { rvI, rvZifencei } from './rv-i.ts';
import { rvM } from './rv-m.ts';
import { rvH, rvPrivileged, rvSvinval } from './rv-privileged.ts';
import { rvZicsr } from './rv-zicsr.ts';

/** The 32-bit instructions. An instruction's index is its operation number everywhere. */
export const instructions: readonly Instruction[] = [
  ...rvI,
  ...rvZifencei,
  ...rvZicsr,
  ...rvM,
  ...rvA,
  ...rvF,
  ...rvD,
  ...rvZba,
  ...rvZbb,
  ...rvZbs,
  ...rvPrivileged,
  ...rvSvinval,
  ...rvH,
];

/** The 16-bit instructions; each stands for one of `instructions`. */
export const compressed: readonly CompressedInstruction[] = compressedExtension(rvC, instructions);

const numbers = new Map(instructions.map(({ name }, index) => [name, index]));

/** The operation number of an instruction; throws when there is none of that name. */
export function operation(name: string): number {
  const index = numbers.get(name);
  if (index === undefined) throw new Error(`no instruction is called ${name}`);
  return index;
}
