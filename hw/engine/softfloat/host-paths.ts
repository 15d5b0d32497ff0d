// Fast paths that both formats have alike. docs/floating-point.md proves that each test is enough.

import type { FunctionBuilder } from '../../wasm/module.ts';
import { type I32, type I64, ifElse, type Value } from '../../wasm/values.ts';
import { classOf } from './compare.ts';
import { type FastPath, type FastState, spans } from './fast-path.ts';
import type { Format } from './format.ts';
import { type Integer, integers } from './integers.ts';
import { roundingModes } from './round.ts';

/** What F32 and F64 do alike. */
interface HostFloat<V> extends Value {
  add(o: V): V;
  sub(o: V): V;
  min(o: V): V;
  max(o: V): V;
  eq(o: V): I32;
  ne(o: V): I32;
  lt(o: V): I32;
  le(o: V): I32;
  ge(o: V): I32;
  abs(): V;
  neg(): V;
  copysign(o: V): V;
  ceil(): V;
  floor(): V;
  trunc(): V;
  nearest(): V;
  i64S(): I64;
  i64U(): I64;
}

const { nearestEven, towardZero, down, up } = roundingModes;
const dynamic = 7;
const roundings: { readonly [rm: number]: 'nearest' | 'trunc' | 'floor' | 'ceil' } = {
  [nearestEven]: 'nearest',
  [towardZero]: 'trunc',
  [down]: 'floor',
  [up]: 'ceil',
  [dynamic]: 'nearest',
};

export abstract class HostPaths<V extends HostFloat<V>> {
  protected abstract readonly format: Format;
  /** The doubled magnitude of the second smallest normal exponent, less one: what is below may have underflowed. */
  protected abstract readonly lowest: bigint;

  constructor(
    protected readonly f: FunctionBuilder,
    protected readonly state: FastState,
  ) {}

  protected abstract of(value: number): V;
  /** The encoding, zero-extended; and without its sign, at the upper end of 64 bits. */
  protected abstract bits(value: V): I64;
  protected abstract doubled(value: V): I64;
  protected abstract fromBits(bits: I64): V;
  protected abstract nearestTo(value: I64, integer: Integer): V;
  protected abstract mul(a: V, b: V): FastPath;
  protected abstract div(a: V, b: V): FastPath;
  protected abstract sqrt(a: V): FastPath;
  protected abstract fma(a: V, b: V, c: V): FastPath;

  /** Whether results may be rounded: to nearest is the only mode of the host's arithmetic. */
  protected get mayRound(): boolean {
    const { rounding } = this.state;
    return typeof rounding !== 'number' || rounding === nearestEven || rounding === dynamic;
  }

  path(operation: string, a: V, b: V, c: V): FastPath | undefined {
    switch (operation) {
      case 'fmin':
        return this.having(a.min(b), (least) => [() => least.eq(least)]);
      case 'fmax':
        return this.having(a.max(b), (greatest) => [() => greatest.eq(greatest)]);
      case 'feq':
        return this.compare(a.eq(b), a, b);
      case 'flt':
        return this.compare(a.lt(b), a, b);
      case 'fle':
        return this.compare(a.le(b), a, b);
      case 'fclass':
        return this.having(classOf(this.f, this.format, this.bits(a)));
      case 'fsgnj':
        return this.having(a === b ? a : a.copysign(b));
      case 'fsgnjn':
        return this.having(a === b ? a.neg() : a.copysign(b.neg()));
      case 'fsgnjx':
        return this.having(a === b ? a.abs() : this.fromBits(this.bits(a).xor(this.bits(b).and(this.format.signMask))));
    }
    if (!this.mayRound) return undefined;
    switch (operation) {
      case 'fadd':
        return this.add(a, b);
      case 'fsub':
        return this.sub(a, b);
      case 'fmul':
        return this.mul(a, b);
      case 'fdiv':
        return this.div(a, b);
      case 'fsqrt':
        return this.sqrt(a);
      case 'fmadd':
        return this.fma(a, b, c);
      case 'fmsub':
        return this.fma(a, b, this.f.let(c.neg()));
      case 'fnmsub':
        return this.fma(this.f.let(a.neg()), b, c);
      case 'fnmadd':
        return this.fma(this.f.let(a.neg()), b, this.f.let(c.neg()));
      default:
        return undefined;
    }
  }
  protected having(value: Value, exact: (result: V) => (() => I32)[] = () => []): FastPath {
    const result = this.f.local(value.kind);
    this.f.set(result, value);
    return { result: result as FastPath['result'], exact: exact(result.get as Value as V) };
  }

  protected get zero(): V {
    return this.of(0);
  }
  /** Whether rounding is to nearest, and whether moreover inexact has accrued. */
  protected get nearest(): I32 {
    return this.state.span.ne(spans.closed);
  }
  protected get open(): I32 {
    return this.state.span.gtU(spans.nearest);
  }

  /** No NaN, and far from overflow and underflow; `within` says that inexact has accrued too. */
  protected isOrdinary(value: V): I32 {
    return this.doubled(value).sub(this.lowest).ltU(spans.open);
  }
  protected within(value: V): I32 {
    return this.doubled(value).sub(this.lowest).ltU(this.state.span);
  }

  /** Whether `sum` is a + b exactly, if it is the host's. */
  protected isSum(sum: V, a: V, b: V): I32 {
    return sum.sub(a).eq(b).and(sum.sub(b).eq(a));
  }
  /** What is exact is the same in every rounding mode, save the sign of a sum that is zero. */
  protected hasSign(sum: V): I32 {
    return sum.ne(this.zero).or(this.nearest);
  }

  private add(a: V, b: V): FastPath {
    return this.having(a.add(b), (sum) => [
      () => this.doubled(sum).ltU(this.state.span),
      () => this.isSum(sum, a, b).and(sum.ne(this.zero)),
    ]);
  }

  private sub(a: V, b: V): FastPath {
    return this.having(a.sub(b), (difference) => [
      () => this.doubled(difference).ltU(this.state.span),
      () => this.isSum(difference, a, b.neg()).and(difference.ne(this.zero)),
    ]);
  }

  private compare(relation: I32, a: V, b: V): FastPath {
    const holds = this.f.let(relation);
    return { ...this.having(holds.i64U()), exact: [() => holds, () => a.eq(a).and(b.eq(b))] };
  }

  fromInteger(value: I64, integer: Integer): FastPath {
    const path = this.having(this.nearestTo(value, integer));
    if (integer.bits < this.format.precision) return path;
    const limit = 1n << BigInt(this.format.precision);
    const extended = integer.bits === 64 ? value : integer.signed ? value.extend32S() : value.and(0xffff_ffffn);
    const isShort = () => (integer.signed ? extended.add(limit).leU(2n * limit) : extended.leU(limit));
    return { ...path, exact: this.mayRound ? [isShort, () => this.open] : [isShort] };
  }

  toInteger(integer: Integer, a: V): FastPath | undefined {
    const rounded = this.rounded(a);
    if (!rounded) return undefined;
    const whole = this.f.let(rounded);
    const limit = this.of(2 ** (integer.signed ? integer.bits - 1 : integer.bits));
    const fits = integer.signed ? whole.abs().lt(limit) : whole.ge(this.zero).and(whole.lt(limit));
    const value = integer === integers.lu ? whole.i64U() : whole.i64S();
    const path = this.having(integer === integers.wu ? value.extend32S() : value);
    return { ...path, exact: [() => fits.and(whole.eq(a).or(this.state.accrued ?? this.open))] };
  }

  /** A whole number; infinity if the rounding mode is one that the host lacks. */
  private rounded(a: V): V | undefined {
    const { rounding } = this.state;
    if (typeof rounding === 'number') {
      const host = roundings[rounding];
      return host && a[host]();
    }
    const upward = ifElse(rounding.eq(up), a.ceil(), this.of(Number.POSITIVE_INFINITY));
    const directed = ifElse(rounding.eq(down), a.floor(), upward);
    return ifElse(rounding.eq(towardZero), a.trunc(), ifElse(rounding.eqz(), a.nearest(), directed));
  }
}
