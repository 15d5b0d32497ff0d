// What an invocation comes to: done, done with an answer, preempted (to be started again), or refused with an error code.

import { type ErrorCode, error } from './abi/errors.ts';
import { lookupFailure } from './abi/faults.ts';
import type { LookupFailure } from './fault-values.ts';

export class SyscallError {
  constructor(
    readonly code: ErrorCode,
    /** Message words that explain the error (abi/errors.ts). */
    readonly words: readonly bigint[] = [],
    /** For FailedLookup: why, appended to the words. */
    readonly lookupFailure: LookupFailure | null = null,
  ) {}
}

/** An invocation that answers with message words. */
export class Answer {
  constructor(readonly words: readonly bigint[]) {}
}

export const done = Symbol('done');
export const preempted = Symbol('preempted');
export type Outcome = typeof done | typeof preempted | Answer | SyscallError;

/** Progress of a long operation: false when it must be started again later. */
export type Completed = boolean;

/** The errors that invocations return, by seL4's names. */
export const refusal = {
  illegalOperation: new SyscallError(error.illegalOperation),
  alignmentError: new SyscallError(error.alignmentError),
  truncatedMessage: new SyscallError(error.truncatedMessage),
  deleteFirst: new SyscallError(error.deleteFirst),
  revokeFirst: new SyscallError(error.revokeFirst),
  invalidArgument: (number: number) => new SyscallError(error.invalidArgument, [BigInt(number)]),
  invalidCapability: (number: number) => new SyscallError(error.invalidCapability, [BigInt(number)]),
  rangeError: (min: number | bigint, max: number | bigint) =>
    new SyscallError(error.rangeError, [BigInt(min), BigInt(max)]),
  notEnoughMemory: (left: number) => new SyscallError(error.notEnoughMemory, [BigInt(left)]),
  /** Nothing lies at an address of `depth` bits. */
  missingCapability: (wasSource: boolean, depth: bigint): SyscallError =>
    refusal.failedLookup(wasSource, { type: lookupFailure.missingCapability, bitsLeft: Number(depth & 127n) }),
  failedLookup: (wasSource: boolean, why: LookupFailure) =>
    new SyscallError(error.failedLookup, [wasSource ? 1n : 0n], why),
} as const;
