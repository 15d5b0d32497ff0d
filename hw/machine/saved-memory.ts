// Machine memory as plain data: contexts, ROM and RAM, without pages of zeros. Caches are left out: they are made anew.

import { pageSize } from '../engine/layout.ts';
import type { MachineMemory } from '../engine/memory.ts';

export interface SavedMemory {
  /** Offsets in machine memory, and the bytes of the page there. */
  pages: [offset: number, bytes: Uint8Array][];
}

function* savedRanges({ layout }: MachineMemory): Iterable<[start: number, end: number]> {
  yield [layout.contexts, layout.spaces];
  yield [layout.rom, layout.rom + pageSize];
  yield [layout.ram, layout.ram + layout.ramSize];
}

function isZero(u32: Uint32Array, offset: number): boolean {
  for (let at = offset >>> 2; at < (offset + pageSize) >>> 2; at++) if (u32[at] !== 0) return false;
  return true;
}

export function saveMemory(memory: MachineMemory): SavedMemory {
  const pages: SavedMemory['pages'] = [];
  for (const [start, end] of savedRanges(memory)) {
    for (let offset = start; offset < end; offset += pageSize) {
      if (!isZero(memory.u32, offset)) pages.push([offset, memory.u8.slice(offset, offset + pageSize)]);
    }
  }
  return { pages };
}

export function loadMemory(memory: MachineMemory, { pages }: SavedMemory): void {
  const saved = new Map(pages);
  for (const [start, end] of savedRanges(memory)) {
    for (let offset = start; offset < end; offset += pageSize) {
      const bytes = saved.get(offset);
      if (bytes) memory.u8.set(bytes, offset);
      else if (!isZero(memory.u32, offset)) memory.u8.fill(0, offset, offset + pageSize);
    }
  }
}
