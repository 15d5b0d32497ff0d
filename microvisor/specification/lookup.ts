// Capability addresses: bits from the top choose guards and slots, CNode after CNode.
// Source: seL4 manual, "CSpace Addressing" and "Lookup Failure Description".

import { wordBits } from '../abi/limits.ts';
import { capAt } from './derivation.ts';
import { failedLookup, type LookupFailure, type Refused, rangeError } from './fault.ts';
import { type Capability, type ObjectId, type SlotId, type State, slotId, tcbSlots } from './state.ts';

type Resolved = { slot: SlotId; bitsLeft: number } | { failure: LookupFailure };

function resolve(s: State, root: Capability | undefined, address: bigint, depth: number): Resolved {
  if (root?.kind !== 'cnode') return { failure: { kind: 'invalid root' } };
  let node = root;
  for (let bitsLeft = depth; ; ) {
    const { guard, guardBits, radix } = node;
    const top = (bits: number): bigint => BigInt.asUintN(bits, address >> BigInt(bitsLeft - bits));
    if (guardBits > bitsLeft || top(guardBits) !== guard) {
      return { failure: { kind: 'guard mismatch', bitsLeft, guard, bitsFound: guardBits } };
    }
    if (guardBits + radix > bitsLeft) {
      return { failure: { kind: 'depth mismatch', bitsLeft, bitsFound: guardBits + radix } };
    }
    bitsLeft -= guardBits + radix;
    const slot = slotId(node.object, Number(BigInt.asUintN(radix, address >> BigInt(bitsLeft))));
    const cap = capAt(s, slot);
    if (bitsLeft === 0 || cap?.kind !== 'cnode') return { slot, bitsLeft };
    node = cap;
  }
}

/** The slot that a thread means by an address; not all bits need to be used up. */
export function lookup(s: State, id: ObjectId, address: bigint): { slot: SlotId } | { failure: LookupFailure } {
  return resolve(s, capAt(s, slotId(id, tcbSlots.cspace)), address, wordBits);
}

/** The slot that an argument of an invocation means: all of `depth` bits have to be used up. */
export function lookupArgument(
  s: State,
  root: Capability | undefined,
  address: bigint,
  depth: bigint,
  source: boolean,
): SlotId | Refused {
  if (root?.kind !== 'cnode') return failedLookup(source, { kind: 'invalid root' });
  if (depth < 1n || depth > BigInt(wordBits)) return rangeError(1, wordBits);
  const found = resolve(s, root, address, Number(depth));
  if ('failure' in found) return failedLookup(source, found.failure);
  const { slot, bitsLeft } = found;
  return bitsLeft === 0 ? slot : failedLookup(source, { kind: 'depth mismatch', bitsLeft, bitsFound: 0 });
}
