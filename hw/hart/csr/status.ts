// mstatus, sstatus and vsstatus.

import { csrAt } from '../../engine/layout.ts';
import { fpStates, status } from '../fields.ts';
import { foldFpDirty } from '../floating-point.ts';
import type { Hart } from '../hart.ts';
import { type Csr, effects, fpOffEffect, interruptEffect, lowHalf } from './csr.ts';

const supervisorFields = status.sie | status.spie | status.spp | status.fs | status.sum | status.mxr;
const machineFields =
  supervisorFields | status.mie | status.mpie | status.mpp | status.mprv | status.tvm | status.tw | status.tsr;
const machineFieldsHigh = status.gvaHigh | status.mpvHigh;
const supervisorView = BigInt(supervisorFields) | status.uxl64;

const regimeFields = status.sum | status.mxr | status.mprv | status.mpp;

function read(hart: Hart, at: number, view: bigint): bigint {
  foldFpDirty(hart.context);
  const value = hart.context.word(at) & view;
  return (hart.context.low(at) & status.fs) === fpStates.dirty << status.fsShift ? value | status.sd : value;
}

function writeLow(hart: Hart, at: number, value: bigint, fields: number): number {
  const context = hart.context;
  foldFpDirty(context);
  const old = context.low(at);
  let next = (old & ~fields) | (lowHalf(value) & fields);
  // MPP holds U, S or M; the remaining encoding leaves it as it was.
  if ((next & status.mpp) >>> status.mppShift === 2) next = (next & ~status.mpp) | (old & status.mpp);
  context.setLow(at, next);
  let changed = interruptEffect(old & (status.sie | status.mie), next & (status.sie | status.mie));
  if ((old ^ next) & regimeFields) changed |= effects.regime;
  if ((old ^ next) & status.fs) changed |= fpOffEffect(hart);
  return changed;
}

const all = 0xffff_ffff_ffff_ffffn;

const mstatus: Csr = {
  name: 'mstatus',
  read: (hart) => read(hart, csrAt.mstatus, all),
  write: (hart, value) => {
    const context = hart.context;
    const high = context.high(csrAt.mstatus);
    const nextHigh = (high & ~machineFieldsHigh) | (Number(value >> 32n) & machineFieldsHigh);
    context.setHigh(csrAt.mstatus, nextHigh);
    const changed = writeLow(hart, csrAt.mstatus, value, machineFields);
    return (high ^ nextHigh) & status.mpvHigh ? changed | effects.regime : changed;
  },
  direct: {
    kind: 'status',
    at: csrAt.mstatus,
    view: all,
    writable: BigInt(machineFields) | (BigInt(machineFieldsHigh) << 32n),
  },
};

export const vsstatus: Csr = {
  name: 'vsstatus',
  read: (hart) => read(hart, csrAt.vsstatus, all),
  write: (hart, value) => writeLow(hart, csrAt.vsstatus, value, supervisorFields),
  direct: { kind: 'status', at: csrAt.vsstatus, view: all, writable: BigInt(supervisorFields) },
};

const sstatus: Csr = {
  name: 'sstatus',
  read: (hart) => read(hart, csrAt.mstatus, supervisorView),
  write: (hart, value) => writeLow(hart, csrAt.mstatus, value, supervisorFields),
  guest: vsstatus,
  direct: { kind: 'status', at: csrAt.mstatus, view: supervisorView, writable: BigInt(supervisorFields) },
};

export const statusCsrs = { 768: mstatus, 256: sstatus, 512: vsstatus };
