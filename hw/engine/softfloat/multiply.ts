// Exact multiplication.

import type { FunctionBuilder, ModuleBuilder } from '../../wasm/module.ts';
import { I64 } from '../../wasm/values.ts';
import { returnInvalid, returnNaN } from './flags.ts';
import type { Format } from './format.ts';
import { type Operation, operands } from './operation.ts';
import { type Round, unpack } from './round.ts';

const low32 = 0xffff_ffffn;

/** The 128-bit product of two bound unsigned values. */
export function multiplyWide(f: FunctionBuilder, a: I64, b: I64): { high: I64; low: I64 } {
  const [aHigh, aLow, bHigh, bLow] = [a.shrU(32), a.and(low32), b.shrU(32), b.and(low32)];
  const inner = f.let(aLow.mul(bHigh));
  const outer = f.let(aHigh.mul(bLow));
  const middle = aLow.mul(bLow).shrU(32).add(inner.and(low32)).add(outer.and(low32));
  const high = aHigh.mul(bHigh).add(inner.shrU(32)).add(outer.shrU(32)).add(middle.shrU(32));
  return { high: f.let(high), low: f.let(a.mul(b)) };
}

/** The product of two significands as `unpack` gives them; those of singles have 32 zeros at their ends. */
export function multiplySignificands(f: FunctionBuilder, format: Format, a: I64, b: I64): { high: I64; low: I64 } {
  if (format.width === 64) return multiplyWide(f, a, b);
  return { high: f.let(a.shrU(32).mul(b.shrU(32))), low: I64.of(0n) };
}

export function defineMultiply(module: ModuleBuilder, format: Format, round: Round): Operation {
  return module.function(operands, 'i64', (f, context, rm, a, b) => {
    const x = f.let(format.unbox(a.get));
    const y = f.let(format.unbox(b.get));
    const sign = f.let(format.sign(x.xor(y)));
    f.if(format.isFinite(x).and(format.isFinite(y)).eqz(), () => {
      returnNaN(f, context, format, [x, y]);
      f.if(format.isZero(x).or(format.isZero(y)), () => returnInvalid(f, context, format));
      f.return(format.box(format.signed(sign, format.infinity)));
    });

    const left = unpack(f, format, x);
    const right = unpack(f, format, y);
    const { high, low } = multiplySignificands(f, format, left.significand, right.significand);
    f.if(high.eqz(), () => f.return(format.box(format.signed(sign, high))));
    f.return(
      round.call(context.get, rm.get, sign, left.exponent.add(right.exponent).add(1), high.or(low.ne(0n).i64U())),
    );
  });
}
