// The one door of a realm: a host function without prototype that takes and returns primitives. What it does to the thread
// is in tools/host/realm.ts.

import type { Primitive } from './gate-operation.ts';
import { meter } from './meter.ts';

declare const $gate: (operation: number, a?: Primitive, b?: Primitive, c?: Primitive) => Primitive;

/** What the host throws (its stack may be exhausted, too) is the host's, and goes no further. */
export function gate(operation: number, a?: Primitive, b?: Primitive, c?: Primitive): Primitive {
  try {
    return $gate(operation, a, b, c);
  } catch {
    return meter.kill('machine');
  }
}
