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
export class SyscallError extends Answer {}

export const done = new Answer([]);
export const preempted = Symbol('preempted');
export type Outcome = typeof preempted | Answer;
/** Of a method, which says nothing when it is done. */
export type Result = Outcome | undefined;

const refuse = (code: ErrorCode, ...words: bigint[]): SyscallError => new SyscallError(words, code);

/** The errors that invocations return, by seL4's names. */
export const refusal = {
  illegalOperation: refuse(error.illegalOperation),
  alignmentError: refuse(error.alignmentError),
  truncatedMessage: refuse(error.truncatedMessage),
  deleteFirst: refuse(error.deleteFirst),
  revokeFirst: refuse(error.revokeFirst),
  invalidArgument: (number: number) => refuse(error.invalidArgument, BigInt(number)),
  invalidCapability: (number: number) => refuse(error.invalidCapability, BigInt(number)),
  rangeError: (min: number | bigint, max: number | bigint) => refuse(error.rangeError, BigInt(min), BigInt(max)),
  notEnoughMemory: (left: number) => refuse(error.notEnoughMemory, BigInt(left)),
  failedLookup: (wasSource: boolean, why: LookupFailure) =>
    refuse(error.failedLookup, wasSource ? 1n : 0n, ...lookupFailureWords(why)),
  /** Nothing lies at an address of `depth` bits. */
  missingCapability: (wasSource: boolean, depth: bigint): SyscallError =>
    refusal.failedLookup(wasSource, { type: lookupFailure.missingCapability, bitsLeft: Number(depth & 127n) }),
} as const;
