// The fast path of each operation. The functions of this folder begin with theirs; a translator inlines them.

import type { FpOperation } from '../../isa/semantics.ts';
import type { FunctionBuilder } from '../../wasm/module.ts';
import { F32, type F64, type I32, I64 } from '../../wasm/values.ts';
import { DoublePaths } from './double-paths.ts';
import { type FastPath, type FastState, isBoxed, unboxSingle } from './fast-path.ts';
import { type Integer, integers } from './integers.ts';
import { SinglePaths } from './single-paths.ts';

const integer = (suffix: string): Integer => integers[suffix as keyof typeof integers];

/**
 * The fast path of an operation, or none if the rounding mode has none. Operands are bound: an x register as an I64; an
 * f register as the F64 with its raw bits or, if a boxed single is known to be there, as that F32. The same object twice
 * says that both are one register.
 */
export function fastPath(
  f: FunctionBuilder,
  operation: FpOperation,
  operands: readonly (I64 | F64 | F32)[],
  state: FastState,
): FastPath | undefined {
  const [name, to, from = to] = operation.split('.') as [string, string, string?];
  const [singles, doubles] = [new SinglePaths(f, state), new DoublePaths(f, state)];
  const value = operands[0]!;
  if (value instanceof I64) return (to === 's' ? singles : doubles).fromInteger(value, integer(from));

  if (from === 'd') {
    const [a, b, c] = operands as readonly F64[];
    if (operation === 'fcvt.s.d') return singles.narrow(a!);
    return name === 'fcvt' ? doubles.toInteger(integer(to), a!) : doubles.path(name, a!, b!, c!);
  }

  const boxed = new Map<F64, F32>();
  const [a, b, c] = (operands as readonly (F64 | F32)[]).map((operand) => {
    if (operand instanceof F32) return operand;
    const known = boxed.get(operand) ?? f.let(unboxSingle(operand));
    boxed.set(operand, known);
    return known;
  });
  const path = ((): FastPath | undefined => {
    if (operation === 'fcvt.d.s') return singles.widen(a!);
    return name === 'fcvt' ? singles.toInteger(integer(to), a!) : singles.path(name, a!, b!, c!);
  })();
  if (!path || boxed.size === 0) return path;
  const proper = f.let([...boxed.keys()].map(isBoxed).reduce((all: I32, each) => all.and(each)));
  return {
    ...path,
    exact: path.exact.length === 0 ? [() => proper] : path.exact.map((test) => () => test().and(proper)),
  };
}
