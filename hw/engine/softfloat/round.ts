// Taking finite numbers apart, and rounding exact results back into a format.

import type { Fn, FunctionBuilder, ModuleBuilder } from '../../wasm/module.ts';
import { I32, I64, ifElse } from '../../wasm/values.ts';
import { flags, raise } from './flags.ts';
import type { Format } from './format.ts';

export const roundingModes = { nearestEven: 0, towardZero: 1, down: 2, up: 3, nearestMaxMagnitude: 4 } as const;

/**
 * A finite number: (−1)^sign × significand × 2^(exponent − 63). Bit 63 of the significand is set, subnormals
 * included; zero has significand 0 and an exponent below that of every other number.
 */
export interface Unpacked {
  /** 0 or 1. */
  sign: I32;
  exponent: I32;
  significand: I64;
}

export function unpack(f: FunctionBuilder, format: Format, bits: I64): Unpacked {
  const magnitude = f.let(format.magnitude(bits));
  const field = f.let(magnitude.shrU(format.fractionBits).wrap());
  const subnormal = f.let(field.eqz());
  const hidden = subnormal.eqz().i64U().shl(format.fractionBits);
  const significand = f.let(
    magnitude
      .and(format.fractionMask)
      .or(hidden)
      .shl(64 - format.precision),
  );
  const zeros = f.let(significand.clz());
  return {
    sign: f.let(format.sign(bits)),
    exponent: f.let(field.add(subnormal).sub(format.bias).sub(zeros.wrap())),
    significand: f.let(significand.shl(zeros)),
  };
}

/** `value` shifted right by `count` ≥ 0; bit 0 also collects every bit that is lost. */
export function shiftRightSticky(f: FunctionBuilder, value: I64, count: I32): I64 {
  const bound = f.let(value);
  const wanted = f.let(count);
  const shift = f.let(wanted.ltU(63).select(wanted, I32.of(63)).i64U()); // 63 leaves only the sticky bit
  const lost = bound.and(I64.of(1n).shl(shift).sub(1n)).ne(0n);
  return bound.shrU(shift).or(lost.i64U());
}

/**
 * Whether a magnitude is rounded away from zero, 0 or 1. `odd` is the last digit that is kept, 0 or 1; `rest` is what
 * follows it, in units of 2^−64.
 */
export function roundsUp(rm: I32, sign: I32, odd: I64, rest: I64): I32 {
  const { nearestEven, down, nearestMaxMagnitude } = roundingModes;
  const half = 1n << 63n;
  const directed = rm
    .geU(down)
    .and(rest.ne(0n))
    .and(sign.xor(rm.and(1))); // down if negative, up if positive
  return ifElse(
    rm.eq(nearestEven),
    rest.or(odd).gtU(half),
    ifElse(rm.eq(nearestMaxMagnitude), rest.geU(half), directed),
  );
}

/** (context, rm, sign, exponent, significand) → raw: the number as `Unpacked` says, save that bit 63 may be clear. */
export type Round = Fn<readonly ['i32', 'i32', 'i32', 'i32', 'i64'], 'i64'>;

/**
 * Rounds a non-zero number into the format and accrues overflow, underflow and inexact. Bits of the significand
 * beyond the precision plus two may be one sticky bit. A result is tiny if it would be, after rounding with unbounded
 * exponents, below the smallest normal number (IEEE 754-2019, 7.5, as the F extension chooses).
 */
export function defineRound(module: ModuleBuilder, format: Format): Round {
  const { precision, fractionBits, infinity } = format;
  const kept = (significand: I64): I64 => significand.shrU(64 - precision);
  const lost = (significand: I64): I64 => significand.shl(precision);

  return module.function(['i32', 'i32', 'i32', 'i32', 'i64'], 'i64', (f, context, rm, sign, exponent, significand) => {
    const zeros = f.let(significand.get.clz());
    f.set(significand, significand.get.shl(zeros));
    f.set(exponent, exponent.get.sub(zeros.wrap()).add(format.bias));

    const away = (): I32 => roundsUp(rm.get, sign.get, kept(significand.get).and(1n), lost(significand.get));
    const tiny = f.local('i32');
    f.if(exponent.get.ltS(1), () => {
      const becomesNormal = kept(significand.get)
        .eq(2n ** BigInt(precision) - 1n)
        .and(away());
      f.set(tiny, exponent.get.ltS(0).or(becomesNormal.eqz()));
      f.set(significand, shiftRightSticky(f, significand.get, I32.of(1).sub(exponent.get)));
      f.set(exponent, I32.of(1));
    });

    // The hidden bit adds the one that is missing in the exponent; a carry of the fraction adds another.
    const below = exponent.get.sub(1).i64U().shl(fractionBits);
    const magnitude = f.let(below.add(kept(significand.get)).add(away().i64U()));
    const raw = (bits: I64): I64 => format.box(format.signed(sign.get, bits));

    f.if(magnitude.geU(infinity), () => {
      raise(f, context, flags.overflow | flags.inexact);
      const toInfinity = roundsUp(rm.get, sign.get, I64.of(1n), I64.of(-1n));
      f.return(raw(I64.of(infinity - 1n).add(toInfinity.i64U())));
    });
    f.if(lost(significand.get).ne(0n), () => {
      raise(f, context, tiny.get.mul(flags.underflow).or(flags.inexact));
    });
    f.return(raw(magnitude));
  });
}

/** The raw zero that an exact sum of opposite signs is (IEEE 754-2019, 6.3). */
export function cancelled(format: Format, rm: I32): I64 {
  return format.box(format.signed(rm.eq(roundingModes.down), 0n));
}
