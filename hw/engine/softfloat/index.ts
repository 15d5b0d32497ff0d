// Floating point of the F and D extensions, exact in every result and flag, as functions of a WebAssembly module.
//
// Reading order: format, flags, operation, round; add, multiply, divide, fma, convert, compare: exact everywhere. Then
// what is fast: fast-path, host-paths, double-paths (with error-free), single-paths, paths, with-fast-path.

import type { FpOperation } from '../../isa/semantics.ts';
import type { ModuleBuilder } from '../../wasm/module.ts';
import type { I32, I64 } from '../../wasm/values.ts';
import { defineAdd } from './add.ts';
import { defineClassify, defineCompare, defineExtremum, defineSignInjection } from './compare.ts';
import { defineFromInteger, defineNarrow, defineToInteger, defineWiden } from './convert.ts';
import { defineDivide, defineSquareRoot } from './divide.ts';
import { defineFma } from './fma.ts';
import { double, type Format, single } from './format.ts';
import { type Integer, integers } from './integers.ts';
import { defineMultiply } from './multiply.ts';
import type { Operation } from './operation.ts';
import { defineRound, type Round } from './round.ts';
import { withFastPath } from './with-fast-path.ts';

export type { Operation } from './operation.ts';

/** Calls what an operation is when its fast path will not do. */
type Exact = (context: I32, rm: I32, a: I64, b: I64, c: I64) => I64;

/** A call of a function that is defined when the first call is. */
function once(define: () => Operation): Exact {
  let defined: Operation | undefined;
  return (...operands) => {
    defined ??= define();
    return defined.call(...operands);
  };
}

function arithmetic(module: ModuleBuilder, format: Format, round: Round) {
  const add = once(() => defineAdd(module, format, round));
  const fma = once(() => defineFma(module, format, round));
  const negate = (raw: I64): I64 => format.negate(raw);
  const toInteger = (integer: Integer) => once(() => defineToInteger(module, format, integer));
  const fromInteger = (integer: Integer) => once(() => defineFromInteger(module, format, integer, round));
  const withSign = (sign: (first: I64, second: I64) => I64) => once(() => defineSignInjection(module, format, sign));
  return {
    add,
    sub: ((context, rm, a, b, c) => add(context, rm, a, negate(b), c)) as Exact,
    mul: once(() => defineMultiply(module, format, round)),
    div: once(() => defineDivide(module, format, round)),
    sqrt: once(() => defineSquareRoot(module, format, round)),
    madd: fma,
    msub: ((context, rm, a, b, c) => fma(context, rm, a, b, negate(c))) as Exact,
    nmsub: ((context, rm, a, b, c) => fma(context, rm, negate(a), b, c)) as Exact,
    nmadd: ((context, rm, a, b, c) => fma(context, rm, negate(a), b, negate(c))) as Exact,
    min: once(() => defineExtremum(module, format, 'min')),
    max: once(() => defineExtremum(module, format, 'max')),
    eq: once(() => defineCompare(module, format, 'eq')),
    lt: once(() => defineCompare(module, format, 'lt')),
    le: once(() => defineCompare(module, format, 'le')),
    class: once(() => defineClassify(module, format)),
    copySign: withSign((_, second) => second),
    copyOpposite: withSign((_, second) => second.not()),
    multiplySign: withSign((first, second) => first.xor(second)),
    toW: toInteger(integers.w),
    toWu: toInteger(integers.wu),
    toL: toInteger(integers.l),
    toLu: toInteger(integers.lu),
    fromW: fromInteger(integers.w),
    fromWu: fromInteger(integers.wu),
    fromL: fromInteger(integers.l),
    fromLu: fromInteger(integers.lu),
  };
}

export function exactOperations(module: ModuleBuilder): Record<FpOperation, Exact> {
  const roundSingle = defineRound(module, single);
  const s = arithmetic(module, single, roundSingle);
  const d = arithmetic(module, double, defineRound(module, double));
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
    'fsgnj.s': s.copySign,
    'fsgnjn.s': s.copyOpposite,
    'fsgnjx.s': s.multiplySign,
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
    'fsgnj.d': d.copySign,
    'fsgnjn.d': d.copyOpposite,
    'fsgnjx.d': d.multiplySign,
    'fcvt.s.d': once(() => defineNarrow(module, roundSingle)),
    'fcvt.d.s': once(() => defineWiden(module)),
  };
}

/**
 * Adds the floating-point operations to the module. Each takes (base address of the context, resolved rounding mode,
 * three raw operands) and returns the raw result; it accrues exceptions in the context's `fflags`. See `fpOperations`.
 */
export function defineSoftfloat(module: ModuleBuilder, hostFuses: boolean): Record<FpOperation, Operation> {
  const operations = Object.entries(exactOperations(module)) as [FpOperation, Exact][];
  return Object.fromEntries(
    operations.map(([name, exact]) => [name, withFastPath(module, name, exact, hostFuses)]),
  ) as Record<FpOperation, Operation>;
}
