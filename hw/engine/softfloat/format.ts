// The two binary interchange formats (IEEE 754-2019, 3.4), and how f registers hold them.

import { I32, I64 } from '../../wasm/values.ts';

const boxing = 0xffff_ffff_0000_0000n;

/**
 * A format's parameters, and tests of its encodings. "Bits" are always an encoding in the low `width` bits of an i64,
 * the rest zero; "raw" are the 64 bits of an f register.
 */
export class Format {
  /** Of the fraction field; one less than the precision. */
  readonly fractionBits: number;
  readonly fractionMask: bigint;
  readonly bias: number;
  readonly signMask: bigint;
  /** Positive infinity: the exponent field all ones, the fraction zero. */
  readonly infinity: bigint;
  readonly canonicalNaN: bigint;
  private readonly quietBit: bigint;

  constructor(
    readonly suffix: 's' | 'd',
    readonly width: 32 | 64,
    /** Significant bits, the hidden one included. */
    readonly precision: number,
  ) {
    this.fractionBits = precision - 1;
    this.fractionMask = (1n << BigInt(this.fractionBits)) - 1n;
    this.bias = 2 ** (width - precision - 1) - 1;
    this.signMask = 1n << BigInt(width - 1);
    this.infinity = this.signMask - (1n << BigInt(this.fractionBits));
    this.quietBit = 1n << BigInt(precision - 2);
    this.canonicalNaN = this.infinity | this.quietBit;
  }

  /** A single that is not boxed by ones counts as the canonical NaN (unprivileged spec, F in D registers). */
  unbox(raw: I64): I64 {
    if (this.width === 64) return raw;
    return this.isBoxed(raw).select(raw.and(0xffff_ffffn), I64.of(this.canonicalNaN));
  }

  isBoxed(raw: I64): I32 {
    return this.width === 64 ? I32.of(1) : raw.geU(boxing);
  }

  box(bits: I64): I64 {
    return this.width === 64 ? bits : bits.or(boxing);
  }

  constant(bits: bigint): I64 {
    return this.box(I64.of(bits));
  }

  magnitude(bits: I64): I64 {
    return bits.and(this.signMask - 1n);
  }

  /** 1 if negative, else 0. */
  sign(bits: I64): I32 {
    return bits.shrU(this.width - 1).wrap();
  }

  signed(negative: I32, magnitude: I64 | bigint): I64 {
    return I64.of(magnitude).or(negative.i64U().shl(this.width - 1));
  }

  /** Changes the sign of raw register contents; one that is improperly boxed stays so. */
  negate(raw: I64): I64 {
    return raw.xor(this.signMask);
  }

  isNaN(bits: I64): I32 {
    return this.magnitude(bits).gtU(this.infinity);
  }

  isSignalling(bits: I64): I32 {
    return this.isNaN(bits).and(bits.and(this.quietBit).eqz());
  }

  isInfinite(bits: I64): I32 {
    return this.magnitude(bits).eq(this.infinity);
  }

  isZero(bits: I64): I32 {
    return this.magnitude(bits).eqz();
  }

  /** Neither infinite nor NaN. */
  isFinite(bits: I64): I32 {
    return this.magnitude(bits).ltU(this.infinity);
  }
}

export const single = new Format('s', 32, 24);
export const double = new Format('d', 64, 53);
