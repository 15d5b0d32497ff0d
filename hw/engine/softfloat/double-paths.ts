// Fast paths of doubles.

import { F64, type I32, type I64 } from '../../wasm/values.ts';
import { toOdd, twoProduct, twoSum } from './error-free.ts';
import type { FastPath } from './fast-path.ts';
import { double } from './format.ts';
import { HostPaths } from './host-paths.ts';
import type { Integer } from './integers.ts';

/** Far enough from both ends of the range for the error of a product, and of every sum, to be a double. */
const large = 2 ** 1000;
const small = 2 ** -900;
const negativeZero = 1n << 63n;

/** Products of such have at most 52 digits. */
const haveFewDigits = (a: F64, b: F64): I32 =>
  a
    .bits()
    .or(b.bits())
    .shl(64 - 27)
    .eqz();

export class DoublePaths extends HostPaths<F64> {
  protected override readonly format = double;
  protected override readonly lowest = (2n << 53n) - 1n;

  protected override of(value: number): F64 {
    return F64.of(value);
  }
  protected override bits(value: F64): I64 {
    return value.bits();
  }
  protected override doubled(value: F64): I64 {
    return value.bits().shl(1);
  }
  protected override fromBits(bits: I64): F64 {
    return bits.f64Bits();
  }
  protected override nearestTo(value: I64, { bits, signed }: Integer): F64 {
    if (bits === 32) return signed ? value.wrap().f64S() : value.wrap().f64U();
    return signed ? value.f64S() : value.f64U();
  }

  private isZeroProduct(a: F64, b: F64): I32 {
    return a.eq(this.zero).or(b.eq(this.zero));
  }

  protected override mul(a: F64, b: F64): FastPath {
    return this.having(a.mul(b), (product) => [
      () => this.within(product),
      () => product.eq(this.zero).and(this.isZeroProduct(a, b)),
      () => haveFewDigits(a, b).and(this.isOrdinary(product)),
    ]);
  }

  protected override div(a: F64, b: F64): FastPath {
    return this.having(a.div(b), (quotient) => [
      () => this.within(quotient),
      () => quotient.eq(this.zero).and(a.eq(this.zero)),
      () => haveFewDigits(quotient, b).and(quotient.mul(b).eq(a)).and(this.isOrdinary(a)),
    ]);
  }

  protected override sqrt(a: F64): FastPath {
    return this.having(a.sqrt(), (root) => [
      () => this.doubled(root).ltU(this.state.span),
      () => haveFewDigits(root, root).and(root.mul(root).eq(a)).and(this.isOrdinary(a)),
    ]);
  }

  protected override fma(a: F64, b: F64, c: F64): FastPath {
    const isAddend = (sum: F64) => this.isZeroProduct(a, b).and(sum.eq(c));
    if (this.state.hostFuses) {
      return this.having(a.fused(b, c), (sum) => [
        () => this.within(sum),
        () => isAddend(sum).and(this.hasSign(sum)),
        () =>
          sum
            .eq(this.zero)
            .and(c.abs().ge(F64.of(small)))
            .and(this.nearest),
        () => this.isExactSum(sum, a, b, c),
      ]);
    }
    const { f } = this;
    const { product, error } = twoProduct(f, a, b);
    const lower = twoSum(f, c, error);
    const upper = twoSum(f, product, lower.sum);
    const rest = toOdd(f, twoSum(f, lower.error, upper.error));
    return this.having(upper.sum.add(rest), (sum) => {
      const magnitude = product.abs();
      const isSafe = magnitude.gt(F64.of(small)).and(magnitude.add(c.abs()).add(sum.abs()).lt(F64.of(large)));
      const isNegativeZero = c.bits().eq(negativeZero);
      return [
        () => isSafe.and(this.open),
        () => isAddend(sum).and(this.hasSign(sum)).and(isNegativeZero.eqz()),
        () => this.isExactSum(sum, a, b, c),
      ];
    });
  }

  /** Whether a product that the host computes exactly, and then the sum, is exact. */
  private isExactSum(sum: F64, a: F64, b: F64, c: F64): I32 {
    const product = this.f.let(a.mul(b));
    const isExactProduct = haveFewDigits(a, b).and(this.isOrdinary(product));
    return isExactProduct.and(this.isSum(sum, product, c)).and(this.hasSign(sum));
  }
}
