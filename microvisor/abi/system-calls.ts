// System call numbers: they travel in a7, sign-extended. Source: libsel4 api/syscall.xml (MCS), numbered downwards from −1.

export const systemCall = {
  call: -1,
  replyRecv: -2,
  nbSendRecv: -3,
  nbSendWait: -4,
  send: -5,
  nbSend: -6,
  recv: -7,
  nbRecv: -8,
  wait: -9,
  nbWait: -10,
  yield: -11,
  debugPutChar: -12,
  debugDumpScheduler: -13,
  debugHalt: -14,
  debugCapIdentify: -15,
  debugSnapshot: -16,
  debugNameThread: -17,
  debugSendIpi: -18,
  debugGetThreadAffinity: -19,
  setTlsBase: -33,
} as const;

/** The calls of the API proper; the others go through the path of unknown system calls. */
export const lowestApiCall = systemCall.yield;

/**
 * Where a system call finds its operands: register numbers of the RISC-V ABI.
 * Source: libsel4 arch_include/riscv/sel4/arch/syscalls.h.
 */
export const callRegister = {
  /** a7: the system call. */
  number: 17,
  /** a0: the capability invoked or received from; on return the badge of the sender. */
  capability: 10,
  badge: 10,
  /** a1: the message info word. */
  messageInfo: 11,
  /** a2 to a5: message words 0 to 3. */
  message0: 12,
  /** a6: the reply capability; for NBSendWait the capability to send to. */
  reply: 16,
  /** t0: the capability that NBSendRecv sends to. */
  nbSendRecvDestination: 5,
} as const;
