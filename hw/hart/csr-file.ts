// The CSR file: which register a number names, who may access it, and what a write means to the engine.

import { context as fields } from '../engine/layout.ts';
import { exceptions } from './causes.ts';
import { counterCsrs } from './csr/counters.ts';
import { type Csr, effects } from './csr/csr.ts';
import { floatingPointCsrs } from './csr/floating-point.ts';
import { hypervisorCsrs } from './csr/hypervisor.ts';
import { interruptCsrs } from './csr/interrupts.ts';
import { machineCsrs } from './csr/machine.ts';
import { pmpCsrs } from './csr/pmp.ts';
import { statusCsrs } from './csr/status.ts';
import { supervisorCsrs } from './csr/supervisor.ts';
import { translationCsrs } from './csr/translation.ts';
import { privileges } from './fields.ts';
import type { Hart } from './hart.ts';
import { pendingInterrupt } from './interrupts.ts';
import { dataRegimeOf } from './regime.ts';

/** Every CSR by its number. */
export const csrs: ReadonlyMap<number, Csr> = new Map(
  [
    floatingPointCsrs,
    counterCsrs,
    statusCsrs,
    interruptCsrs,
    translationCsrs,
    supervisorCsrs,
    hypervisorCsrs,
    machineCsrs,
    pmpCsrs,
  ].flatMap((group) => Object.entries(group).map(([number, csr]): [number, Csr] => [Number(number), csr])),
);

const byNumber: (Csr | undefined)[] = Array.from({ length: 4096 }, (_, number) => csrs.get(number));

/** The register that `number` reaches in the current mode: with V=1 the S-mode numbers are those of VS-mode. */
export function csrFor(hart: Hart, number: number): Csr | undefined {
  const csr = byNumber[number];
  return csr?.guest !== undefined && hart.context.low(fields.virtual) ? csr.guest : csr;
}

/**
 * The exception that an access raises: illegal or virtual instruction, or 0 (privileged spec: CSR address mapping;
 * hypervisor extension: virtual-instruction exceptions). `number` is 12 bits: 11–10 tell read-only, 9–8 the mode.
 */
export function csrAccessFault(hart: Hart, number: number, writes: boolean): number {
  const csr = byNumber[number];
  if (csr === undefined || (writes && number >>> 10 === 3)) return exceptions.illegalInstruction;
  const context = hart.context;
  const privilege = context.low(fields.privilege);
  const required = (number >>> 8) & 3;
  if (required === privileges.m && privilege !== privileges.m) return exceptions.illegalInstruction;
  const fault = csr.guard?.(hart) ?? 0;
  if (fault !== 0) return fault;
  if (context.low(fields.virtual)) {
    // HS-mode could make this access (the guard has seen to that), so HS-mode is to emulate it.
    const allowed = required === privileges.u || (required === privileges.s && privilege === privileges.s);
    return allowed ? 0 : exceptions.virtualInstruction;
  }
  // Hypervisor registers (mode 2) belong to S-mode.
  return required !== privileges.u && privilege === privileges.u ? exceptions.illegalInstruction : 0;
}

/** Reads a CSR as software in the current mode would, without asking whether it may. Unknown numbers read as zero. */
export function readCsr(hart: Hart, number: number): bigint {
  return csrFor(hart, number)?.read(hart) ?? 0n;
}

/**
 * Writes a CSR as software in the current mode would, without asking whether it may, and tells the machine what
 * changed. Returns whether the engine must look at the context again before the next instruction.
 */
export function writeCsr(hart: Hart, number: number, value: bigint): boolean {
  const csr = csrFor(hart, number);
  return csr?.write !== undefined && applyEffects(hart, csr.write(hart, BigInt.asUintN(64, value)));
}

/** See `writeCsr`. */
export function applyEffects(hart: Hart, changed: number): boolean {
  if (changed === effects.none) return false;
  const { context, port } = hart;
  let leave = (changed & (effects.floatingPoint | effects.timer)) !== 0;
  if (changed & effects.protection) {
    port.protectionChanged();
    leave = true;
  }
  if (
    changed & effects.translation ||
    (changed & effects.regime && dataRegimeOf(context) !== context.low(fields.dataRegime))
  ) {
    port.translationChanged();
    leave = true;
  }
  return leave || ((changed & effects.interrupts) !== 0 && pendingInterrupt(hart) >= 0);
}
