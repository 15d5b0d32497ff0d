// The translation regimes of a context: what its loads and stores, and its fetches, are checked as.

import { csrAt, context as fields, regimes } from '../engine/layout.ts';
import type { Context } from './context.ts';
import { hstatus, privileges, status } from './fields.ts';

/** SUM and MXR of the stage that is translated first, and MXR of HS for both stages (privileged spec: hypervisor, two-stage translation). */
function guestRegime(context: Context, privilege: number): number {
  const vsstatus = context.low(csrAt.vsstatus);
  return (
    privilege |
    regimes.virtual |
    (privilege === privileges.s && vsstatus & status.sum ? regimes.sum : 0) |
    (vsstatus & status.mxr ? regimes.mxr : 0) |
    (context.low(csrAt.mstatus) & status.mxr ? regimes.hsMxr : 0)
  );
}

/** The regime of explicit accesses to memory. MPRV makes M-mode use MPV and MPP. */
export function dataRegimeOf(context: Context): number {
  const mstatus = context.low(csrAt.mstatus);
  let privilege = context.low(fields.privilege);
  let virtual = context.low(fields.virtual) !== 0;
  if (mstatus & status.mprv) {
    privilege = (mstatus & status.mpp) >>> status.mppShift;
    virtual = (context.high(csrAt.mstatus) & status.mpvHigh) !== 0;
  }
  if (privilege === privileges.m) return privileges.m;
  if (virtual) return guestRegime(context, privilege);
  return (
    privilege |
    (privilege === privileges.s && mstatus & status.sum ? regimes.sum : 0) |
    (mstatus & status.mxr ? regimes.mxr : 0)
  );
}

/** The regime of instruction fetches. */
export function fetchRegimeOf(context: Context): number {
  return context.low(fields.privilege) | (context.low(fields.virtual) ? regimes.virtual : 0);
}

/** The regime of HLV, HLVX and HSV: as if in VU or VS, whichever hstatus.SPVP says. */
export function hypervisorAccessRegimeOf(context: Context): number {
  return guestRegime(context, context.low(csrAt.hstatus) & hstatus.spvp ? privileges.s : privileges.u);
}

/** Brings the regimes that the context stores up to date. Returns whether one of them changed. */
export function regimeOf(context: Context): boolean {
  const data = dataRegimeOf(context);
  const fetch = fetchRegimeOf(context);
  if (data === context.low(fields.dataRegime) && fetch === context.low(fields.fetchRegime)) return false;
  context.setLow(fields.dataRegime, data);
  context.setLow(fields.fetchRegime, fetch);
  return true;
}
