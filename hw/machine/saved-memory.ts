// Machine memory as plain data: contexts, ROM and RAM, without pages of zeros. Caches are left out: they are made anew.

import { context as fields, type Layout, pageSize } from '../engine/layout.ts';
import type { MachineMemory } from '../engine/memory.ts';
import { Context } from '../hart/context.ts';

type Part = 'contexts' | 'rom' | 'ram';

export interface SavedMemory {
  /** Where RAM began: contexts hold places in it. */
  ram: number;
  /** Offsets in the part, and the bytes of the page there: the limits of machine memory move the parts. */
  pages: [part: Part, offset: number, bytes: Uint8Array][];
}

const partsOf = ({ contexts, maxContexts, rom, ram, ramSize }: Layout): [Part, start: number, size: number][] => [
  ['contexts', contexts, maxContexts * fields.size],
  ['rom', rom, pageSize],
  ['ram', ram, ramSize],
];

function isZero(u32: Uint32Array, start: number, end: number): boolean {
  for (let at = start >>> 2; at < end >>> 2; at++) if (u32[at] !== 0) return false;
  return true;
}

export function saveMemory({ layout, u8, u32 }: MachineMemory): SavedMemory {
  const pages: SavedMemory['pages'] = [];
  for (const [part, start, size] of partsOf(layout)) {
    for (let offset = 0; offset < size; offset += pageSize) {
      const at = start + offset;
      const end = start + Math.min(offset + pageSize, size);
      if (!isZero(u32, at, end)) pages.push([part, offset, u8.slice(at, end)]);
    }
  }
  return { ram: layout.ram, pages };
}

/** Throws a RangeError, and changes nothing, if there are more contexts in use than there is room for. */
export function loadMemory(memory: MachineMemory, { ram, pages }: SavedMemory): void {
  const { layout, u8, u32 } = memory;
  const saved = new Map(pages.map(([part, offset, bytes]) => [`${part} ${offset}`, bytes]));
  const room = layout.maxContexts * fields.size;
  if (pages.some(([part, offset, bytes]) => part === 'contexts' && offset + bytes.length > room))
    throw new RangeError(`the machine was saved with more than ${layout.maxContexts} contexts`);
  for (const [part, start, size] of partsOf(layout)) {
    for (let offset = 0; offset < size; offset += pageSize) {
      const at = start + offset;
      const end = start + Math.min(offset + pageSize, size);
      const bytes = saved.get(`${part} ${offset}`);
      if (!isZero(u32, at, end)) u8.fill(0, at, end);
      if (!bytes) continue;
      u8.set(bytes, at);
      if (part === 'contexts')
        for (let base = at; base < end; base += fields.size) move(new Context(memory, base), ram);
    }
  }
}

/** Makes a context of another layout, whose RAM began at `ram`, one of this. The spaces that it remembers are not there any more. */
function move(context: Context, ram: number): void {
  context.setLow(fields.supervisorSpace, 0);
  context.setLow(fields.virtualSpace, 0);
  const host = context.low(fields.reservation);
  if (context.high(fields.reservation) === 0 && host >= ram)
    context.setLow(fields.reservation, host - ram + context.memory.layout.ram);
}
