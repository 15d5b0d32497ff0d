// Relaxed SIMD has the only fused multiply-add of WebAssembly. Node 20 has it behind a flag, later ones without.

import { setFlagsFromString } from 'node:v8';

/** To be called before the first machine is made. Without it, or elsewhere, machines are slower at fused multiply-add. */
export function allowRelaxedSimd(): void {
  const major = Number.parseInt(process.versions.v8, 10);
  if (major < 12) setFlagsFromString('--experimental-wasm-relaxed-simd');
}
