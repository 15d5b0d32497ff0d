// Exact division and square root.
//
// The host's own operation gives the 53-bit number Q nearest to the quotient (or root) of two significands; wrapping
// 64-bit integers give the exact remainder, which is small. The true value lies between the halfway points from Q to
// its neighbours, and on neither: no quotient or root of 53-bit numbers does. So everything that a rounding to 53 bits
// or fewer compares it with, a subnormal's halfway points included, is Q or lies on the same side of both: Q and the
// sign of the remainder decide every rounding.

import type { FunctionBuilder, ModuleBuilder } from '../../wasm/module.ts';
import { I64 } from '../../wasm/values.ts';
import { flags, raise, returnInvalid, returnNaN } from './flags.ts';
import { double, type Format } from './format.ts';
import { type Operation, operands } from './operation.ts';
import { type Round, unpack } from './round.ts';

const one = BigInt(double.bias) << 52n;
const hidden = 1n << 52n;

/** Q and the sign of what remains, as a significand whose bit 63 is worth twice Q's leading bit. */
function withRemainder(f: FunctionBuilder, q: I64, remainder: I64): I64 {
  const rest = f.let(remainder);
  return q.shl(10).add(rest.gtS(0n).i64U()).sub(rest.ltS(0n).i64U());
}

export function defineDivide(module: ModuleBuilder, format: Format, round: Round): Operation {
  return module.function(operands, 'i64', (f, context, rm, a, b) => {
    const x = f.let(format.unbox(a.get));
    const y = f.let(format.unbox(b.get));
    const sign = f.let(format.sign(x.xor(y)));
    const infinity = format.box(format.signed(sign, format.infinity));
    const zero = format.box(format.signed(sign, 0n));
    f.if(format.isFinite(x).and(format.isFinite(y)).eqz(), () => {
      returnNaN(f, context, format, [x, y]);
      f.if(format.isFinite(x), () => f.return(zero));
      f.if(format.isFinite(y), () => f.return(infinity));
      returnInvalid(f, context, format);
    });
    f.if(format.isZero(y), () => {
      f.if(format.isZero(x), () => returnInvalid(f, context, format));
      raise(f, context, flags.divideByZero);
      f.return(infinity);
    });
    f.if(format.isZero(x), () => f.return(zero));

    const dividend = unpack(f, format, x);
    const divisor = unpack(f, format, y);
    const n = f.let(dividend.significand.shrU(11));
    const d = f.let(divisor.significand.shrU(11));
    const toDouble = (significand: I64) => significand.xor(hidden).or(one).f64Bits();
    const quotient = f.let(toDouble(n).div(toDouble(d)).bits()); // between 1/2 and 2
    const scale = f.let(I64.of(BigInt(double.bias)).sub(quotient.shrU(52))); // 1 if below 1, else 0
    const q = f.let(quotient.and(hidden - 1n).or(hidden));
    const remainder = n.shl(scale.add(52n)).sub(q.mul(d));
    const exponent = dividend.exponent.sub(divisor.exponent).sub(scale.wrap()).add(1);
    f.return(round.call(context.get, rm.get, sign, exponent, withRemainder(f, q, remainder)));
  });
}

export function defineSquareRoot(module: ModuleBuilder, format: Format, round: Round): Operation {
  return module.function(operands, 'i64', (f, context, rm, a) => {
    const x = f.let(format.unbox(a.get));
    returnNaN(f, context, format, [x]);
    f.if(format.isZero(x), () => f.return(format.box(x)));
    f.if(format.sign(x), () => returnInvalid(f, context, format));
    f.if(format.isFinite(x).eqz(), () => f.return(format.box(x)));

    const { exponent, significand } = unpack(f, format, x);
    // The radicand, between 1 and 4: the exponent that is left is even.
    const odd = f.let(exponent.and(1).i64U());
    const n = f.let(significand.shrU(11));
    const radicand = n.xor(hidden).or(one).add(odd.shl(52)).f64Bits();
    const q = f.let(
      radicand
        .sqrt()
        .bits()
        .and(hidden - 1n)
        .or(hidden),
    );
    const remainder = n.shl(odd.add(52n)).sub(q.mul(q));
    f.return(round.call(context.get, rm.get, format.sign(x), exponent.shrS(1).add(1), withRemainder(f, q, remainder)));
  });
}
