// Whether the host has a fused multiply-add: relaxed SIMD's may round once or twice, and only a trial tells.

import { ModuleBuilder } from './module.ts';
import { F32, F64 } from './values.ts';

function trial(): boolean {
  const module = new ModuleBuilder();
  // The last digits of squares, which would be lost if these were rounded before the addition.
  const fuses = module.function(['f64', 'f32'], 'i32', (f, x, y) => {
    const inDouble = x.get.fused(x.get, F64.of(-1 - 2 ** -29)).eq(F64.of(2 ** -60));
    const inSingle = y.get.fused(y.get, F32.of(-1 - 2 ** -12)).eq(F32.of(2 ** -26));
    f.return(inDouble.and(inSingle));
  });
  module.export('fuses', fuses);
  const memory = new WebAssembly.Memory({ initial: 0, maximum: 1, shared: true });
  try {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.encode(1)), { env: { memory } });
    return (exports.fuses as (x: number, y: number) => number)(1 + 2 ** -30, 1 + 2 ** -13) === 1;
  } catch {
    return false; // a host without relaxed SIMD refuses the module
  }
}

let answer: boolean | undefined;

/** Whether `fused` of F32 and F64 validates and rounds once; a host does always as it does once (WebAssembly 3.0, 4.3: relaxed operations). */
export function hostFuses(): boolean {
  answer ??= trial();
  return answer;
}
