// Capability addresses: resolving them through CNodes with their guards.

import { lookupFailure } from '../abi/faults.ts';
import { wordBits } from '../abi/limits.ts';
import type { Kernel } from '../kernel.ts';
import { type Capability, type CNodeCap, capType, type Slot, type Tcb, tcbSlot } from '../objects.ts';
import { refusal, type SyscallError } from '../outcome.ts';

/** What `resolveAddressBits` leaves unresolved: the last slot's capability is no CNode. */
let bitsRemaining = 0;

/** `width` bits (at most 32) of a 64-bit word, from bit `shift` on. */
function field(low: number, high: number, shift: number, width: number): number {
  let bits: number;
  if (shift >= 32) bits = high >>> (shift - 32);
  else if (shift === 0) bits = low;
  else bits = (low >>> shift) | (high << (32 - shift));
  return width === 32 ? bits >>> 0 : bits & ((1 << width) - 1);
}

function guardMatches(cap: CNodeCap, low: number, high: number, bits: number): boolean {
  const { guardSize } = cap;
  if (guardSize > bits) return false;
  const shift = bits - guardSize;
  if (guardSize <= 32) return field(low, high, shift, guardSize) === cap.guardLow;
  return (
    field(low, high, shift, 32) === cap.guardLow &&
    // A guard of more than 32 bits leaves at most 31 below it.
    field(low, high, shift + 32, guardSize - 32) === cap.guardHigh
  );
}

/** Resolves the low `bits` bits of an address. null: `kernel.lookupFailure` says why; otherwise `bitsRemaining` is set. */
function resolveAddressBits(kernel: Kernel, root: Capability, low: number, high: number, bits: number): Slot | null {
  let cap = root;
  let left = bits;
  bitsRemaining = left;
  if (cap.type !== capType.cNode) {
    kernel.lookupFailure = { type: lookupFailure.invalidRoot };
    return null;
  }
  for (;;) {
    kernel.charge(kernel.costs.lookup);
    const { radix } = cap.node;
    const levelBits = radix + cap.guardSize;
    // The usual case, for speed alone: a guard of zeros takes what the index leaves of a small address.
    if (levelBits === left && high === 0 && low >>> radix === 0 && cap.guardLow === 0 && cap.guardHigh === 0) {
      bitsRemaining = 0;
      return cap.node.slot(low);
    }
    if (!guardMatches(cap, low, high, left)) {
      kernel.lookupFailure = {
        type: lookupFailure.guardMismatch,
        guardFound: (BigInt(cap.guardHigh) << 32n) | BigInt(cap.guardLow),
        bitsLeft: left,
        bitsFound: cap.guardSize,
      };
      return null;
    }
    if (levelBits > left) {
      kernel.lookupFailure = { type: lookupFailure.depthMismatch, bitsFound: levelBits, bitsLeft: left };
      return null;
    }
    left -= levelBits;
    const slot: Slot = cap.node.slot(field(low, high, left, radix));
    bitsRemaining = left;
    if (left === 0 || slot.cap.type !== capType.cNode) return slot;
    cap = slot.cap;
  }
}

/** The slot that a thread means by an address; null: `kernel.lookupFailure`. The whole word need not be used up. */
export function lookupSlot(kernel: Kernel, thread: Tcb, low: number, high: number): Slot | null {
  return resolveAddressBits(kernel, thread.slots.slot(tcbSlot.cTable).cap, low, high, wordBits);
}

/** The slot whose address is in a register of the current thread. */
export function lookupRegister(kernel: Kernel, register: number): Slot | null {
  const { current } = kernel.node;
  return lookupSlot(kernel, current, current.context.xLow(register), current.context.xHigh(register));
}

export const lowHalf = (word: bigint): number => Number(BigInt.asUintN(32, word));
export const highHalf = (word: bigint): number => Number(BigInt.asUintN(32, word >> 32n));

/** The slot that an operation on a CNode means: resolved from `root` and to exactly `depth` bits. `isSource` is for the error. */
export function lookupSlotForCNodeOp(
  kernel: Kernel,
  isSource: boolean,
  root: Capability,
  address: bigint,
  depth: bigint,
): Slot | SyscallError {
  if (root.type !== capType.cNode) {
    return refusal.failedLookup(isSource, { type: lookupFailure.invalidRoot });
  }
  if (depth < 1n || depth > BigInt(wordBits)) return refusal.rangeError(1, wordBits);
  const slot = resolveAddressBits(kernel, root, lowHalf(address), highHalf(address), Number(depth));
  if (slot === null) return refusal.failedLookup(isSource, kernel.lookupFailure!);
  if (bitsRemaining !== 0) {
    return refusal.failedLookup(isSource, { type: lookupFailure.depthMismatch, bitsFound: 0, bitsLeft: bitsRemaining });
  }
  return slot;
}
