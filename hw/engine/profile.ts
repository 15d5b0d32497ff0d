// What is observed of guest code for the translator: how often jumps arrive at a record, where indirect jumps go, and which way
// branches go. The interpreter notes it, in machine code, and the translator reads it.

import type { FunctionBuilder } from '../wasm/module.ts';
import { type I32, type I64, load } from '../wasm/values.ts';
import { arrivals, control, jumpTargets, type Layout, record } from './layout.ts';
import type { MachineMemory } from './memory.ts';

/** A table with fewer entries than there are records, so that several share an entry: where it is, from the table's start. */
class SharedTable {
  private readonly scale: number;
  private readonly mask: number;

  constructor(entries: number, entrySize: number) {
    this.scale = entrySize / record.size;
    this.mask = (entries - 1) * entrySize;
  }

  of(at: number): number {
    return (at * this.scale) & this.mask;
  }
  inCode(at: I32): I32 {
    const { scale } = this;
    return (scale < 1 ? at.divU(1 / scale) : at.mul(scale)).and(this.mask);
  }
}

const arrivalCounts = new SharedTable(arrivals.entries, arrivals.entrySize);
const targetSets = new SharedTable(jumpTargets.sets, jumpTargets.ways * 8);

/** So much a branch's past counts for when it is observed anew. */
const remembered = 16;

/** Counts that a jump arrives at a record; returns how often. */
export function countArrival(f: FunctionBuilder, layout: Layout, at: I32): I32 {
  const counter = f.let(arrivalCounts.inCode(at));
  const count = f.let(load.u16(counter, layout.arrivals).add(1));
  f.store('i16', counter, count, layout.arrivals);
  return count;
}

/** Notes where the indirect jump of a record goes. */
export function observeTarget(f: FunctionBuilder, at: I32, target: I64): void {
  const set = f.let(targetSets.inCode(at));
  f.if(load.i64(set, control.jumpTargets).ne(target), () => {
    for (let way = jumpTargets.ways - 1; way > 0; way--) {
      f.store('i64', set, load.i64(set, control.jumpTargets + 8 * (way - 1)), control.jumpTargets + 8 * way);
    }
    f.store('i64', set, target, control.jumpTargets);
  });
}

/** Counts which way the branch of a record goes. */
export function countWay(f: FunctionBuilder, at: I32, way: 'taken' | 'passed'): void {
  f.store('i16', at, load.u16(at, record[way]).add(1), record[way]);
}

/** The same for the translator. */
export class Profile {
  constructor(private readonly memory: MachineMemory) {}

  /** How often jumps arrive at a record is counted from zero. */
  forgetArrivals(at: number): void {
    const { u16, layout } = this.memory;
    u16[(layout.arrivals + arrivalCounts.of(at)) >>> 1] = 0;
  }

  /** Where indirect jumps of a record went, the latest first; or those of others that share its entry. */
  targetsOf(at: number): readonly bigint[] {
    const first = (control.jumpTargets + targetSets.of(at)) >>> 3;
    return Array.from(this.memory.u64.subarray(first, first + jumpTargets.ways));
  }

  /** How likely the branch of a record is taken, 0 to 1. */
  likelihood(at: number): number {
    const { u16 } = this.memory;
    const taken = u16[(at + record.taken) >>> 1]!;
    const passed = u16[(at + record.passed) >>> 1]!;
    return taken + passed === 0 ? 0.5 : taken / (taken + passed);
  }

  /** Makes what the branch of a record does from now on count more than what it did before. */
  fade(at: number): void {
    const { u16 } = this.memory;
    const [taken, passed] = [(at + record.taken) >>> 1, (at + record.passed) >>> 1];
    const part = remembered / Math.max(remembered, u16[taken]! + u16[passed]!);
    // Rare is not never.
    u16[taken] = Math.ceil(u16[taken]! * part);
    u16[passed] = Math.ceil(u16[passed]! * part);
  }
}
