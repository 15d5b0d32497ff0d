// Words that describe rights, CNode guards and mapping attributes. Source: libsel4 shared_types.bf, riscv types.

/** Bits of a CapRights word. */
export const right = { write: 1, read: 2, grant: 4, grantReply: 8 } as const;
export const allRights = 15;

/** The badge argument of Mint and Mutate for a CNode capability: guard (58 bits) and its size (6 bits). */
export const cNodeCapData = (guard: bigint, guardSize: number): bigint =>
  BigInt.asUintN(64, (guard << 6n) | BigInt(guardSize & 63));

/** Bits of RISCV_VMAttributes. */
export const vmAttribute = { executeNever: 1 } as const;

/** Bits of the flags of SchedControl_ConfigureFlags. */
export const schedContextFlag = { sporadic: 1 } as const;

/** Bits of the flags of TCB_SetFlags. `foreign` is ours: every ecall of the thread is an UnknownSyscall fault. */
export const tcbFlag = { fpuDisabled: 1, foreign: 2 } as const;
