// Faults and lookup failures as values, before they become messages (abi/faults.ts).

import type { faultType, lookupFailure } from './abi/faults.ts';

type Variant<Type, Fields = object> = { readonly type: Type } & Readonly<Fields>;

/** Why a capability address did not resolve. Bits are counted from the low end; `guard` is what the CNode's guard is. */
export type LookupFailure =
  | Variant<typeof lookupFailure.invalidRoot>
  | Variant<typeof lookupFailure.missingCapability, { bitsLeft: number }>
  | Variant<typeof lookupFailure.depthMismatch, { bitsFound: number; bitsLeft: number }>
  | Variant<typeof lookupFailure.guardMismatch, { guardFound: bigint; bitsLeft: number; bitsFound: number }>;

/** The words of a lookup failure, as CapFault and FailedLookup carry them. */
export function lookupFailureWords(failure: LookupFailure): bigint[] {
  const words = [BigInt(failure.type)];
  if ('bitsLeft' in failure) words.push(BigInt(failure.bitsLeft));
  if ('guardFound' in failure) words.push(failure.guardFound);
  if ('bitsFound' in failure) words.push(BigInt(failure.bitsFound));
  return words;
}

/** What stopped a thread. The thread itself is to blame. */
export type Fault =
  | Variant<typeof faultType.capFault, { address: bigint; inReceivePhase: boolean }>
  | Variant<typeof faultType.unknownSyscall, { number: bigint }>
  | Variant<typeof faultType.userException, { number: number; code: number }>
  | Variant<typeof faultType.timeout, { badge: bigint }>
  | Variant<typeof faultType.vmFault, { address: bigint; fsr: number; instruction: boolean }>
  | Variant<typeof faultType.vcpuFault, { scause: number; htval: bigint; htinst: bigint; stval: bigint }>;
