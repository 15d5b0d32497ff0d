// Exact addition.

import type { ModuleBuilder } from '../../wasm/module.ts';
import { returnInvalid, returnNaN } from './flags.ts';
import type { Format } from './format.ts';
import { type Operation, operands } from './operation.ts';
import { cancelled, type Round, shiftRightSticky, unpack } from './round.ts';

export function defineAdd(module: ModuleBuilder, format: Format, round: Round): Operation {
  return module.function(operands, 'i64', (f, context, rm, a, b) => {
    const x = f.let(format.unbox(a.get));
    const y = f.let(format.unbox(b.get));
    f.if(format.isFinite(x).and(format.isFinite(y)).eqz(), () => {
      returnNaN(f, context, format, [x, y]);
      f.if(format.isFinite(x), () => f.return(format.box(y)));
      f.if(format.isFinite(y).or(x.eq(y)), () => f.return(format.box(x)));
      returnInvalid(f, context, format);
    });

    const swap = f.let(format.magnitude(x).ltU(format.magnitude(y)));
    const large = unpack(f, format, f.let(swap.select(y, x)));
    const small = unpack(f, format, f.let(swap.select(x, y)));
    // One bit of room for the carry; eleven or more below the last digit, so that one sticky bit is enough.
    const minuend = large.significand.shrU(1);
    const other = f.let(shiftRightSticky(f, small.significand.shrU(1), large.exponent.sub(small.exponent)));
    const sameSign = large.sign.eq(small.sign);
    const sum = f.let(sameSign.select(minuend.add(other), minuend.sub(other)));
    f.if(sum.eqz(), () => {
      f.if(sameSign, () => f.return(format.box(x))); // both operands are the same zero
      f.return(cancelled(format, rm.get));
    });
    f.return(round.call(context.get, rm.get, large.sign, large.exponent.add(1), sum));
  });
}
