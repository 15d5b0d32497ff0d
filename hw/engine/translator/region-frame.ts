// What every region's function has: its parameters, and the locals that instructions share. They are the first ones, so
// that templates can name them.

import { type FunctionBuilder, Local } from '../../wasm/module.ts';

export const regionParams = ['i32', 'i32', 'i64'] as const;

/** A page that was found in the TLB, and what to add to an address in it; as the TLB holds them. */
export interface CachedPage {
  readonly tag: Local<'i64'>;
  readonly addend: Local<'i32'>;
}

export const frame = {
  context: new Local(0, 'i32'),
  /** Cycles. */
  left: new Local(1, 'i32'),
  /** Virtual address of the head's page. */
  base: new Local(2, 'i64'),
  /** When the region is left: the address of the next instruction, or a `departure`. */
  leaveTo: new Local(3, 'i64'),
  /** Where the current node's jump goes. */
  target: new Local(4, 'i64'),
  /** See `spanOf`. */
  span: new Local(5, 'i64'),
  loads: { tag: new Local(6, 'i64'), addend: new Local(10, 'i32') },
  stores: { tag: new Local(7, 'i64'), addend: new Local(11, 'i32') },
  stackLoads: { tag: new Local(8, 'i64'), addend: new Local(12, 'i32') },
  stackStores: { tag: new Local(9, 'i64'), addend: new Local(13, 'i32') },
  dataBank: new Local(14, 'i32'),
  /** Non-zero once an f register or a floating-point flag has been written. */
  fpWritten: new Local(15, 'i32'),
} as const;

const kinds = Object.values(frame)
  .flatMap((one) => (one instanceof Local ? [one] : [one.tag, one.addend]))
  .sort((a, b) => a.index - b.index)
  .map(({ kind }) => kind)
  .slice(regionParams.length);

/** Declares the locals of `frame`. */
export function declareFrame(f: FunctionBuilder): void {
  for (const kind of kinds) f.local(kind);
}

/** Set in what a region returns: the interpreter executes the next instruction. */
export const interpretNext = 0x8000_0000;

/**
 * How a region is left before an instruction whose place is known: its offset, whether the interpreter is to execute it, and
 * how many cycles were counted too many; in one constant, so that leaving takes little code.
 */
export const departure = {
  of: (offset: number, unused: number, interpret: boolean): number =>
    offset * 2 ** 12 + (interpret ? 1 << 11 : 0) + unused,
  offsetShift: 12,
  /** To bit 31, that of `interpretNext`. */
  interpretShift: 20,
  interpret: 1 << 11,
  unused: (1 << 11) - 1,
} as const;
