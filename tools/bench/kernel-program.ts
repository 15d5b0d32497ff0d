// Makes root tasks of the kernel's benchmarks: the benchmark, and what all of them share. They run on seL4 as well.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assemble } from '../../hw/isa/assemble.ts';
import { writeElf } from '../image/elf-writer.ts';
import { ownPackage } from '../manifest/package-root.ts';

export interface KernelProgram {
  /** The source is guests/bench/kernel/SOURCE.s. */
  readonly source: string;
  /** Address spaces that the two threads have between them. */
  readonly spaces: 1 | 2;
  /** Realms in the place of machine code, by number; 0: none. */
  readonly clientRealm: number;
  readonly serverRealm: number;
}

export interface BuiltProgram {
  readonly elf: Uint8Array;
  readonly symbols: ReadonlyMap<string, bigint>;
}

/** Where the image lies in the address space of the root task. */
const imageBase = 0x40_0000;

/** A root task that goes through `rounds` rounds; with `stamps` it reads the clock before and after each. */
export function buildKernelProgram(program: KernelProgram, rounds: number, stamps: boolean): BuiltProgram {
  const { source, spaces, clientRealm, serverRealm } = program;
  const read = (part: string): string =>
    readFileSync(join(ownPackage().folder, `guests/bench/kernel/${part}.s`), 'utf8');
  const constants = Object.entries({ rounds, spaces, clientRealm, serverRealm });
  const text = [
    ...constants.map(([name, value]) => `.equ ${name}, ${value}`),
    ...[stamps ? 'stamps' : 'no-stamps', 'root-task', source].map(read),
  ].join('\n');
  const { bytes, origin, symbols } = assemble(text, { origin: imageBase, file: `${source}.s` });
  return { elf: writeElf({ segments: [{ address: origin, bytes }], entry: origin, symbols }), symbols };
}
