// Accrued exceptions (fcsr.fflags), and the results that invalid operations and NaN operands have.

import type { FunctionBuilder, Local } from '../../wasm/module.ts';
import { I32, type I64, load } from '../../wasm/values.ts';
import { context as fields } from '../layout.ts';
import type { Format } from './format.ts';

export const flags = { inexact: 1, underflow: 2, overflow: 4, divideByZero: 8, invalid: 16 } as const;

const any = (conditions: I32[]): I32 => conditions.reduce((a, b) => a.or(b));

export function raise(f: FunctionBuilder, context: Local<'i32'>, raised: I32 | number): void {
  f.store('i32', context.get, load.i32(context.get, fields.fflags).or(I32.of(raised)), fields.fflags);
}

/** Returns from an invalid operation. */
export function returnInvalid(f: FunctionBuilder, context: Local<'i32'>, format: Format): void {
  raise(f, context, flags.invalid);
  f.return(format.constant(format.canonicalNaN));
}

/** Returns if an operand is a NaN: RISC-V propagates no payload. Signalling ones are invalid. */
export function returnNaN(f: FunctionBuilder, context: Local<'i32'>, format: Format, operands: I64[]): void {
  f.if(any(operands.map((bits) => format.isNaN(bits))), () => {
    raiseSignalling(f, context, format, operands);
    f.return(format.constant(format.canonicalNaN));
  });
}

export function raiseSignalling(f: FunctionBuilder, context: Local<'i32'>, format: Format, operands: I64[]): void {
  f.if(any(operands.map((bits) => format.isSignalling(bits))), () => raise(f, context, flags.invalid));
}
