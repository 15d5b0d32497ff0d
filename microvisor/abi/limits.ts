// Sizes and limits that user space is compiled with.
// Source: libsel4 sel4_arch/riscv64 constants, sel4/constants.h; configuration as docs/abi.md pins it.

/** Binary logarithms of object sizes in bytes. */
export const sizeBits = {
  slot: 5,
  endpoint: 4,
  notification: 6,
  reply: 5,
  tcb: 11,
  /** The smallest scheduling context; each refill beyond the second takes 16 bytes. */
  minSchedContext: 7,
  pageTable: 12,
  vspace: 12,
  asidPool: 12,
  page: 12,
  largePage: 21,
  hugePage: 30,
  minUntyped: 4,
  maxUntyped: 38,
  ipcBuffer: 10,
  bootInfo: 12,
} as const;

export const wordBits = 64;

/** First address that user space cannot map. */
export const userTop = 0x3f_ffff_f000;

/** Words of a message, and those of them that travel in registers (a2 to a5). */
export const msgMaxLength = 120;
export const msgRegisterCount = 4;

export const numPriorities = 256;
export const maxPriority = 255;

/** Objects that one Untyped_Retype can make. */
export const retypeFanOutLimit = 256;
export const maxBootInfoUntypeds = 230;

/** PLIC interrupt lines 1 to 95. */
export const maxIrq = 95;

export const asidPoolCount = 128;
export const asidsPerPool = 512;

/** Bytes of a scheduling context before its refills, and of a refill. */
export const coreSchedContextBytes = 128;
export const schedContextHeaderBytes = 96;
export const refillBytes = 16;
export const minRefills = 2;
