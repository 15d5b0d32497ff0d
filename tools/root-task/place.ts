// Puts the image of a root task into RAM as seL4's loader does: one piece, page for page behind the kernel.

import { pageSize } from '../../hw/engine/layout.ts';
import { ramBase } from '../../hw/engine/memory.ts';
import type { Machine } from '../../hw/machine/machine.ts';
import { userTop } from '../../microvisor/abi/limits.ts';
import type { InitialThread, Region } from '../../microvisor/boot.ts';
import type { ElfImage } from '../image/elf.ts';
import { failure, hex, type ReadResult } from '../image/image-error.ts';

/** Where seL4 lies on this board: behind 2 MiB of firmware, and as large as its debug build for one core. */
export const kernelMemory: Region = { start: ramBase + 0x20_0000, end: ramBase + 0x22_a000 };

const pageOf = (address: number): number => Math.floor(address / pageSize) * pageSize;
const remedy = 'link a static RV64 executable at low addresses, as seL4 user programs are';

/** Loads every segment at its place within the image; what lies between them is zero. */
export function placeRootTask(machine: Machine, elf: ElfImage): ReadResult<InitialThread> {
  if (elf.type !== 'executable') return failure('type', 'it is position-independent', remedy);
  if (elf.segments.length === 0) return failure('program headers', 'nothing of it is loaded', remedy);
  const starts = elf.segments.map(({ virtualAddress }) => virtualAddress);
  const ends = elf.segments.map(({ virtualAddress, memorySize }) => virtualAddress + BigInt(memorySize));
  const top = ends.reduce((a, b) => (a > b ? a : b));
  if (top > BigInt(userTop)) {
    return failure('program headers', `it reaches ${hex(top)}, and user addresses end at ${hex(userTop)}`, remedy);
  }
  const virtualStart = pageOf(Math.min(...starts.map(Number)));
  const size = pageOf(Number(top) + pageSize - 1) - virtualStart;
  const start = kernelMemory.end;
  const room = ramBase + machine.memory.layout.ramSize - start;
  if (size > room) {
    return failure('program headers', `it spans ${size} bytes, and RAM has room for ${room}`, 'give more with --ram');
  }
  for (const { virtualAddress, bytes } of elf.segments) {
    machine.writeMemory(start + (Number(virtualAddress) - virtualStart), bytes);
  }
  const physical = { start, end: start + size };
  return { ok: true, value: { kind: 'image', physical, virtualStart, entry: Number(elf.entry) } };
}
