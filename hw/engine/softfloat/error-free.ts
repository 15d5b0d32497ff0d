// Error-free transformations of doubles: the rounding error of a host operation is itself a double.

import type { FunctionBuilder } from '../../wasm/module.ts';
import { F64, I64 } from '../../wasm/values.ts';

/** sum + error = a + b exactly, unless the sum overflows (Møller 1965, Knuth). Operands are bound. */
export function twoSum(f: FunctionBuilder, a: F64, b: F64): { sum: F64; error: F64 } {
  const sum = f.let(a.add(b));
  const back = f.let(sum.sub(a));
  return { sum, error: f.let(a.sub(sum.sub(back)).add(b.sub(back))) };
}

/** The upper 26 digits, and the rest, which has 26 too because it is signed (Veltkamp 1968). */
function split(f: FunctionBuilder, a: F64): { high: F64; low: F64 } {
  const scaled = f.let(a.mul(F64.of(2 ** 27 + 1)));
  const high = f.let(scaled.sub(scaled.sub(a)));
  return { high, low: f.let(a.sub(high)) };
}

/**
 * product + error = a × b exactly if the product's last digit is at least 2^−1074 and nothing overflows (Dekker 1971).
 * Operands are bound.
 */
export function twoProduct(f: FunctionBuilder, a: F64, b: F64): { product: F64; error: F64 } {
  const product = f.let(a.mul(b));
  const x = split(f, a);
  const y = split(f, b);
  const rest = product.sub(x.high.mul(y.high)).sub(x.low.mul(y.high)).sub(x.high.mul(y.low));
  return { product, error: f.let(x.low.mul(y.low).sub(rest)) };
}

/**
 * sum + error rounded to odd: if the error is not zero, that neighbour of the exact value of which the last digit is 1.
 * What is rounded so, then to nearest with at least two digits less, is as if rounded once (Boldo and Melquiond 2008).
 */
export function toOdd(f: FunctionBuilder, { sum, error }: { sum: F64; error: F64 }): F64 {
  const bits = f.let(sum.bits());
  const step = bits.xor(error.bits()).shrS(63).or(1n); // away from zero if the signs agree
  const even = bits.and(1n).sub(1n);
  const inexact = I64.of(0n).sub(error.ne(F64.of(0)).i64U());
  return bits.add(step.and(even).and(inexact)).f64Bits();
}
