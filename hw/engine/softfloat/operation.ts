// The one signature of all floating-point operations.

import type { Fn } from '../../wasm/module.ts';

/** (context, rounding mode 0 to 4, three raw operands) → raw result. Each uses the operands that it needs. */
export const operands = ['i32', 'i32', 'i64', 'i64', 'i64'] as const;
export type Operation = Fn<typeof operands, 'i64'>;
