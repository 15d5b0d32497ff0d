// An exit: a trap of a vCPU that the kernel hands to its monitor, and how the vCPU goes on.

/** Words of a VCPUFault (abi/faults.ts), and what the monitor makes of the registers. All words unsigned. */
export interface Exit {
  readonly vcpu: number;
  readonly cause: number;
  readonly htval: bigint;
  readonly htinst: bigint;
  readonly stval: bigint;
  pc: bigint;
  /** x0 to x31. Written by `setRegister` only. */
  readonly x: bigint[];
  /** The highest register that was written; 0: none. */
  written: number;
}

/** 'run': goes on. 'wait': goes on when an enabled virtual interrupt is pending, as WFI. 'stop': executes nothing more. */
export type Disposition = 'run' | 'wait' | 'stop';

/** Numbers of general registers. */
export const register = { a0: 10, a1: 11 } as const;

export function setRegister(exit: Exit, number: number, value: bigint): void {
  if (number === 0) return;
  exit.x[number] = BigInt.asUintN(64, value);
  if (number > exit.written) exit.written = number;
}

export function skip(exit: Exit, bytes: number): void {
  exit.pc = BigInt.asUintN(64, exit.pc + BigInt(bytes));
}
