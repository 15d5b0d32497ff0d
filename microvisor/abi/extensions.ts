// What seL4 lacks on RISC-V and microvisor adds: virtual harts and realms. Numbers follow seL4's last.
//
//   VCPUBind            extra caps: TCB, guest root (with an ASID). The thread runs in VS-mode from then on, with the guest
//                       root as its stage-2 table; the ASID is its VMID. Errors: InvalidCapability 1 or 2; IllegalOperation
//                       when the VCPU is bound, or the TCB has a VCPU, a realm, or is the caller.
//   VCPUReadRegister    MR0: register. Answers MR0: value. Errors: TruncatedMessage; RangeError.
//   VCPUWriteRegister   MR0: register, MR1: value. Errors: as above.
//   VCPUInject          MR0: bits to set in hvip, MR1: bits to clear first (VSSIP 2, VSTIP 6, VSEIP 10). Others are ignored.
//                       A thread that waits in WFI goes on when an enabled one is pending.
//   VCPUFence           MR0: 0 for HFENCE.VVMA, 1 for HFENCE.GVMA, 2 for FENCE.I; MR1: address, or −1 for all; MR2: guest ASID,
//                       or −1 for all. Complete on every hart when it returns.
//   RealmControlBind    MR0: realm; extra cap: TCB. The thread's instructions are the realm's from then on. Errors: RangeError
//                       (no such realm); InvalidCapability 1; IllegalOperation (bound already, has a VCPU, or is the caller).
//
// A realm's thread has a pc of four values (`realmPc`). Whoever may write its registers writes `start` or `skip` there, as the
// entry of machine code: by TCB_WriteRegisters, or in the reply to a fault that carries the pc.
//
// Stage-2 mappings use the invocations of Page and PageTable: the guest root takes the place of the VSpace, guest-physical
// addresses that of virtual ones. A guest root gets its ASID from ASIDPool_Assign like a VSpace.

/**
 * Registers of VCPUReadRegister and VCPUWriteRegister. `vsie` is the guest's view of sie, `time` that of its clock, in ticks: it
 * is only read, and writes to it do nothing.
 */
export const vcpuRegisters = [
  'vsstatus',
  'vsie',
  'vstvec',
  'vsscratch',
  'vsepc',
  'vscause',
  'vstval',
  'vsatp',
  'vstimecmp',
  'htimedelta',
  'hvip',
  'senvcfg',
  'scounteren',
  'privilege',
  'time',
] as const;
export type VcpuRegister = (typeof vcpuRegisters)[number];

/** The pc of a realm's thread. With any other it faults, as machine code does where nothing is mapped. */
export const realmPc = {
  /** A system call that stands in its registers is to be made, or made again. */
  calling: 0n,
  /** One instruction later: the realm runs. */
  running: 4n,
  /** Initial state, fresh generation, then `restarted` with the reason in a0: a fault type, or what the writer means. */
  start: 8n,
  /** Same state; the event that was being handled is dropped. */
  skip: 12n,
} as const;

/** MR0 of VCPUFence. */
export const vcpuFence = { vvma: 0, gvma: 1, instructions: 2 } as const;

/** Bits of hvip that VCPUInject can change. */
export const virtualInterrupts = 0x444;
