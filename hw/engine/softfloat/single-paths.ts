// Fast paths of singles. A double holds a product of singles exactly, so that many tests are exact equations in doubles.

import { F32, type F64, type I32, type I64 } from '../../wasm/values.ts';
import type { FastPath } from './fast-path.ts';
import { single } from './format.ts';
import { HostPaths } from './host-paths.ts';
import type { Integer } from './integers.ts';

export class SinglePaths extends HostPaths<F32> {
  protected override readonly format = single;
  protected override readonly lowest = (2n << 56n) - 1n;

  protected override of(value: number): F32 {
    return F32.of(value);
  }
  protected override bits(value: F32): I64 {
    return value.bits().i64U();
  }
  protected override doubled(value: F32): I64 {
    return value.bits().i64U().shl(33);
  }
  protected override fromBits(bits: I64): F32 {
    return bits.wrap().f32Bits();
  }
  protected override nearestTo(value: I64, { bits, signed }: Integer): F32 {
    if (bits === 32) return signed ? value.wrap().f32S() : value.wrap().f32U();
    return signed ? value.f32S() : value.f32U();
  }

  private isProduct(value: F64, a: F32, b: F32): I32 {
    return value.eq(a.promote().mul(b.promote()));
  }

  protected override mul(a: F32, b: F32): FastPath {
    return this.having(a.mul(b), (product) => [
      () => this.within(product),
      () => this.isProduct(product.promote(), a, b),
    ]);
  }

  protected override div(a: F32, b: F32): FastPath {
    return this.having(a.div(b), (quotient) => [
      () => this.within(quotient),
      () => this.isProduct(a.promote(), quotient, b),
    ]);
  }

  protected override sqrt(a: F32): FastPath {
    return this.having(a.sqrt(), (root) => [
      () => this.doubled(root).ltU(this.state.span),
      () => this.isProduct(a.promote(), root, root),
    ]);
  }

  protected override fma(a: F32, b: F32, c: F32): FastPath {
    const { f } = this;
    const inDoubles = () => {
      const product = f.let(a.promote().mul(b.promote()));
      const addend = f.let(c.promote());
      const sum = f.let(product.add(addend));
      const isSum = sum.sub(product).eq(addend).and(sum.sub(addend).eq(product));
      return { sum, isSum };
    };
    const isExact = (result: F32, { sum, isSum }: { sum: F64; isSum: I32 }): I32 =>
      isSum.and(this.within(result).or(result.promote().eq(sum).and(this.hasSign(result))));
    if (this.state.hostFuses) {
      return this.having(a.fused(b, c), (result) => [() => this.within(result), () => isExact(result, inDoubles())]);
    }
    const exactly = inDoubles();
    // Rounding twice is rounding once, unless the first result is half way between two singles.
    const isHalfway = exactly.sum.bits().and(0x1fff_ffffn).eq(0x1000_0000n);
    return this.having(exactly.sum.demote(), (result) => [
      () => this.within(result).and(isHalfway.eqz()),
      () => isExact(result, exactly),
    ]);
  }

  /** fcvt.s.d and fcvt.d.s. */
  narrow(a: F64): FastPath | undefined {
    if (!this.mayRound) return undefined;
    return this.having(a.demote(), (result) => [() => this.within(result), () => result.promote().eq(a)]);
  }
  widen(a: F32): FastPath {
    const result = this.f.local('f64');
    this.f.set(result, a.promote());
    return { result, exact: [() => result.get.eq(result.get)] };
  }
}
