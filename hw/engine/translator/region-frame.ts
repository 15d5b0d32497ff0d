// What every region's function has: its parameters, and the locals that instructions share. They are the first ones, so
// that templates can name them.

import { type FunctionBuilder, Local } from '../../wasm/module.ts';

export const regionParams = ['i32', 'i32', 'i64'] as const;

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
  dataBank: new Local(6, 'i32'),
  /** Non-zero once an f register or a floating-point flag has been written. */
  fpWritten: new Local(7, 'i32'),
} as const;

const kinds = Object.values(frame)
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
