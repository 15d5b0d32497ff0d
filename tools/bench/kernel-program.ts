// Makes root tasks of the kernel's benchmarks: the benchmark, and what all of them share. They run on seL4 as well.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assemble } from '../../hw/isa/assemble.ts';
import { writeElf } from '../image/elf-writer.ts';
import { ownPackage } from '../manifest/package-root.ts';

export interface KernelProgram {
  /** The source is guests/bench/kernel/NAME.s. */
  name: string;
  /** How often what is measured happens. */
  rounds: number;
  /** Address spaces that the two threads have between them. */
  spaces: 1 | 2;
  /** Whether it reads the clock before and after each time. */
  stamps: boolean;
}

/** Where the image lies in the address space of the root task. */
const imageBase = 0x40_0000;

export function kernelProgramElf({ name, rounds, spaces, stamps }: KernelProgram): Uint8Array {
  const source = (part: string): string =>
    readFileSync(join(ownPackage().folder, `guests/bench/kernel/${part}.s`), 'utf8');
  const parts = [stamps ? 'stamps' : 'no-stamps', 'root-task', name].map(source);
  const text = `.equ rounds, ${rounds}\n.equ spaces, ${spaces}\n${parts.join('\n')}`;
  const { bytes, origin, symbols } = assemble(text, { origin: imageBase, file: `${name}.s` });
  return writeElf({ segments: [{ address: origin, bytes }], entry: origin, symbols });
}
