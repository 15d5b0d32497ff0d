// Exceptions that the monitor raises in a guest, as the hart would (privileged spec, 12.1: trap entry into VS-mode).

import type { Exit } from './exit.ts';
import type { MonitorPort } from './monitor-port.ts';

/** scause of what a vCPU traps with, and of what its guest gets. */
export const cause = {
  instructionAccessFault: 1,
  illegalInstruction: 2,
  loadAccessFault: 5,
  storeAccessFault: 7,
  instructionPageFault: 12,
  loadPageFault: 13,
  storePageFault: 15,
  virtualSupervisorEcall: 10,
  instructionGuestPageFault: 20,
  loadGuestPageFault: 21,
  virtualInstruction: 22,
  storeGuestPageFault: 23,
} as const;

const status = { sie: 1n << 1n, spie: 1n << 5n, spp: 1n << 8n };

/** The guest takes an exception at the exit's pc: its supervisor finds it there. */
export function raise(port: MonitorPort, exit: Exit, code: number, value: bigint): void {
  const { vcpu } = exit;
  const old = port.readVcpu(vcpu, 'vsstatus');
  const fromSupervisor = port.readVcpu(vcpu, 'privilege') !== 0n;
  let next = old & ~(status.sie | status.spie | status.spp);
  if ((old & status.sie) !== 0n) next |= status.spie;
  if (fromSupervisor) next |= status.spp;
  port.writeVcpu(vcpu, 'vsstatus', next);
  port.writeVcpu(vcpu, 'vsepc', exit.pc);
  port.writeVcpu(vcpu, 'vscause', BigInt(code));
  port.writeVcpu(vcpu, 'vstval', value);
  port.writeVcpu(vcpu, 'privilege', 1n);
  exit.pc = port.readVcpu(vcpu, 'vstvec') & ~3n;
}

/** The access fault that a guest sees where its hart had a guest page fault. */
export function accessFaultOf(guestPageFault: number): number {
  switch (guestPageFault) {
    case cause.instructionGuestPageFault:
      return cause.instructionAccessFault;
    case cause.loadGuestPageFault:
      return cause.loadAccessFault;
    default:
      return cause.storeAccessFault;
  }
}
