// What a fast path is: a result that the host computed, and tests that tell where it and the flags are exact.

import type { FunctionBuilder, Local } from '../../wasm/module.ts';
import { type F32, type F64, type I32, I64 } from '../../wasm/values.ts';

/** What a fast path needs to know of the floating-point state. */
export interface FastState {
  /** See `spanOf`. One that was made earlier stays valid for as long as nobody writes fcsr; it may be too small only. */
  span: I64;
  /** Rounding mode: the instruction's rm field (7: the mode that `span` was made for), or a value from 0 to 4. */
  rounding: number | I32;
  /** Non-zero if inexact has accrued; without it `span` tells, where rounding is to nearest. */
  accrued?: I32;
  /** Whether `fused` of F32 and F64 may be used. */
  hostFuses: boolean;
}

export interface FastPath {
  /** Bound, and computed already: f64 for `.d` and f32 for `.s` results in f registers, i64 for those in x registers. */
  result: Local<'f64'> | Local<'f32'> | Local<'i64'>;
  /**
   * Tests, likeliest first: the result is exact and accrues nothing new if any of them holds, or if there are none. To
   * be built in this order, each where the one before has failed.
   */
  exact: readonly (() => I32)[];
}

/**
 * Doubled magnitudes of results (the sign shifted out, a single's in the upper half) are good if they lie less than a
 * span above a lowest one. `nearest` admits only the lowest itself: it is zero where a zero is exact, and otherwise odd.
 * `open` is as wide as the singles from 2^−125 up; doubles it takes to 2^1003.
 */
export const spans = { open: 0xfd00_0000_0000_0000n, nearest: 1n, closed: 0n } as const;

/** The span by whether the rounding mode is to nearest, ties to even, and whether inexact has accrued. */
export function spanOf(nearest: I32, accrued: I32): I64 {
  const accruing = accrued.select(I64.of(spans.open), I64.of(spans.nearest));
  return nearest.select(accruing, I64.of(spans.closed));
}

/** Runs `slow` if none of the tests holds. It leaves, or sets the result to what the exact function returns. */
export function unlessExact(f: FunctionBuilder, { exact }: FastPath, slow: () => void): void {
  const otherwise = (index: number): void => {
    const test = exact[index];
    if (test) f.if(test().eqz(), () => otherwise(index + 1));
    else slow();
  };
  if (exact.length > 0) otherwise(0);
}

const boxing = 0xffff_ffff_0000_0000n;

/** The raw bits of the f register that holds a single; whether raw bits hold one, and that one. */
export const boxSingle = (value: F32): F64 => value.bits().i64U().or(boxing).f64Bits();
export const isBoxed = (raw: F64): I32 => raw.bits().geU(boxing);
export const unboxSingle = (raw: F64): F32 => raw.bits().wrap().f32Bits();
