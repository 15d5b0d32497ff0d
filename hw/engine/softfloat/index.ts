// Floating point of the F and D extensions, exact in every result and flag, as functions of a WebAssembly module.
//
// Reading order: format, flags, operation, round; add, multiply, divide, fma, convert, compare; nearest.

import type { FpOperation } from '../../isa/semantics.ts';
import type { ModuleBuilder } from '../../wasm/module.ts';
import { type I32, I64 } from '../../wasm/values.ts';
import { defineAdd } from './add.ts';
import { defineClassify, defineCompare, defineExtremum, defineSignInjection } from './compare.ts';
import { defineFromInteger, defineNarrow, defineToInteger, defineWiden, integers } from './convert.ts';
import { defineDivide, defineSquareRoot } from './divide.ts';
import { defineFma } from './fma.ts';
import { double, type Format, single } from './format.ts';
import { defineMultiply } from './multiply.ts';
import { defineNearest } from './nearest.ts';
import { type Operation, operands } from './operation.ts';
import { defineRound, type Round } from './round.ts';

export type { Operation } from './operation.ts';

function defineArithmetic(module: ModuleBuilder, format: Format, round: Round) {
  const add = defineAdd(module, format, round);
  const multiply = defineMultiply(module, format, round);
  const divide = defineDivide(module, format, round);
  const squareRoot = defineSquareRoot(module, format, round);
  const fma = defineFma(module, format, round);
  const none = I64.of(0n);
  const ofTwo = (exact: Operation) => (context: I32, rm: I32, a: I64, b: I64) => exact.call(context, rm, a, b, none);
  const negated = (product: boolean, addend: boolean) =>
    module.function(operands, 'i64', (f, context, rm, a, b, c) => {
      const left = product ? format.negate(a.get) : a.get;
      f.return(fma.call(context.get, rm.get, left, b.get, addend ? format.negate(c.get) : c.get));
    });
  return {
    add: defineNearest(module, format, 'add', ofTwo(add)),
    sub: defineNearest(module, format, 'sub', (context, rm, a, b) => add.call(context, rm, a, format.negate(b), none)),
    mul: defineNearest(module, format, 'mul', ofTwo(multiply)),
    div: defineNearest(module, format, 'div', ofTwo(divide)),
    sqrt: defineNearest(module, format, 'sqrt', ofTwo(squareRoot)),
    madd: fma,
    msub: negated(false, true),
    nmsub: negated(true, false),
    nmadd: negated(true, true),
    min: defineExtremum(module, format, 'min'),
    max: defineExtremum(module, format, 'max'),
    eq: defineCompare(module, format, 'eq'),
    lt: defineCompare(module, format, 'lt'),
    le: defineCompare(module, format, 'le'),
    class: defineClassify(module, format),
    toW: defineToInteger(module, format, integers.w),
    toWu: defineToInteger(module, format, integers.wu),
    toL: defineToInteger(module, format, integers.l),
    toLu: defineToInteger(module, format, integers.lu),
    fromW: defineFromInteger(module, format, integers.w, round),
    fromWu: defineFromInteger(module, format, integers.wu, round),
    fromL: defineFromInteger(module, format, integers.l, round),
    fromLu: defineFromInteger(module, format, integers.lu, round),
  };
}

/**
 * Adds the floating-point operations to the module. Each takes (base address of the context, resolved rounding mode,
 * three raw operands) and returns the raw result; it accrues exceptions in the context's `fflags`. See `fpOperations`.
 */
export function defineSoftfloat(module: ModuleBuilder): Record<FpOperation, Operation> {
  const roundSingle = defineRound(module, single);
  const s = defineArithmetic(module, single, roundSingle);
  const d = defineArithmetic(module, double, defineRound(module, double));
  return {
    'fadd.s': s.add,
    'fsub.s': s.sub,
    'fmul.s': s.mul,
    'fdiv.s': s.div,
    'fsqrt.s': s.sqrt,
    'fmadd.s': s.madd,
    'fmsub.s': s.msub,
    'fnmsub.s': s.nmsub,
    'fnmadd.s': s.nmadd,
    'fmin.s': s.min,
    'fmax.s': s.max,
    'feq.s': s.eq,
    'flt.s': s.lt,
    'fle.s': s.le,
    'fclass.s': s.class,
    'fcvt.w.s': s.toW,
    'fcvt.wu.s': s.toWu,
    'fcvt.l.s': s.toL,
    'fcvt.lu.s': s.toLu,
    'fcvt.s.w': s.fromW,
    'fcvt.s.wu': s.fromWu,
    'fcvt.s.l': s.fromL,
    'fcvt.s.lu': s.fromLu,
    'fsgnj.s': defineSignInjection(module, single, (_, second) => second),
    'fsgnjn.s': defineSignInjection(module, single, (_, second) => second.not()),
    'fsgnjx.s': defineSignInjection(module, single, (first, second) => first.xor(second)),
    'fadd.d': d.add,
    'fsub.d': d.sub,
    'fmul.d': d.mul,
    'fdiv.d': d.div,
    'fsqrt.d': d.sqrt,
    'fmadd.d': d.madd,
    'fmsub.d': d.msub,
    'fnmsub.d': d.nmsub,
    'fnmadd.d': d.nmadd,
    'fmin.d': d.min,
    'fmax.d': d.max,
    'feq.d': d.eq,
    'flt.d': d.lt,
    'fle.d': d.le,
    'fclass.d': d.class,
    'fcvt.w.d': d.toW,
    'fcvt.wu.d': d.toWu,
    'fcvt.l.d': d.toL,
    'fcvt.lu.d': d.toLu,
    'fcvt.d.w': d.fromW,
    'fcvt.d.wu': d.fromWu,
    'fcvt.d.l': d.fromL,
    'fcvt.d.lu': d.fromLu,
    'fcvt.s.d': defineNarrow(module, roundSingle),
    'fcvt.d.s': defineWiden(module),
  };
}
