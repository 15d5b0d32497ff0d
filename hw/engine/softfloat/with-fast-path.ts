// An operation as a function: its fast path, then the exact computation.

import { type FpOperation, fpOperations } from '../../isa/semantics.ts';
import type { ModuleBuilder } from '../../wasm/module.ts';
import { F32, type F64, type I32, type I64, load } from '../../wasm/values.ts';
import { context as fields } from '../layout.ts';
import { boxSingle, spanOf, unlessExact } from './fast-path.ts';
import { flags } from './flags.ts';
import { type Operation, operands } from './operation.ts';
import { fastPath } from './paths.ts';
import { roundingModes } from './round.ts';

/** How many operands the operation has, and whether they are in f registers. */
function operandsOf(operation: FpOperation): { count: number; inF: boolean } {
  const [name, , from = 's'] = operation.split('.') as [string, string, string?];
  const single = ['fcvt', 'fsqrt', 'fclass'].includes(name);
  return { count: single ? 1 : /madd|msub/.test(name) ? 3 : 2, inF: from === 's' || from === 'd' };
}

const isRounded = (operation: FpOperation): boolean => (fpOperations.rounded as readonly string[]).includes(operation);

/** Whether only rounding to nearest has a fast path worth trying. */
const needsNearest = (operation: FpOperation): boolean =>
  isRounded(operation) && (operation === 'fcvt.s.d' || !operation.startsWith('fcvt'));

export function withFastPath(
  module: ModuleBuilder,
  operation: FpOperation,
  exact: (context: I32, rm: I32, a: I64, b: I64, c: I64) => I64,
  hostFuses: boolean,
): Operation {
  const { count, inF } = operandsOf(operation);
  return module.function(operands, 'i64', (f, context, rm, ...raw) => {
    const [a, b, c] = raw;
    const slow = (): I64 => exact(context.get, rm.get, a!.get, b!.get, c!.get);
    if (needsNearest(operation)) f.if(rm.get, () => f.return(slow()));
    const accrued = f.let(load.i32(context.get, fields.fflags).and(flags.inexact));
    const rounding = isRounded(operation) ? rm.get : roundingModes.nearestEven;
    const span = f.let(spanOf(rm.get.eqz(), accrued));
    const sources = raw.slice(0, count).map((each) => (inF ? f.let(each.get.f64Bits()) : each.get));
    const path = fastPath(f, operation, sources, { span, rounding, accrued, hostFuses })!;
    unlessExact(f, path, () => f.return(slow()));
    const result: I64 | F64 | F32 = path.result.get;
    if (path.result.kind === 'i64') f.return(result);
    else f.return((result instanceof F32 ? boxSingle(result) : (result as F64)).bits());
  });
}
