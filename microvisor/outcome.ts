// What an invocation comes to: an answer, which may be a refusal, or preempted (to be started again).

import { type ErrorCode, error } from './abi/errors.ts';
import { lookupFailure } from './abi/faults.ts';
import { type LookupFailure, lookupFailureWords } from './fault-values.ts';

/** The kernel's answer to an invocation: message words, under an error code as the label, or 0. */
export class Answer {
  constructor(
    readonly words: readonly bigint[],
    readonly code: ErrorCode = error.none,
  ) {}
}

/** A refusal; the words explain it (abi/errors.ts). */
export class SyscallError extends Answer {
  constructor(code: ErrorCode, words: readonly bigint[] = []) {
    super(words, code);
  }
}

export const done = new Answer([]);
export const preempted = Symbol('preempted');
export type Outcome = typeof preempted | Answer;

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
    new SyscallError(error.failedLookup, [wasSource ? 1n : 0n, ...lookupFailureWords(why)]),
} as const;
