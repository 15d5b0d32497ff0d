// The fast path: the host's own arithmetic, where it provably gives the exact result and flags.

import type { ModuleBuilder } from '../../wasm/module.ts';
import { type I32, type I64, load } from '../../wasm/values.ts';
import { context as fields } from '../layout.ts';
import { flags } from './flags.ts';
import type { Format } from './format.ts';
import { type Operation, operands } from './operation.ts';
import { roundingModes } from './round.ts';

type HostOperation = 'add' | 'sub' | 'mul' | 'div' | 'sqrt';

function onHost(format: Format, operation: HostOperation, a: I64, b: I64): I64 {
  if (format.width === 64) {
    const [x, y] = [a.f64Bits(), b.f64Bits()];
    return (operation === 'sqrt' ? x.sqrt() : x[operation](y)).bits();
  }
  const [x, y] = [a.wrap().f32Bits(), b.wrap().f32Bits()];
  return (operation === 'sqrt' ? x.sqrt() : x[operation](y)).bits().i64U();
}

/** What `exact` computes, on the host where it will do. */
export function defineNearest(
  module: ModuleBuilder,
  format: Format,
  operation: HostOperation,
  exact: (context: I32, rm: I32, a: I64, b: I64) => I64,
): Operation {
  // A result from the second smallest normal exponent up to the largest finite number tells that rounding to nearest
  // met no invalid operation (NaN), no division by zero or overflow (infinity) and no underflow (at most the smallest
  // normal number). Only inexact can be due, and it has accrued already.
  const lowest = 2n << BigInt(format.fractionBits);
  const span = format.infinity - lowest;

  return module.function(operands, 'i64', (f, context, rm, a, b) => {
    const accrued = load.i32(context.get, fields.fflags).and(flags.inexact);
    const boxed = format.isBoxed(operation === 'sqrt' ? a.get : a.get.and(b.get));
    f.if(accrued.and(rm.get.eq(roundingModes.nearestEven)).and(boxed), () => {
      const result = f.let(onHost(format, operation, a.get, b.get));
      f.if(format.magnitude(result).sub(lowest).ltU(span), () => f.return(format.box(result)));
    });
    f.return(exact(context.get, rm.get, a.get, b.get));
  });
}
