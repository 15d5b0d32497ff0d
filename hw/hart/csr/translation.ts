// satp, vsatp and hgatp: where translation starts.

import { csrAt, context as fields } from '../../engine/layout.ts';
import { exceptions } from '../causes.ts';
import { hstatus, privileges, status, translationModes } from '../fields.ts';
import type { Hart } from '../hart.ts';
import { type Csr, effects } from './csr.ts';

/** VMIDLEN is 14; the x4 root is 16 KiB aligned, so the two low bits of PPN are zero. */
const vmidAndPpn = 0x03ff_ffff_ffff_fffcn;
const modeShift = 60n;

const isSupported = (mode: number): boolean =>
  mode === translationModes.bare ||
  mode === translationModes.sv39 ||
  mode === translationModes.sv48 ||
  mode === translationModes.sv57;

/** A write whose MODE isn't supported changes nothing. */
function writeFirstStage(hart: Hart, at: number, value: bigint): number {
  if (!isSupported(Number(value >> modeShift)) || hart.context.word(at) === value) return effects.none;
  hart.context.setWord(at, value);
  return effects.translation;
}

/** TVM traps HS-mode, VTVM traps VS-mode. */
function satpGuard({ context }: Hart): number {
  if (context.low(fields.privilege) !== privileges.s) return 0;
  if (context.low(fields.virtual)) return context.low(csrAt.hstatus) & hstatus.vtvm ? exceptions.virtualInstruction : 0;
  return context.low(csrAt.mstatus) & status.tvm ? exceptions.illegalInstruction : 0;
}

function hgatpGuard({ context }: Hart): number {
  const inHypervisor = context.low(fields.privilege) === privileges.s && !context.low(fields.virtual);
  return inHypervisor && context.low(csrAt.mstatus) & status.tvm ? exceptions.illegalInstruction : 0;
}

const vsatp: Csr = {
  name: 'vsatp',
  read: ({ context }) => context.word(csrAt.vsatp),
  write: (hart, value) => writeFirstStage(hart, csrAt.vsatp, value),
};

const satp: Csr = {
  name: 'satp',
  read: ({ context }) => context.word(csrAt.satp),
  write: (hart, value) => writeFirstStage(hart, csrAt.satp, value),
  guard: satpGuard,
  guest: vsatp,
};

const hgatp: Csr = {
  name: 'hgatp',
  read: ({ context }) => context.word(csrAt.hgatp),
  // An unsupported MODE leaves only MODE as it was (privileged spec: hgatp).
  write: ({ context }, value) => {
    const old = context.word(csrAt.hgatp);
    const mode = value >> modeShift;
    const next = ((isSupported(Number(mode)) ? mode : old >> modeShift) << modeShift) | (value & vmidAndPpn);
    context.setWord(csrAt.hgatp, next);
    return next === old ? effects.none : effects.translation;
  },
  guard: hgatpGuard,
};

export const translationCsrs = { 384: satp, 640: vsatp, 1664: hgatp };
