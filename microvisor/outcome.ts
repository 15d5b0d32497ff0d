// What an invocation comes to: done, done with an answer, preempted (to be started again), or refused with an error code.

import { type ErrorCode, error } from './abi/errors.ts';
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

export const invalidArgument = (number: number): SyscallError =>
  new SyscallError(error.invalidArgument, [BigInt(number)]);
export const invalidCapability = (number: number): SyscallError =>
  new SyscallError(error.invalidCapability, [BigInt(number)]);
export const illegalOperation = new SyscallError(error.illegalOperation);
export const alignmentError = new SyscallError(error.alignmentError);
export const truncatedMessage = new SyscallError(error.truncatedMessage);
export const deleteFirst = new SyscallError(error.deleteFirst);
export const revokeFirst = new SyscallError(error.revokeFirst);
export const rangeError = (min: number | bigint, max: number | bigint): SyscallError =>
  new SyscallError(error.rangeError, [BigInt(min), BigInt(max)]);
export const notEnoughMemory = (left: number): SyscallError => new SyscallError(error.notEnoughMemory, [BigInt(left)]);
export const failedLookup = (wasSource: boolean, why: LookupFailure): SyscallError =>
  new SyscallError(error.failedLookup, [wasSource ? 1n : 0n], why);
