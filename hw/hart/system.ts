// System instructions: those that change privileged state, executed in TypeScript.

import { csrAt, context as fields } from '../engine/layout.ts';
import type { Size, SystemOperation } from '../isa/semantics.ts';
import { exceptions } from './causes.ts';
import { applyEffects, csrAccessFault, csrFor } from './csr-file.ts';
import { hstatus, privileges, status } from './fields.ts';
import type { FenceScope, Hart } from './hart.ts';
import { wfiWakes } from './interrupts.ts';
import { hypervisorAccessRegimeOf } from './regime.ts';
import { returnFromMachine, returnFromSupervisor } from './trap.ts';

/** How the engine goes on. */
export const outcomes = {
  /** With the next instruction; nothing that the engine caches has changed. */
  next: 0,
  /** At the context's `pc`, after leaving its loop: the mode, translation, pending interrupts or `waiting` changed. */
  changed: 1,
  /** With a trap: an exception is recorded, and `pc` is still that of the instruction. */
  trap: 2,
} as const;
export type Outcome = (typeof outcomes)[keyof typeof outcomes];

/** Register numbers (for CSRR*I, rs1 is the immediate), and the rest of the instruction. */
export interface SystemOperands {
  rd: number;
  rs1: number;
  rs2: number;
  /** The CSR's number. */
  imm: number;
  /** The raw instruction. */
  word: number;
  /** Address of the next instruction. */
  nextPc: bigint;
}

/** Executes one system instruction. The context's `pc` must be that of the instruction. */
export type SystemHandler = (hart: Hart, operands: SystemOperands) => Outcome;

const { illegalInstruction, virtualInstruction } = exceptions;

/** Illegal- and virtual-instruction exceptions report the instruction (privileged spec: mtval). */
function refuse(hart: Hart, operands: SystemOperands, cause: number): Outcome {
  hart.raise(cause, BigInt(operands.word >>> 0));
  return outcomes.trap;
}

function goOn(hart: Hart, operands: SystemOperands): Outcome {
  hart.context.pc = operands.nextPc;
  return outcomes.changed;
}

const replaceBits = (_old: bigint, operand: bigint): bigint => operand;
const setBits = (old: bigint, operand: bigint): bigint => old | operand;
const clearBits = (old: bigint, operand: bigint): bigint => old & ~operand;

/** CSRRS and CSRRC with x0 or a zero immediate don't write, so they may read a read-only register. */
function accessCsr(
  hart: Hart,
  operands: SystemOperands,
  combine: (old: bigint, operand: bigint) => bigint,
  operand: bigint,
  writes: boolean,
): Outcome {
  const number = operands.imm & 0xfff;
  const fault = csrAccessFault(hart, number, writes);
  if (fault !== 0) return refuse(hart, operands, fault);
  const csr = csrFor(hart, number)!;
  const reads = operands.rd !== 0 || combine !== replaceBits;
  const old = reads ? csr.read(hart) : 0n;
  let leave = false;
  if (writes && csr.write !== undefined) {
    const base = combine === replaceBits || csr.readToModify === undefined ? old : csr.readToModify(hart);
    leave = applyEffects(hart, csr.write(hart, BigInt.asUintN(64, combine(base, operand))));
  }
  hart.context.setX(operands.rd, BigInt.asIntN(64, old));
  return leave ? goOn(hart, operands) : outcomes.next;
}

function mret(hart: Hart, operands: SystemOperands): Outcome {
  if (hart.context.low(fields.privilege) !== privileges.m) return refuse(hart, operands, illegalInstruction);
  returnFromMachine(hart);
  return outcomes.changed;
}

function sret(hart: Hart, operands: SystemOperands): Outcome {
  const fault = supervisorFault(hart, status.tsr, hstatus.vtsr);
  if (fault !== 0) return refuse(hart, operands, fault);
  returnFromSupervisor(hart);
  return outcomes.changed;
}

function wfi(hart: Hart, operands: SystemOperands): Outcome {
  const { context } = hart;
  const privilege = context.low(fields.privilege);
  // TW comes first: HS-mode couldn't do it either.
  if (privilege !== privileges.m && context.low(csrAt.mstatus) & status.tw) {
    return refuse(hart, operands, illegalInstruction);
  }
  const fault = supervisorFault(hart, 0, hstatus.vtw);
  if (fault !== 0) return refuse(hart, operands, fault);
  if (wfiWakes(hart)) return outcomes.next;
  context.setLow(fields.waiting, 1);
  return goOn(hart, operands);
}

/**
 * The exception of an instruction that belongs to S-mode: from U-mode always, from HS-mode if a bit of mstatus traps
 * it, from VS-mode if a bit of hstatus does. 0: none.
 */
function supervisorFault(hart: Hart, hsTrap: number, vsTrap: number): number {
  const { context } = hart;
  const privilege = context.low(fields.privilege);
  if (privilege === privileges.m) return 0;
  if (context.low(fields.virtual)) {
    return privilege === privileges.u || context.low(csrAt.hstatus) & vsTrap ? virtualInstruction : 0;
  }
  return privilege === privileges.u || context.low(csrAt.mstatus) & hsTrap ? illegalInstruction : 0;
}

/** The same for one that belongs to HS-mode. */
function hypervisorFault(hart: Hart, hsTrap: number): number {
  return hart.context.low(fields.virtual) ? virtualInstruction : supervisorFault(hart, hsTrap, 0);
}

const currentVmid = (hart: Hart): number => (hart.context.high(csrAt.hgatp) >>> 12) & 0x3fff;

/** Address and ASID that a fence names: x0 means all. */
function fence(hart: Hart, operands: SystemOperands, scope: FenceScope): Outcome {
  const { context } = hart;
  if (operands.rs1 !== 0) scope.address = BigInt.asUintN(64, context.x(operands.rs1));
  if (operands.rs2 !== 0) scope.asid = context.xLow(operands.rs2) & 0xffff;
  hart.port.fence(scope);
  return goOn(hart, operands);
}

function fenceFirstStage(hart: Hart, operands: SystemOperands): Outcome {
  const fault = supervisorFault(hart, status.tvm, hstatus.vtvm);
  if (fault !== 0) return refuse(hart, operands, fault);
  const virtual = hart.context.low(fields.virtual) !== 0;
  return fence(
    hart,
    operands,
    virtual ? { stage: 'first', virtual, vmid: currentVmid(hart) } : { stage: 'first', virtual },
  );
}

/** Svinval's two ends of a batch: SINVAL.VMA has already taken effect, so they only check the mode. */
function orderInvalidations(hart: Hart, operands: SystemOperands): Outcome {
  const fault = supervisorFault(hart, 0, 0);
  return fault === 0 ? outcomes.next : refuse(hart, operands, fault);
}

function fenceGuestFirstStage(hart: Hart, operands: SystemOperands): Outcome {
  const fault = hypervisorFault(hart, 0);
  if (fault !== 0) return refuse(hart, operands, fault);
  return fence(hart, operands, { stage: 'first', virtual: true, vmid: currentVmid(hart) });
}

/** rs1 holds a guest physical address shifted right by 2, rs2 a VMID. */
function fenceGuestStage(hart: Hart, operands: SystemOperands): Outcome {
  const fault = hypervisorFault(hart, status.tvm);
  if (fault !== 0) return refuse(hart, operands, fault);
  const { context } = hart;
  const scope: FenceScope = { stage: 'guest', virtual: true };
  if (operands.rs1 !== 0) scope.address = BigInt.asUintN(64, context.x(operands.rs1) << 2n);
  if (operands.rs2 !== 0) scope.vmid = context.xLow(operands.rs2) & 0x3fff;
  hart.port.fence(scope);
  return goOn(hart, operands);
}

interface HypervisorLoad {
  size: Size;
  signed: boolean;
  executable: boolean;
}
/** M-mode and HS-mode may access a guest's memory, U-mode if hstatus.HU is set. */
function hypervisorAccessFault(hart: Hart): number {
  const { context } = hart;
  if (context.low(fields.virtual)) return virtualInstruction;
  const allowed = context.low(fields.privilege) !== privileges.u || (context.low(csrAt.hstatus) & hstatus.hu) !== 0;
  return allowed ? 0 : illegalInstruction;
}

const hypervisorLoad =
  ({ size, signed, executable }: HypervisorLoad): SystemHandler =>
  (hart, operands) => {
    const fault = hypervisorAccessFault(hart);
    if (fault !== 0) return refuse(hart, operands, fault);
    const { context, port } = hart;
    const address = BigInt.asUintN(64, context.x(operands.rs1));
    const value = port.loadAs(hypervisorAccessRegimeOf(context), address, size, { executable });
    if (value === undefined) return outcomes.trap;
    const bits = size * 8;
    context.setX(operands.rd, BigInt.asIntN(64, signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value)));
    return outcomes.next;
  };

const hypervisorStore =
  (size: Size): SystemHandler =>
  (hart, operands) => {
    const fault = hypervisorAccessFault(hart);
    if (fault !== 0) return refuse(hart, operands, fault);
    const { context, port } = hart;
    const address = BigInt.asUintN(64, context.x(operands.rs1));
    const value = BigInt.asUintN(size * 8, context.x(operands.rs2));
    return port.storeAs(hypervisorAccessRegimeOf(context), address, size, value) ? outcomes.next : outcomes.trap;
  };

export const systemHandlers: Readonly<Record<SystemOperation, SystemHandler>> = {
  csrrw: (hart, operands) => accessCsr(hart, operands, replaceBits, hart.context.x(operands.rs1), true),
  csrrs: (hart, operands) => accessCsr(hart, operands, setBits, hart.context.x(operands.rs1), operands.rs1 !== 0),
  csrrc: (hart, operands) => accessCsr(hart, operands, clearBits, hart.context.x(operands.rs1), operands.rs1 !== 0),
  csrrwi: (hart, operands) => accessCsr(hart, operands, replaceBits, BigInt(operands.rs1), true),
  csrrsi: (hart, operands) => accessCsr(hart, operands, setBits, BigInt(operands.rs1), operands.rs1 !== 0),
  csrrci: (hart, operands) => accessCsr(hart, operands, clearBits, BigInt(operands.rs1), operands.rs1 !== 0),
  ebreak: (hart) => {
    hart.raise(exceptions.breakpoint, hart.context.pc, { gva: hart.context.low(fields.virtual) !== 0 });
    return outcomes.trap;
  },
  mret,
  sret,
  wfi,
  'sfence.vma': fenceFirstStage,
  'sinval.vma': fenceFirstStage,
  'sfence.w.inval': orderInvalidations,
  'sfence.inval.ir': orderInvalidations,
  'hfence.vvma': fenceGuestFirstStage,
  'hinval.vvma': fenceGuestFirstStage,
  'hfence.gvma': fenceGuestStage,
  'hinval.gvma': fenceGuestStage,
  'hlv.b': hypervisorLoad({ size: 1, signed: true, executable: false }),
  'hlv.bu': hypervisorLoad({ size: 1, signed: false, executable: false }),
  'hlv.h': hypervisorLoad({ size: 2, signed: true, executable: false }),
  'hlv.hu': hypervisorLoad({ size: 2, signed: false, executable: false }),
  'hlvx.hu': hypervisorLoad({ size: 2, signed: false, executable: true }),
  'hlv.w': hypervisorLoad({ size: 4, signed: true, executable: false }),
  'hlv.wu': hypervisorLoad({ size: 4, signed: false, executable: false }),
  'hlvx.wu': hypervisorLoad({ size: 4, signed: false, executable: true }),
  'hlv.d': hypervisorLoad({ size: 8, signed: true, executable: false }),
  'hsv.b': hypervisorStore(1),
  'hsv.h': hypervisorStore(2),
  'hsv.w': hypervisorStore(4),
  'hsv.d': hypervisorStore(8),
};
