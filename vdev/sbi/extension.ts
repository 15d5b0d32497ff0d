// One SBI extension: how it is called, and what a call comes to.

import type { SbiError } from './abi.ts';
import type { SbiPlatform } from './platform.ts';

/** HSM's states of a hart. Transitions are atomic here, so the pending ones never show. */
export type HartStatus = 'started' | 'stopped' | 'suspended';

/** The state of the implementation: plain data. */
export interface SbiState {
  /** By hart id. */
  harts: HartStatus[];
}

/** One ECALL from S-mode. */
export interface SbiCall {
  readonly state: SbiState;
  readonly platform: SbiPlatform;
  /** The calling hart. */
  readonly hart: number;
  /** FID, from a6; unsigned. */
  readonly functionId: bigint;
  /** a0 to a5, unsigned. */
  readonly args: readonly bigint[];
  /** Whether an extension is implemented. */
  readonly probe: (extensionId: bigint) => boolean;
}

/** What the caller's registers become. Registers that aren't named keep their values. */
export type SbiResult =
  /** a0 = error, a1 = value. */
  | { kind: 'return'; error: SbiError; value: bigint }
  /** a0 = value: the legacy calling convention. */
  | { kind: 'legacy'; value: bigint }
  /** The call doesn't return: the hart has stopped or will resume elsewhere, or the system is reset. */
  | { kind: 'gone' }
  /** The platform has delivered a fault at the ECALL itself; the registers must be left alone. */
  | { kind: 'faulted' };

export type SbiFunction = (call: SbiCall) => SbiResult;

/** An extension's functions by function id. */
export type SbiExtension = readonly SbiFunction[];

export function success(value = 0n): SbiResult {
  return { kind: 'return', error: 0, value };
}

export function failure(error: SbiError): SbiResult {
  return { kind: 'return', error, value: 0n };
}

/** A guest's address as a number, or undefined if no memory can be there. */
export function physicalAddress(value: bigint): number | undefined {
  return value < 1n << 52n ? Number(value) : undefined;
}
