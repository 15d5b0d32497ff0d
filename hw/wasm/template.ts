// Code that is generated once and used often: the bytes of some statements, with holes for what differs between its uses.

import type { Code, Kind } from './code.ts';

/** A conditional branch that is rarely, or mostly, taken. */
export interface BranchHint {
  /** Where it is in the code. */
  readonly at: number;
  readonly likely: boolean;
}

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
    hints: readonly BranchHint[],
    /** The kinds of its locals. */
    readonly scratch: readonly Kind[],
  ) {
    this.bytes = code.view().slice();
    this.holes = Int32Array.from(
      [
        ...code.holes.map((hole) => [hole.at, hole.signed ? signed : unsigned, hole.which, hole.plus]),
        ...hints.map(({ at, likely }) => [at, hint, likely ? 1 : 0, 0]),
      ]
        .sort(([a], [b]) => a! - b!)
        .flat(),
    );
    if (scratch.length > firstScratch) throw new Error('a template with too many locals');
  }

  /** Appends its code; its hints go to `hints`. */
  write(code: Code, values: HoleValues, hints: BranchHint[]): void {
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
      else hints.push({ at: code.length, likely: number !== 0 });
    }
    code.copy(bytes, from, bytes.length);
  }
}
