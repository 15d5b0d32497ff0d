// Fault messages: their labels and what each word holds. Source: libsel4 types.bf (riscv64), constants.h, shared_types.h.

/** Label of a fault message. */
export const faultType = {
  none: 0,
  capFault: 1,
  unknownSyscall: 2,
  userException: 3,
  timeout: 5,
  vmFault: 6,
  /** Extension: a trap of a virtual hart that its VMM must handle. */
  vcpuFault: 7,
} as const;

/** Words of a CapFault; from `lookupFailureType` on also of a FailedLookup error, shifted to start at word 1. */
export const capFault = {
  ip: 0,
  address: 1,
  inReceivePhase: 2,
  lookupFailureType: 3,
  bitsLeft: 4,
  depthMismatchBitsFound: 5,
  guardMismatchGuardFound: 5,
  guardMismatchBitsFound: 6,
} as const;

export const lookupFailure = {
  none: 0,
  invalidRoot: 1,
  missingCapability: 2,
  depthMismatch: 3,
  guardMismatch: 4,
} as const;

/** Words of a VMFault. `fsr` is 1 for fetches, 5 for loads, 7 for stores. */
export const vmFault = { ip: 0, address: 1, prefetchFault: 2, fsr: 3, length: 4 } as const;

/** Words of an UnknownSyscall: the first ten are also those of its reply. */
export const unknownSyscall = {
  faultIp: 0,
  sp: 1,
  ra: 2,
  a0: 3,
  a1: 4,
  a2: 5,
  a3: 6,
  a4: 7,
  a5: 8,
  a6: 9,
  syscall: 10,
  length: 11,
} as const;

/** Words of a UserException: the first two are also those of its reply. `number` is scause. */
export const userException = { faultIp: 0, sp: 1, number: 2, code: 3, length: 4 } as const;

/** Words of a Timeout. Its reply may hold all 32 registers in the order of `userContext`, with tp last. */
export const timeout = { data: 0, consumed: 1, length: 2 } as const;

/**
 * Words of a VCPUFault. The general registers x1 to x31 follow at `x1`. A reply that is as long as a prefix of the
 * message writes back `pc` and the registers in it; its other words are ignored. A reply with label 0 resumes the virtual hart.
 */
export const vcpuFault = { scause: 0, htval: 1, htinst: 2, pc: 3, stval: 4, x1: 5, length: 36 } as const;
