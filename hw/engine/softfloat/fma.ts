// Exact fused multiply-add, in 128 bits.

import type { FunctionBuilder, Local, ModuleBuilder } from '../../wasm/module.ts';
import type { I32 } from '../../wasm/values.ts';
import { I64 } from '../../wasm/values.ts';
import { returnInvalid, returnNaN } from './flags.ts';
import type { Format } from './format.ts';
import { multiplySignificands } from './multiply.ts';
import { type Operation, operands } from './operation.ts';
import { cancelled, type Round, shiftRightSticky, unpack } from './round.ts';

/** Shifts high:low right by `count` ≥ 0; bit 0 also collects every bit that is lost. */
function shiftRightSticky128(f: FunctionBuilder, high: Local<'i64'>, low: Local<'i64'>, count: I32): void {
  f.if(
    count.geU(64),
    () => {
      const lost = f.let(low.get.ne(0n).i64U());
      f.set(low, shiftRightSticky(f, high.get, count.sub(64)).or(lost));
      f.set(high, I64.of(0n));
    },
    () => {
      const shift = f.let(count.i64U());
      f.if(shift.eqz().eqz(), () => {
        const back = f.let(I64.of(64n).sub(shift));
        const lost = low.get.shl(back).ne(0n).i64U();
        f.set(low, low.get.shrU(shift).or(high.get.shl(back)).or(lost));
        f.set(high, high.get.shrU(shift));
      });
    },
  );
}

/** (a × b) + c. */
export function defineFma(module: ModuleBuilder, format: Format, round: Round): Operation {
  return module.function(operands, 'i64', (f, context, rm, a, b, c) => {
    const x = f.let(format.unbox(a.get));
    const y = f.let(format.unbox(b.get));
    const z = f.let(format.unbox(c.get));
    const productSign = f.let(format.sign(x.xor(y)));
    f.if(format.isFinite(x).and(format.isFinite(y)).and(format.isFinite(z)).eqz(), () => {
      // Infinity times zero is invalid even if the addend is a quiet NaN (F extension, 2.2).
      const undefinedProduct = format
        .isInfinite(x)
        .and(format.isZero(y))
        .or(format.isZero(x).and(format.isInfinite(y)));
      f.if(undefinedProduct, () => returnInvalid(f, context, format));
      returnNaN(f, context, format, [x, y, z]);
      f.if(format.isFinite(x).and(format.isFinite(y)), () => f.return(format.box(z)));
      f.if(format.isInfinite(z).and(format.sign(z).ne(productSign)), () => returnInvalid(f, context, format));
      f.return(format.box(format.signed(productSign, format.infinity)));
    });
    f.if(format.isZero(x).or(format.isZero(y)), () => {
      f.if(format.isZero(z).and(format.sign(z).ne(productSign)), () => f.return(cancelled(format, rm.get)));
      f.return(format.box(z));
    });

    const left = unpack(f, format, x);
    const right = unpack(f, format, y);
    const addend = unpack(f, format, z);
    const product = multiplySignificands(f, format, left.significand, right.significand);
    const productExponent = f.let(left.exponent.add(right.exponent).add(1));
    const distance = f.let(productExponent.sub(addend.exponent));

    // Both terms one bit lower, so that the sum has room for a carry and the difference for a sign. Neither loses a bit,
    // and both end in zeros enough for the sticky bit to be far below the digits that are rounded.
    const high = f.local('i64');
    const low = f.local('i64');
    const sumHigh = f.local('i64');
    const sumLow = f.local('i64');
    const sign = f.local('i32');
    const exponent = f.local('i32');
    const productHigh = product.high.shrU(1);
    const productLow = product.low.shrU(1).or(product.high.shl(63));
    const addendHigh = addend.significand.shrU(1);
    const addendLow = I64.of(0n);
    const arrange = (largerHigh: I64, largerLow: I64, smallerHigh: I64, smallerLow: I64) => {
      f.set(sumHigh, largerHigh);
      f.set(sumLow, largerLow);
      f.set(high, smallerHigh);
      f.set(low, smallerLow);
    };
    f.if(
      distance.geS(0),
      () => {
        arrange(productHigh, productLow, addendHigh, addendLow);
        f.set(sign, productSign);
        f.set(exponent, productExponent.add(1));
        shiftRightSticky128(f, high, low, distance);
      },
      () => {
        arrange(addendHigh, addendLow, productHigh, productLow);
        f.set(sign, addend.sign);
        f.set(exponent, addend.exponent.add(1));
        shiftRightSticky128(f, high, low, f.let(distance.neg()));
      },
    );

    f.if(
      productSign.eq(addend.sign),
      () => {
        f.set(sumLow, sumLow.get.add(low.get));
        f.set(sumHigh, sumHigh.get.add(high.get).add(sumLow.get.ltU(low.get).i64U()));
      },
      () => {
        f.set(sumHigh, sumHigh.get.sub(high.get).sub(sumLow.get.ltU(low.get).i64U()));
        f.set(sumLow, sumLow.get.sub(low.get));
        f.if(sumHigh.get.ltS(0n), () => {
          f.set(sumHigh, sumHigh.get.not().add(sumLow.get.eqz().i64U()));
          f.set(sumLow, sumLow.get.neg());
          f.set(sign, sign.get.xor(1));
        });
        f.if(sumHigh.get.or(sumLow.get).eqz(), () => f.return(cancelled(format, rm.get)));
      },
    );

    f.if(sumHigh.get.eqz(), () => {
      f.return(round.call(context.get, rm.get, sign.get, exponent.get.sub(64), sumLow.get));
    });
    const zeros = f.let(sumHigh.get.clz());
    const top = sumHigh.get.shl(zeros).or(sumLow.get.shrU(1).shrU(I64.of(63n).sub(zeros)));
    const rest = sumLow.get.shl(zeros).ne(0n).i64U();
    f.return(round.call(context.get, rm.get, sign.get, exponent.get.sub(zeros.wrap()), top.or(rest)));
  });
}
