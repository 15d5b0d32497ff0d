// Makes an ELF of a benchmark program: its source, the number of rounds before it, the common end after it.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ramBase } from '../../hw/engine/memory.ts';
import { assemble } from '../../hw/isa/assemble.ts';
import { writeElf } from '../image/elf-writer.ts';
import { ownPackage } from '../manifest/package-root.ts';

/** The ELF of a program that goes through `rounds` rounds. It starts at the beginning of RAM, as `-bios none` does. */
export function benchElf(name: string, rounds: number): Uint8Array {
  const source = (part: string): string => readFileSync(join(ownPackage().folder, `guests/bench/${part}.s`), 'utf8');
  const text = `.equ rounds, ${rounds}\n${source(name)}\n${source('finish')}`;
  const { bytes, origin, symbols } = assemble(text, { origin: ramBase, file: `${name}.s` });
  return writeElf({ segments: [{ address: origin, bytes }], entry: origin, symbols });
}
