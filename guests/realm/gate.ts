// The one door of a realm: a host function without prototype that takes and returns primitives. What it does to the thread
// is in tools/host/realm.ts.

import type { Primitive } from './gate-operation.ts';
import { meter } from './meter.ts';

declare const $gate: (operation: number, a?: Primitive, b?: Primitive, c?: Primitive) => Primitive;

/** The host's side throws only when its stack is exhausted. */
export function gate(operation: number, a?: Primitive, b?: Primitive, c?: Primitive): Primitive {
  try {
    return $gate(operation, a, b, c);
  } catch {
    return meter.kill('stack');
  }
}
