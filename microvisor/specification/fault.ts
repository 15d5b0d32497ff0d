// Why a lookup failed, what stopped a thread, why an invocation was refused: values with the words that tell of them.

import { type ErrorCode, error } from '../abi/errors.ts';
import { lookupFailure } from '../abi/faults.ts';

export type LookupFailure =
  | { kind: 'invalid root' }
  | { kind: 'missing capability'; bitsLeft: number }
  | { kind: 'depth mismatch'; bitsLeft: number; bitsFound: number }
  | { kind: 'guard mismatch'; bitsLeft: number; guard: bigint; bitsFound: number };

export type Fault =
  | { kind: 'cap fault'; address: bigint; receiving: boolean; why: LookupFailure }
  | { kind: 'unknown syscall'; number: bigint }
  | { kind: 'user exception'; number: number; code: number }
  | { kind: 'vm fault'; address: bigint; fsr: number; fetching: boolean }
  | { kind: 'timeout'; badge: bigint };

export function failureWords(why: LookupFailure): bigint[] {
  switch (why.kind) {
    case 'invalid root':
      return [BigInt(lookupFailure.invalidRoot)];
    case 'missing capability':
      return [lookupFailure.missingCapability, why.bitsLeft].map(BigInt);
    case 'depth mismatch':
      return [lookupFailure.depthMismatch, why.bitsLeft, why.bitsFound].map(BigInt);
    case 'guard mismatch':
      return [BigInt(lookupFailure.guardMismatch), BigInt(why.bitsLeft), why.guard, BigInt(why.bitsFound)];
  }
}

/** An invocation that is refused: the error is the label of the answer, the words explain it. */
export class Refused {
  constructor(
    readonly error: ErrorCode,
    readonly words: bigint[] = [],
  ) {}
}
const refused = (code: ErrorCode, ...words: (number | bigint)[]): Refused => new Refused(code, words.map(BigInt));

export const truncatedMessage = refused(error.truncatedMessage);
export const illegalOperation = refused(error.illegalOperation);
export const alignmentError = refused(error.alignmentError);
export const deleteFirst = refused(error.deleteFirst);
export const revokeFirst = refused(error.revokeFirst);
export const invalidArgument = (which: number): Refused => refused(error.invalidArgument, which);
export const invalidCapability = (which: number): Refused => refused(error.invalidCapability, which);
export const rangeError = (least: number | bigint, most: number | bigint): Refused =>
  refused(error.rangeError, least, most);
export const notEnoughMemory = (left: number): Refused => refused(error.notEnoughMemory, left);
export const failedLookup = (source: boolean, why: LookupFailure): Refused =>
  refused(error.failedLookup, source ? 1 : 0, ...failureWords(why));

/** What an invocation comes to. `words`: the answer, if the caller waits for one. */
export type Outcome = 'done' | 'preempted' | { words: bigint[] } | Refused;
/** A long operation: false when it has to be started again. */
export type Finished = boolean;
