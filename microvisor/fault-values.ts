// Faults and lookup failures as values, before they become messages (abi/faults.ts).

import { type faultType, lookupFailure } from './abi/faults.ts';

/** Why a capability address did not resolve. Bits are counted from the low end; `guard` is what the CNode's guard is. */
export type LookupFailure =
  | { readonly type: typeof lookupFailure.invalidRoot }
  | { readonly type: typeof lookupFailure.missingCapability; readonly bitsLeft: number }
  | { readonly type: typeof lookupFailure.depthMismatch; readonly bitsFound: number; readonly bitsLeft: number }
  | {
      readonly type: typeof lookupFailure.guardMismatch;
      readonly guardFound: bigint;
      readonly bitsLeft: number;
      readonly bitsFound: number;
    };

/** The words of a lookup failure, as CapFault and FailedLookup carry them. */
export function lookupFailureWords(failure: LookupFailure): bigint[] {
  switch (failure.type) {
    case lookupFailure.invalidRoot:
      return [BigInt(failure.type)];
    case lookupFailure.missingCapability:
      return [BigInt(failure.type), BigInt(failure.bitsLeft)];
    case lookupFailure.depthMismatch:
      return [BigInt(failure.type), BigInt(failure.bitsLeft), BigInt(failure.bitsFound)];
    case lookupFailure.guardMismatch:
      return [BigInt(failure.type), BigInt(failure.bitsLeft), failure.guardFound, BigInt(failure.bitsFound)];
  }
}

/** What stopped a thread. The thread itself is to blame. */
export type Fault =
  | { readonly type: typeof faultType.capFault; readonly address: bigint; readonly inReceivePhase: boolean }
  | { readonly type: typeof faultType.unknownSyscall; readonly number: bigint }
  | { readonly type: typeof faultType.userException; readonly number: number; readonly code: number }
  | { readonly type: typeof faultType.timeout; readonly badge: bigint }
  | {
      readonly type: typeof faultType.vmFault;
      readonly address: bigint;
      readonly fsr: number;
      readonly instruction: boolean;
    }
  | {
      readonly type: typeof faultType.vcpuFault;
      readonly scause: number;
      readonly htval: bigint;
      readonly htinst: bigint;
      readonly stval: bigint;
    };
