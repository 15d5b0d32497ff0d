// The floating-point functions, instantiated, for tests.

import { context } from '../../../hw/engine/layout.ts';
import { defineSoftfloat } from '../../../hw/engine/softfloat/index.ts';
import { type FpOperation, fpOperations } from '../../../hw/isa/semantics.ts';
import { hostFuses } from '../../../hw/wasm/host-fma.ts';
import { ModuleBuilder } from '../../../hw/wasm/module.ts';
import type { Outcome } from './oracle.ts';

type Native = (context: number, rm: number, a: bigint, b: bigint, c: bigint) => bigint;

const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });

function instantiate(fused: boolean): Record<FpOperation, Native> {
  const builder = new ModuleBuilder();
  for (const [name, fn] of Object.entries(defineSoftfloat(builder, fused))) builder.export(name, fn);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(builder.encode(1)), { env: { memory } });
  return instance.exports as Record<FpOperation, Native>;
}

/** Without a fused multiply-add of the host; and with it, if there is one. */
export const hosts: readonly Record<FpOperation, Native>[] = [false, true]
  .filter((fused) => !fused || hostFuses())
  .map(instantiate);

const contextBase = 0x2000;
const fflags = new Uint32Array(memory.buffer, contextBase + context.fflags, 1);

export const operations: readonly FpOperation[] = [...fpOperations.rounded, ...fpOperations.plain];
export const isRounded = (name: FpOperation): boolean => (fpOperations.rounded as readonly string[]).includes(name);

/** Runs an operation with `accrued` flags already set; the outcome's flags are those afterwards. */
export function execute(
  name: FpOperation,
  rm: number,
  accrued: number,
  a: bigint,
  b: bigint,
  c: bigint,
  host = hosts[0]!,
): Outcome {
  fflags[0] = accrued;
  const result = BigInt.asUintN(64, host[name](contextBase, rm, a, b, c));
  return { result, flags: fflags[0]! };
}
