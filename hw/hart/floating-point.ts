// The state of floating point in mstatus.FS and vsstatus.FS, and what the engine keeps of it in a context.

import { csrAt, context as fields } from '../engine/layout.ts';
import type { Context } from './context.ts';
import { fpStates, status } from './fields.ts';

const dirty = fpStates.dirty << status.fsShift;

/**
 * Records in FS that f registers or fcsr were written since the last call. Must run before FS is read or written,
 * and before V changes: in VS and VU both vsstatus.FS and mstatus.FS become dirty.
 */
export function foldFpDirty(context: Context): void {
  if (!context.low(fields.fpDirty)) return;
  context.setLow(fields.fpDirty, 0);
  context.setLow(csrAt.mstatus, context.low(csrAt.mstatus) | dirty);
  if (context.low(fields.virtual)) context.setLow(csrAt.vsstatus, context.low(csrAt.vsstatus) | dirty);
}

/** Brings `fpOff` up to date. Returns whether it changed. */
export function updateFpOff(context: Context): boolean {
  const on =
    (context.low(csrAt.mstatus) & status.fs) !== 0 &&
    (!context.low(fields.virtual) || (context.low(csrAt.vsstatus) & status.fs) !== 0);
  if (on === (context.low(fields.fpOff) === 0)) return false;
  context.setLow(fields.fpOff, on ? 0 : 1);
  return true;
}
