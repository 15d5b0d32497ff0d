// Code that is generated once and used often: the bytes of some statements, with holes for what differs between its uses.

import type { Code, Kind } from './code.ts';

/** Conditional branches that are rarely, or mostly, taken: where each is in the code, and 1 if it is mostly taken, else 0. */
export type BranchHints = number[];

/** What fills the holes of templates, by their numbers; from `firstScratch` on the indices of the locals that a template makes. */
export type HoleValues = Float64Array<ArrayBuffer>;
export const firstScratch = 32;
export const holeValues = (): HoleValues => new Float64Array(2 * firstScratch);

/** Kinds of what is written between a template's bytes. */
const unsigned = 0;
const signed = 1;
const hint = 2;
const fields = 4;

export class Template {
  private readonly bytes: Uint8Array;
  /** In the order of their places: place, kind, number (or the hint), and what is added. */
  private readonly holes: Int32Array;

  constructor(
    code: Code,
    hints: BranchHints,
    /** The kinds of its locals. */
    readonly scratch: readonly Kind[],
  ) {
    this.bytes = code.view().slice();
    const holes = code.holes.map((hole) => [hole.at, hole.signed ? signed : unsigned, hole.which, hole.plus]);
    for (let i = 0; i < hints.length; i += 2) holes.push([hints[i]!, hint, hints[i + 1]!, 0]);
    this.holes = Int32Array.from(holes.sort(([a], [b]) => a! - b!).flat());
    if (scratch.length > firstScratch) throw new Error('a template with too many locals');
  }

  /** Appends its code; its hints go to `hints`. */
  write(code: Code, values: HoleValues, hints: BranchHints): void {
    const { bytes, holes } = this;
    let from = 0;
    for (let i = 0; i < holes.length; i += fields) {
      const to = holes[i]!;
      code.copy(bytes, from, to);
      from = to;
      const kind = holes[i + 1]!;
      const number = holes[i + 2]!;
      if (kind === unsigned) code.uleb(values[number]! + holes[i + 3]!);
      else if (kind === signed) code.sleb(values[number]!);
      else hints.push(code.length, number);
    }
    code.copy(bytes, from, bytes.length);
  }
}
