// The table of CSRs in machine memory, made from the CSR file: what machine code may access itself, and how.

import type { Csr, Direct } from '../../hart/csr/csr.ts';
import { csrs } from '../../hart/csr-file.ts';
import { control, csrAt, csrEntry } from '../layout.ts';
import type { MachineMemory } from '../memory.ts';

/** The kinds of `Direct`, as numbers; 0: TypeScript's business. */
export const accessKinds: readonly (Direct['kind'] | 'none')[] = [
  'none',
  'stored',
  'status',
  'float',
  'fcsr',
  'cycle',
  'instret',
  'time',
];

/** `at`, `view` and `writable` of an entry, where its kind has them. */
function fieldsOf(direct: Direct): { at: number; view: bigint; writable: bigint } {
  switch (direct.kind) {
    case 'stored':
      return { at: direct.at, view: 0n, writable: direct.writable };
    case 'status':
      return { at: direct.at, view: direct.view, writable: direct.writable };
    case 'float':
      return { at: direct.at, view: direct.view, writable: direct.view };
    case 'cycle':
      return { at: csrAt.cycleOffset, view: 0n, writable: 0n };
    case 'instret':
      return { at: csrAt.instretOffset, view: 0n, writable: 0n };
    default:
      return { at: 0, view: 0n, writable: 0n };
  }
}

export function writeCsrTable(memory: MachineMemory): void {
  const numbers = new Map<Csr, number>();
  for (const csr of csrs.values()) if (csr.direct) numbers.set(csr, numbers.size + 1);
  for (const [number, csr] of csrs) memory.u8[control.csrIndex + number] = numbers.get(csr) ?? 0;
  for (const [csr, index] of numbers) {
    const direct = csr.direct!;
    const entry = control.csrEntries + index * csrEntry.size;
    const { at, view, writable } = fieldsOf(direct);
    memory.u8[entry + csrEntry.kind] = accessKinds.indexOf(direct.kind);
    memory.u8[entry + csrEntry.guest] = csr.guest ? (numbers.get(csr.guest) ?? 0) : index;
    memory.u16[(entry + csrEntry.at) >>> 1] = at;
    memory.u32[(entry + csrEntry.counter) >>> 2] = 'counter' in direct ? direct.counter : 0;
    memory.u64[(entry + csrEntry.view) >>> 3] = view;
    memory.u64[(entry + csrEntry.writable) >>> 3] = writable;
  }
}
