// The step of the trace hash, and how a trap enters it: machine code that delivers traps and the machine share it.

import type { Fn, ModuleBuilder } from '../wasm/module.ts';
import { I32, I64, load } from '../wasm/values.ts';
import { control, context as fields } from './layout.ts';

/** Odd, so that a step loses nothing; its product is turned so that all bits of a word reach all bits of the digest. */
const multiplier = 0x9e37_79b9_7f4a_7c15n;
/** Registers are added up, each times an odd number of its own, so that no product waits for another. */
const weights: bigint[] = [];
for (let weight = multiplier; weights.length < 32; weight = BigInt.asUintN(64, weight * multiplier))
  weights.push(weight);

/** The digest after a word. */
export const step = (digest: I64, value: I64): I64 => digest.xor(value).mul(I64.of(multiplier)).rotl(32);
export const digest = (): I64 => load.i64(I32.of(0), control.digest);

/** (context, cycle, cause, hart): adds them, and pc and x1 to x31 of the context at an offset. */
export type TrapDigest = Fn<readonly ['i32', 'f64', 'i32', 'i32'], undefined>;

export function defineTrapDigest(module: ModuleBuilder): TrapDigest {
  return module.function(['i32', 'f64', 'i32', 'i32'], undefined, (f, context, cycle, cause, hart) => {
    const registers = weights.map((weight, index) =>
      load.i64(context.get, index === 0 ? fields.pc : fields.x + 8 * index).mul(I64.of(weight)),
    );
    const event = step(step(digest(), cycle.get.bits()), cause.get.i64U().shl(32).or(hart.get.i64U()));
    const sum = registers.reduce((left, right) => left.add(right));
    f.store('i64', I32.of(0), step(event, sum), control.digest);
  });
}
