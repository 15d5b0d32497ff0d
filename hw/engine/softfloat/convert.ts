// Conversions: between the formats, and from and to integers.

import type { ModuleBuilder } from '../../wasm/module.ts';
import { I32, I64 } from '../../wasm/values.ts';
import { flags, raise } from './flags.ts';
import { double, type Format, single } from './format.ts';
import type { Integer } from './integers.ts';
import { type Operation, operands } from './operation.ts';
import { type Round, roundsUp, shiftRightSticky, unpack } from './round.ts';

/** fcvt.d.s: exact, and so the host's own. */
export function defineWiden(module: ModuleBuilder): Operation {
  return module.function(operands, 'i64', (f, context, _rm, a) => {
    const x = f.let(single.unbox(a.get));
    f.if(single.isNaN(x), () => {
      f.if(single.isSignalling(x), () => raise(f, context, flags.invalid));
      f.return(double.constant(double.canonicalNaN));
    });
    f.return(x.wrap().f32Bits().promote().bits());
  });
}

/** fcvt.s.d. */
export function defineNarrow(module: ModuleBuilder, round: Round): Operation {
  return module.function(operands, 'i64', (f, context, rm, a) => {
    const x = a.get;
    const sign = f.let(double.sign(x));
    f.if(double.isFinite(x).eqz(), () => {
      f.if(double.isNaN(x), () => {
        f.if(double.isSignalling(x), () => raise(f, context, flags.invalid));
        f.return(single.constant(single.canonicalNaN));
      });
      f.return(single.box(single.signed(sign, single.infinity)));
    });
    f.if(double.isZero(x), () => f.return(single.box(single.signed(sign, 0n))));
    const { exponent, significand } = unpack(f, double, x);
    f.return(round.call(context.get, rm.get, sign, exponent, significand));
  });
}

export function defineFromInteger(module: ModuleBuilder, format: Format, integer: Integer, round: Round): Operation {
  return module.function(operands, 'i64', (f, context, rm, a) => {
    const value = f.let(integer.bits === 64 ? a.get : integer.signed ? a.get.extend32S() : a.get.and(0xffff_ffffn));
    const sign = f.let(integer.signed ? value.shrU(63).wrap() : I32.of(0));
    const magnitude = f.let(sign.select(value.neg(), value));
    f.if(magnitude.eqz(), () => f.return(format.constant(0n)));
    f.return(round.call(context.get, rm.get, sign, I32.of(63), magnitude));
  });
}

/** Rounds to an integer; what is out of range, rounded, is invalid (and not inexact) and saturates. */
export function defineToInteger(module: ModuleBuilder, format: Format, integer: Integer): Operation {
  const digits = BigInt(integer.signed ? integer.bits - 1 : integer.bits);
  const largest = 2n ** digits - 1n;
  const smallest = integer.signed ? -(2n ** digits) : 0n;
  const constant = (value: bigint) => I64.of(BigInt.asIntN(integer.bits, value));

  return module.function(operands, 'i64', (f, context, rm, a) => {
    const x = f.let(format.unbox(a.get));
    const saturate = (value: I64) => {
      raise(f, context, flags.invalid);
      f.return(value);
    };
    f.if(format.isNaN(x), () => saturate(constant(largest)));
    const { sign, exponent, significand } = unpack(f, format, x);
    const limit = f.let(sign.select(constant(smallest), constant(largest)));
    f.if(exponent.gtS(63), () => saturate(limit)); // infinities too

    const whole = f.local('i64');
    const rest = f.local('i64');
    f.if(
      exponent.geS(0),
      () => {
        const shift = exponent.i64U();
        f.set(whole, significand.shrU(I64.of(63n).sub(shift)));
        f.set(rest, significand.shl(1).shl(shift));
      },
      () => f.set(rest, shiftRightSticky(f, significand, I32.of(-1).sub(exponent))),
    );
    const up = roundsUp(rm.get, sign, whole.get.and(1n), rest.get);
    f.set(whole, whole.get.add(up.i64U())); // no carry: with 64 digits there is no rest
    const bound = sign.select(I64.of(-smallest), I64.of(largest));
    f.if(whole.get.gtU(bound), () => saturate(limit));
    f.if(rest.get.ne(0n), () => raise(f, context, flags.inexact));
    const value = sign.select(whole.get.neg(), whole.get);
    f.return(integer.bits === 32 ? value.extend32S() : value);
  });
}
