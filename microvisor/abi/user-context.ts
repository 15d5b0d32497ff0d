// The order of registers in TCB_ReadRegisters, TCB_WriteRegisters and the reply to a Timeout. Source: libsel4 riscv types.h.

/** Register numbers; −1 is the pc. The first 16 are the frame registers, the rest the integer registers. */
export const userContext: readonly number[] = [
  -1, 1, 2, 3, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 10, 11, 12, 13, 14, 15, 16, 17, 5, 6, 7, 28, 29, 30, 31, 4,
];
export const frameRegisterCount = 16;
