// V8's settings for a process that runs machines. None of them changes what a machine does, only how fast: without them, or in
// another engine, everything works.

import { setFlagsFromString } from 'node:v8';

/** To be called before the first machine is made. The settings hold for the process, its workers included. */
export function setV8Flags(): void {
  // Regions of guest code are many and most are executed little: the optimising compiler must not cost more than it saves.
  setFlagsFromString('--wasm-tiering-budget=400000000');
  // A region says which of its branches are rare, such as a TLB miss.
  setFlagsFromString('--experimental-wasm-branch-hinting');
  // All WebAssembly here is ours: it calls at most a few functions deep, and returns when its cycles are spent. What V8 tests in every
  // loop, for a stack that ends or someone who wants it to stop, costs regions some per cent (docs/performance.md).
  setFlagsFromString('--no-wasm-stack-checks');
  // Relaxed SIMD has the only fused multiply-add of WebAssembly; later versions have it without a flag.
  const major = Number.parseInt(process.versions.v8, 10);
  if (major < 12) setFlagsFromString('--experimental-wasm-relaxed-simd');
}

/** To be called before the first kernel is made. Elsewhere it would only make V8's optimising compiler dear. */
export function setKernelV8Flags(): void {
  // A trap's way through machine and kernel is many small functions, of which V8 would inline a third (docs/rationale.md).
  setFlagsFromString('--max-inlined-bytecode-size-cumulative=3000');
}

/**
 * For a process that runs servers beside the machine, in addition. Most of their code runs some hundred times: optimised as
 * early as V8 would by itself (132 KiB), it costs a tenth of the processor time of a boot of Linux, and saves nothing.
 */
export function setServerV8Flags(): void {
  setFlagsFromString('--interrupt-budget=270000');
}
