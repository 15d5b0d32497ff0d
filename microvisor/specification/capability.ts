// Capabilities by themselves: what memory they name, when two name the same, what copies of them can be.
// Source: seL4 manual, "Capability Spaces"; the interface of CNode in object-api.xml.

import { sizeBits, wordBits } from '../abi/limits.ts';
import { right } from '../abi/rights.ts';
import type { Capability, FrameRights } from './state.ts';

/** The range of physical memory that a capability stands for; null: none. */
export function extent(cap: Capability): { start: number; end: number } | null {
  const range = (start: number, bits: number): { start: number; end: number } => ({ start, end: start + 2 ** bits });
  switch (cap.kind) {
    case 'untyped':
      return range(cap.address, cap.bits);
    case 'endpoint':
      return range(cap.object, sizeBits.endpoint);
    case 'notification':
      return range(cap.object, sizeBits.notification);
    case 'reply':
      return range(cap.object, sizeBits.reply);
    case 'cnode':
      return range(cap.object, cap.radix + sizeBits.slot);
    case 'tcb':
      return range(cap.object, sizeBits.tcb);
    case 'page-table':
      return range(cap.object, sizeBits.pageTable);
    case 'asid-pool':
      return range(cap.object, sizeBits.asidPool);
    case 'sched-context':
    case 'frame':
    case 'zombie':
      return range(cap.object, cap.bits);
    default:
      return null;
  }
}

/** Whether `b` can have been derived from `a`: it names the same thing, or a part of it. */
export function covers(a: Capability, b: Capability): boolean {
  switch (a.kind) {
    case 'untyped':
    case 'frame': {
      if (a.kind === 'frame' && b.kind !== 'frame') return false;
      const outer = extent(a)!;
      const inner = extent(b);
      return inner !== null && outer.start <= inner.start && inner.end <= outer.end;
    }
    case 'irq-control':
      return b.kind === 'irq-control' || b.kind === 'irq-handler';
    case 'irq-handler':
      return b.kind === 'irq-handler' && a.irq === b.irq;
    case 'zombie':
      return false;
    default:
      if (a.kind !== b.kind) return false;
      return !('object' in a) || a.object === (b as typeof a).object;
  }
}

/** Whether both name one object, so that it lives as long as either. */
export function sameObject(a: Capability, b: Capability): boolean {
  if (a.kind === 'untyped' || a.kind === 'irq-control') return false;
  if (a.kind === 'frame' && b.kind === 'frame') {
    return a.object === b.object && a.bits === b.bits && a.device === b.device;
  }
  return covers(a, b);
}

/** Whether a copy is the head of a family of its own: it differs from its source in the badge, or in what it names. */
export function isOriginal(copy: Capability, source: Capability): boolean {
  switch (copy.kind) {
    case 'endpoint':
    case 'notification':
      return copy.badge !== (source as typeof copy).badge;
    case 'irq-handler':
      return source.kind === 'irq-control';
    default:
      return copy.kind === 'untyped';
  }
}

export function narrowFrame(rights: FrameRights, mask: number): FrameRights {
  if ((mask & right.read) === 0 || rights === 'none') return 'none';
  return (mask & right.write) === 0 ? 'read' : rights;
}

/** The same capability with no more rights than the mask has. */
export function narrow(cap: Capability, mask: number): Capability {
  const has = (bit: number): boolean => (mask & bit) !== 0;
  switch (cap.kind) {
    case 'endpoint':
      return {
        ...cap,
        send: cap.send && has(right.write),
        receive: cap.receive && has(right.read),
        grant: cap.grant && has(right.grant),
        grantReply: cap.grantReply && has(right.grantReply),
      };
    case 'notification':
      return { ...cap, send: cap.send && has(right.write), receive: cap.receive && has(right.read) };
    case 'reply':
      return { ...cap, grant: cap.grant && has(right.grant) };
    case 'frame':
      return { ...cap, rights: narrowFrame(cap.rights, mask) };
    default:
      return cap;
  }
}

/** The capability with a badge or guard. null: it cannot have it. `moving`: a badge is only given to copies. */
export function withData(cap: Capability, data: bigint, moving: boolean): Capability | null {
  switch (cap.kind) {
    case 'endpoint':
    case 'notification':
      return moving || cap.badge !== 0n ? null : { ...cap, badge: data };
    case 'cnode': {
      const guardBits = Number(data & 63n);
      if (guardBits + cap.radix > wordBits) return null;
      return { ...cap, guardBits, guard: BigInt.asUintN(guardBits, data >> 6n) };
    }
    default:
      return cap;
  }
}

export const mayCancelSends = (cap: Capability | undefined): cap is Extract<Capability, { kind: 'endpoint' }> =>
  cap?.kind === 'endpoint' && cap.send && cap.receive && cap.grant && cap.grantReply;

/** A fault handler has to be able to answer; none is allowed too. */
export const mayHandleFaults = (cap: Capability | undefined): boolean =>
  cap === undefined || (cap.kind === 'endpoint' && cap.send && (cap.grant || cap.grantReply));
