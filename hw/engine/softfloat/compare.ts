// What needs no rounding: comparisons, minimum and maximum, classes and signs.

import type { FunctionBuilder, ModuleBuilder } from '../../wasm/module.ts';
import { type F32, type F64, type I32, I64 } from '../../wasm/values.ts';
import { flags, raise, raiseSignalling } from './flags.ts';
import type { Format } from './format.ts';
import { type Operation, operands } from './operation.ts';

/** The host's view of two encodings; its comparisons, minimum and maximum are exact, and false or NaN for NaNs. */
function onHost<R>(format: Format, x: I64, y: I64, operation: { s(a: F32, b: F32): R; d(a: F64, b: F64): R }): R {
  return format.width === 32
    ? operation.s(x.wrap().f32Bits(), y.wrap().f32Bits())
    : operation.d(x.f64Bits(), y.f64Bits());
}

/** feq is quiet: only signalling NaNs are invalid. flt and fle signal: every NaN is. */
export function defineCompare(module: ModuleBuilder, format: Format, relation: 'eq' | 'lt' | 'le'): Operation {
  return module.function(operands, 'i64', (f, context, _rm, a, b) => {
    const x = f.let(format.unbox(a.get));
    const y = f.let(format.unbox(b.get));
    f.if(format.isNaN(x).or(format.isNaN(y)), () => {
      if (relation === 'eq') raiseSignalling(f, context, format, [x, y]);
      else raise(f, context, flags.invalid);
      f.return(I64.of(0n));
    });
    const holds = onHost<I32>(format, x, y, { s: (p, q) => p[relation](q), d: (p, q) => p[relation](q) });
    f.return(holds.i64U());
  });
}

/** minimumNumber and maximumNumber: a NaN beside a number yields the number; −0 is less than +0 (F extension, 2.2). */
export function defineExtremum(module: ModuleBuilder, format: Format, extremum: 'min' | 'max'): Operation {
  return module.function(operands, 'i64', (f, context, _rm, a, b) => {
    const x = f.let(format.unbox(a.get));
    const y = f.let(format.unbox(b.get));
    f.if(format.isNaN(x).or(format.isNaN(y)), () => {
      raiseSignalling(f, context, format, [x, y]);
      const other = format.isNaN(y).select(I64.of(format.canonicalNaN), y);
      f.return(format.box(format.isNaN(x).select(other, x)));
    });
    f.return(
      format.box(
        onHost<I64>(format, x, y, {
          s: (p, q) => p[extremum](q).bits().i64U(),
          d: (p, q) => p[extremum](q).bits(),
        }),
      ),
    );
  });
}

/** The ten classes, one bit each (F extension, table 29). */
export function classOf(f: FunctionBuilder, format: Format, x: I64): I64 {
  const smallestNormal = 1n << BigInt(format.fractionBits);
  const magnitude = f.let(format.magnitude(x));
  // Distance from zero: 0 zero, 1 subnormal, 2 normal, 3 infinite.
  const distance = f.let(
    magnitude.ne(0n).add(magnitude.geU(smallestNormal)).add(magnitude.geU(format.infinity)).i64U(),
  );
  const ofNumber = format.sign(x).select(I64.of(3n).sub(distance), distance.add(4n));
  const ofNaN = format.isSignalling(x).select(I64.of(8n), I64.of(9n));
  return I64.of(1n).shl(format.isNaN(x).select(ofNaN, ofNumber));
}

export function defineClassify(module: ModuleBuilder, format: Format): Operation {
  return module.function(operands, 'i64', (f, _context, _rm, a) => {
    f.return(classOf(f, format, f.let(format.unbox(a.get))));
  });
}

/** The magnitude of the first operand, and a sign from that of both. */
export function defineSignInjection(
  module: ModuleBuilder,
  format: Format,
  sign: (first: I64, second: I64) => I64,
): Operation {
  return module.function(operands, 'i64', (f, _context, _rm, a, b) => {
    const x = f.let(format.unbox(a.get));
    const y = format.unbox(b.get);
    f.return(format.box(format.magnitude(x).or(sign(x, y).and(format.signMask))));
  });
}
