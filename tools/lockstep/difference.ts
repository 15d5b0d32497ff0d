// What two machines differ in that ought to be in the same state: two runs of one program, on different engines.

import { isDeepStrictEqual } from 'node:util';
import { csrAt, context as fields } from '../../hw/engine/layout.ts';
import { ramBase } from '../../hw/engine/memory.ts';
import type { Hart } from '../../hw/hart/hart.ts';
import { fNames, xNames } from '../../hw/isa/registers.ts';
import type { Machine } from '../../hw/machine/machine.ts';

/** One thing that has two values. */
export interface Difference {
  /** The hart, if it is a hart's. */
  hart: number | undefined;
  /** A register's, a CSR's or a field's name, or an address. */
  what: string;
  left: string;
  right: string;
}

/** 'harts' is cheap; 'everything' also looks at memory, devices and cached translations. */
export type Scope = 'harts' | 'everything';

/** Different words of memory that are listed. */
const listedWords = 8;

/** Words of a context that may differ: writes to x0, and where translations are kept. */
const incidental = new Set([fields.sink, fields.sink + 4, fields.dataBank, fields.fetchBank].map((at) => at >>> 2));
const compared = Array.from({ length: fields.size >>> 2 }, (_, word) => word).filter((word) => !incidental.has(word));
const reservationLow = fields.reservation >>> 2;

/** Names of the 64-bit words of a context, by their offset. */
const names = new Map<number, string>([
  ...xNames.map((name, index): [number, string] => [fields.x + 8 * index, name]),
  ...fNames.map((name, index): [number, string] => [fields.f + 8 * index, name]),
  ...Object.entries(csrAt).map(([name, at]): [number, string] => [at, name]),
  [fields.pc, 'pc'],
  [fields.fflags, 'frm, fflags'],
  [fields.privilege, 'virtual, privilege'],
  [fields.reservation, 'reservation'],
  [fields.fpOff, 'fpDirty, fpOff'],
  [fields.dataRegime, 'fetchRegime, dataRegime'],
  [fields.waiting, 'waiting'],
]);

const hex = (value: bigint | number): string => `0x${value.toString(16)}`;

/** The differences between two machines of the same shape, harts first; none: they agree. */
export function differences(left: Machine, right: Machine, scope: Scope): Difference[] {
  const found: Difference[] = [];
  const note = (hart: number | undefined, what: string, ours: unknown, theirs: unknown): void => {
    if (ours !== theirs) found.push({ hart, what, left: String(ours), right: String(theirs) });
  };
  for (const hart of left.harts) {
    const other = right.harts[hart.id]!;
    found.push(...contextDifferences(left, hart, right, other));
    note(hart.id, 'cycles', left.cycles(hart), right.cycles(other));
    note(hart.id, 'instructions', left.instructionsOf(hart), right.instructionsOf(other));
    note(hart.id, 'interrupt lines', hart.lines, other.lines);
    note(hart.id, 'guest interrupt lines', hart.guestLines, other.guestLines);
  }
  note(undefined, 'time', left.now, right.now);
  note(undefined, 'trace hash', left.hash.value, right.hash.value);
  if (scope === 'harts') return found;
  found.push(...memoryDifferences(left, right), ...deviceDifferences(left, right));
  return [...found, ...translationDifferences(left, right)];
}

function contextDifferences(left: Machine, hart: Hart, right: Machine, other: Hart): Difference[] {
  const [ours, theirs] = [left.memory.u32, right.memory.u32];
  const [base, otherBase] = [hart.context.base >>> 2, other.context.base >>> 2];
  // A reservation is an offset in machine memory.
  const shift = left.memory.layout.ram - right.memory.layout.ram;
  const found = new Map<number, Difference>();
  for (const word of compared) {
    const value = ours[base + word]!;
    let otherValue = theirs[otherBase + word]!;
    if (word === reservationLow && otherValue !== 0xffff_ffff) otherValue = (otherValue + shift) >>> 0;
    if (value === otherValue) continue;
    const at = (word << 2) & ~7;
    const what = names.get(at) ?? `context + ${hex(at)}`;
    found.set(at, { hart: hart.id, what, left: hex(hart.context.word(at)), right: hex(other.context.word(at)) });
  }
  return [...found.values()];
}

function memoryDifferences(left: Machine, right: Machine): Difference[] {
  const view = ({ memory: { u8, layout } }: Machine): Buffer => Buffer.from(u8.buffer, layout.ram, layout.ramSize);
  const [ours, theirs] = [view(left), view(right)];
  const found: Difference[] = [];
  const chunk = 1 << 16;
  for (let start = 0; start < ours.length && found.length < listedWords; start += chunk) {
    const end = Math.min(ours.length, start + chunk);
    if (ours.compare(theirs, start, end, start, end) === 0) continue;
    for (let at = start; at < end && found.length < listedWords; at += 8) {
      const [value, otherValue] = [ours.readBigUInt64LE(at), theirs.readBigUInt64LE(at)];
      if (value === otherValue) continue;
      found.push({ hart: undefined, what: `memory ${hex(ramBase + at)}`, left: hex(value), right: hex(otherValue) });
    }
  }
  return found;
}

function deviceDifferences(left: Machine, right: Machine): Difference[] {
  const [ours, theirs] = [left.devices.save(), right.devices.save()];
  if (isDeepStrictEqual(ours, theirs)) return [];
  return left.devices.names
    .split(',')
    .filter((name) => !isDeepStrictEqual(ours.states[name], theirs.states[name]))
    .concat(isDeepStrictEqual(ours.states, theirs.states) ? ['wakes and input'] : [])
    .map((name) => ({ hart: undefined, what: `device ${name}`, left: 'its state', right: 'differs' }));
}

/**
 * Cached translations are visible until they are fenced, so they are part of what a machine means. Those of M-mode, whose
 * addresses are physical ones, are not: a region that relies on that looks for none.
 */
function translationDifferences(left: Machine, right: Machine): Difference[] {
  const list = ({ engine, memory: { layout } }: Machine): Set<string> => {
    const entries = new Set<string>();
    for (const [index, cache] of engine.caches.entries()) {
      cache.eachTranslation(({ machine, atp, hgatp }, regime, kind, page, host) => {
        if (machine && kind !== 'execute') return;
        const space = machine ? 'M' : `${hex(atp)}/${hex(hgatp)}`;
        entries.add(
          `cache ${index}, space ${space}, regime ${regime}, ${kind} ${hex(page)}: ${hex(host - layout.ram)}`,
        );
      });
    }
    return entries;
  };
  const [ours, theirs] = [list(left), list(right)];
  const only = (these: Set<string>, those: Set<string>): string[] => [...these].filter((one) => !those.has(one));
  const found = [
    ...only(ours, theirs).map((what) => ({ hart: undefined, what, left: 'cached', right: 'not cached' })),
    ...only(theirs, ours).map((what) => ({ hart: undefined, what, left: 'not cached', right: 'cached' })),
  ];
  return found.slice(0, listedWords);
}
