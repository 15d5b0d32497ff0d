// The one door of a realm: a host function without prototype that takes and returns primitives. What it does to the thread
// is in tools/host/realm.ts.

import { gateOperation, type Primitive } from './gate-operation.ts';
import { meter } from './meter.ts';

declare const $gate: (operation: number, units: number, ...operands: Primitive[]) => Primitive;

/** The host's side throws only when its stack is exhausted. */
export function gate(operation: number, units: number, a?: Primitive, b?: Primitive, c?: Primitive): Primitive {
  try {
    return $gate(operation, units, a, b, c);
  } catch {
    return meter.kill('stack');
  }
}

/** The operation `systemCall`. */
export function gateCall(
  units: number,
  number: number,
  capability: number,
  info: bigint,
  reply: number,
  destination: number,
  words: readonly bigint[],
): Primitive {
  try {
    const [a = 0n, b = 0n, c = 0n, d = 0n] = words;
    return $gate(gateOperation.systemCall, units, number, capability, info, reply, destination, a, b, c, d);
  } catch {
    return meter.kill('stack');
  }
}
