// Address spaces: trees of tables from a root that an ASID names.
// Source: seL4 manual, "Address Spaces and Virtual Memory"; Sv39 of the RISC-V privileged specification.

import { asidPoolCount, asidsPerPool, sizeBits } from '../abi/limits.ts';
import type { Mapping, ObjectId, PageTableEntry, State } from './state.ts';

const levels = 3;
const indexBits = 9;

export function rootOf(s: State, asid: number): ObjectId | null {
  const pool = s.asids[Math.floor(asid / asidsPerPool)];
  return pool === undefined ? null : (s.pools[pool]![asid % asidsPerPool] ?? null);
}

/** A place in a table: what an address leads to there, and the binary logarithm of what an entry there covers. */
export interface Place {
  table: ObjectId;
  index: number;
  bits: number;
}
export const entryAt = (s: State, { table, index }: Place): PageTableEntry | undefined => s.tables[table]?.[index];

/** The places that an address leads through, from the root on. */
function* walk(s: State, root: ObjectId, address: number): Generator<Place> {
  let table = root;
  for (let level = levels - 1; level >= 0; level--) {
    const bits = sizeBits.page + indexBits * level;
    const place = { table, index: Math.floor(address / 2 ** bits) % 2 ** indexBits, bits };
    yield place;
    const entry = entryAt(s, place);
    if (entry?.kind !== 'table') return;
    table = entry.object;
  }
}
export const lastPlace = (s: State, root: ObjectId, address: number): Place => [...walk(s, root, address)].at(-1)!;
export function setEntry(s: State, { table, index }: Place, entry: PageTableEntry | null): void {
  if (entry === null) delete s.tables[table]![index];
  else s.tables[table]![index] = entry;
}

/** Takes a frame out of an address space, if it is still there. */
export function unmapFrame(s: State, frame: ObjectId, bits: number, { asid, address }: Mapping): void {
  const root = rootOf(s, asid);
  if (root === null) return;
  const place = lastPlace(s, root, address);
  const entry = entryAt(s, place);
  if (place.bits === bits && entry?.kind === 'frame' && entry.object === frame) setEntry(s, place, null);
}
/** Takes a table out of an address space, if it is still there. */
export function unmapTable(s: State, table: ObjectId, { asid, address }: Mapping): void {
  const root = rootOf(s, asid);
  if (root === null) return;
  for (const place of walk(s, root, address)) {
    const entry = entryAt(s, place);
    if (entry?.kind === 'table' && entry.object === table) {
      setEntry(s, place, null);
      return;
    }
  }
}

/** The lowest place in the table of pools that is free; null: none. */
export function freePool(s: State): number | null {
  for (let at = 0; at < asidPoolCount; at++) if (s.asids[at] === undefined) return at;
  return null;
}
/** The lowest ASID of a pool that is free: 0 never is. null: none. */
export function freeAsid(s: State, pool: ObjectId, base: number): number | null {
  for (let i = 0; i < asidsPerPool; i++) {
    if (base + i !== 0 && s.pools[pool]![i] === undefined) return base + i;
  }
  return null;
}
/** The last capability to a table goes: out of the table above it; or its ASID becomes free, if it is a root. */
export function releaseTable(s: State, table: ObjectId, mapping: Mapping | null): void {
  if (mapping !== null) {
    if (rootOf(s, mapping.asid) === table) releaseAsid(s, mapping.asid);
    else unmapTable(s, table, mapping);
  }
}
function releaseAsid(s: State, asid: number): void {
  delete s.pools[s.asids[Math.floor(asid / asidsPerPool)]!]![asid % asidsPerPool];
}
export function releasePool(s: State, pool: ObjectId, base: number): void {
  const at = base / asidsPerPool;
  if (s.asids[at] === pool) delete s.asids[at];
}
