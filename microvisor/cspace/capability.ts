// What capabilities are to each other: their extent in memory, the same object or region, narrowing of rights, badges.

import { sizeBits, wordBits } from '../abi/limits.ts';
import { extensionSizeBits } from '../abi/object-types.ts';
import { allRights, right } from '../abi/rights.ts';
import { type Capability, capType, type KernelObject, nullCap, type VmRights, vmRights } from '../objects.ts';

/** The object that a capability names; null if it names a range of memory, or nothing. */
export function objectOf(cap: Capability): KernelObject | null {
  if (cap.type === capType.endpoint) return cap.endpoint;
  if (cap.type === capType.notification) return cap.notification;
  if (cap.type === capType.reply) return cap.reply;
  if (cap.type === capType.cNode || cap.type === capType.zombie) return cap.node;
  if (cap.type === capType.thread) return cap.tcb;
  if (cap.type === capType.schedContext) return cap.schedContext;
  if (cap.type === capType.asidPool) return cap.pool;
  return cap.type === capType.vcpu ? cap.vcpu : null;
}

/** Physical address of what a capability names, or −1 if it has none. */
export const capAddress = (cap: Capability): number =>
  'address' in cap ? cap.address : (objectOf(cap)?.address ?? -1);

/** Bytes that it takes. */
export function capSize(cap: Capability): number {
  if (cap.type === capType.untyped || cap.type === capType.frame) return 2 ** cap.sizeBits;
  if (cap.type !== capType.pageTable) return 2 ** (objectOf(cap)?.sizeBits ?? 0);
  return 2 ** (cap.guestLevels === 0 ? sizeBits.pageTable : extensionSizeBits.guestRoot);
}

/** Whether `b` names (part of) what `a` names: the condition under which a derivation is possible. */
export function sameRegionAs(a: Capability, b: Capability): boolean {
  switch (a.type) {
    case capType.untyped: {
      const base = capAddress(b);
      return base >= a.address && base + capSize(b) <= a.address + capSize(a);
    }
    case capType.frame:
      return b.type === capType.frame && a.address <= b.address && b.address + capSize(b) <= a.address + capSize(a);
    case capType.pageTable:
      return b.type === capType.pageTable && a.address === b.address;
    case capType.irqControl:
      return b.type === capType.irqControl || b.type === capType.irqHandler;
    case capType.irqHandler:
      return b.type === capType.irqHandler && a.irq === b.irq;
    case capType.null:
    case capType.zombie:
      return false;
    default:
      return b.type === a.type && objectOf(a) === objectOf(b);
  }
}

/** Whether both name one and the same object. */
export function sameObjectAs(a: Capability, b: Capability): boolean {
  if (a.type === capType.untyped || a.type === capType.irqControl) return false;
  if (a.type === capType.frame && b.type === capType.frame) {
    return a.address === b.address && a.sizeBits === b.sizeBits && a.device === b.device;
  }
  return sameRegionAs(a, b);
}

/** Whether a derived capability is a parent in the tree by itself: its descendants can be revoked through it. */
export function isCapRevocable(derived: Capability, source: Capability): boolean {
  switch (derived.type) {
    case capType.endpoint:
    case capType.notification:
      return derived.badge !== (source as typeof derived).badge;
    case capType.irqHandler:
      return source.type === capType.irqControl;
    case capType.untyped:
      return true;
    default:
      return false;
  }
}

/** Applies `data` (unsigned), the badge or guard of Mint, Mutate and Rotate. A null capability: it can't be. */
export function updateCapData(preserve: boolean, data: bigint, cap: Capability): Capability {
  switch (cap.type) {
    case capType.endpoint:
    case capType.notification:
      return !preserve && cap.badge === 0n ? { ...cap, badge: data } : nullCap;
    case capType.cNode: {
      const guardSize = Number(data & 63n);
      if (guardSize + cap.node.radix > wordBits) return nullCap;
      const guard = BigInt.asUintN(guardSize, data >> 6n);
      return { ...cap, guardSize, guardLow: Number(BigInt.asUintN(32, guard)), guardHigh: Number(guard >> 32n) };
    }
    default:
      return cap;
  }
}

export function maskVMRights(rights: VmRights, mask: number): VmRights {
  if (rights === vmRights.kernelOnly || (mask & right.read) === 0) return vmRights.kernelOnly;
  return rights === vmRights.readWrite && (mask & right.write) !== 0 ? vmRights.readWrite : vmRights.readOnly;
}

export const rightsFromWord = (word: bigint): number => Number(word & BigInt(allRights));

/** The capability with no more rights than `mask` allows. */
export function maskCapRights(mask: number, cap: Capability): Capability {
  const allows = (bit: number): boolean => (mask & bit) !== 0;
  switch (cap.type) {
    case capType.endpoint:
      return {
        ...cap,
        canSend: cap.canSend && allows(right.write),
        canReceive: cap.canReceive && allows(right.read),
        canGrant: cap.canGrant && allows(right.grant),
        canGrantReply: cap.canGrantReply && allows(right.grantReply),
      };
    case capType.notification:
      return { ...cap, canSend: cap.canSend && allows(right.write), canReceive: cap.canReceive && allows(right.read) };
    case capType.reply:
      return { ...cap, canGrant: cap.canGrant && allows(right.grant) };
    case capType.frame:
      return { ...cap, rights: maskVMRights(cap.rights, mask) };
    default:
      return cap;
  }
}
