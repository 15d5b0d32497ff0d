// Making objects: how much memory each takes, and the first capability to it.

import { sizeBits } from './abi/limits.ts';
import { extensionSizeBits, objectType } from './abi/object-types.ts';
import type { Kernel } from './kernel.ts';
import * as objects from './objects.ts';
import { type Capability, capType, vmRights } from './objects.ts';

/** Binary logarithms of the sizes of objects; the user chooses those that are missing. */
const fixedSizeBits: Readonly<Partial<Record<number, number>>> = {
  [objectType.tcb]: sizeBits.tcb,
  [objectType.endpoint]: sizeBits.endpoint,
  [objectType.notification]: sizeBits.notification,
  [objectType.reply]: sizeBits.reply,
  [objectType.gigaPage]: sizeBits.hugePage,
  [objectType.page]: sizeBits.page,
  [objectType.megaPage]: sizeBits.largePage,
  [objectType.pageTable]: sizeBits.pageTable,
  [objectType.vcpu]: extensionSizeBits.vcpu,
  [objectType.guestRoot]: extensionSizeBits.guestRoot,
};

/** Binary logarithm of the size of an object; `userSize` counts for those whose size the user chooses. */
export const getObjectSize = (type: number, userSize: number): number =>
  fixedSizeBits[type] ?? (type === objectType.capTable ? sizeBits.slot : 0) + userSize;

const unmapped = { asid: 0, mappedAddress: 0 } as const;

/** Makes an object, and the capability to it that has all rights. The memory is zero. */
export function createObject(
  kernel: Kernel,
  type: number,
  address: number,
  userSize: number,
  device: boolean,
): Capability {
  const bits = getObjectSize(type, userSize);
  switch (type) {
    case objectType.untyped:
      return { type: capType.untyped, address, sizeBits: bits, device, watermark: 0 };
    case objectType.tcb: {
      const tcb = new objects.Tcb(address, kernel.allocateContext());
      kernel.threads.push(tcb);
      tcb.domain = kernel.node.domain;
      tcb.name = `child of: '${kernel.node.current.name}'`;
      return { type: capType.thread, tcb };
    }
    case objectType.endpoint:
      return {
        type: capType.endpoint,
        endpoint: new objects.Endpoint(address, bits),
        badge: 0n,
        canSend: true,
        canReceive: true,
        canGrant: true,
        canGrantReply: true,
      };
    case objectType.notification: {
      const notification = new objects.Notification(address, bits);
      return { type: capType.notification, notification, badge: 0n, canSend: true, canReceive: true };
    }
    case objectType.capTable: {
      const node = new objects.CNode(address, userSize, false);
      return { type: capType.cNode, node, guardSize: 0, guardLow: 0, guardHigh: 0 };
    }
    case objectType.schedContext:
      return { type: capType.schedContext, schedContext: new objects.SchedContext(address, bits) };
    case objectType.reply:
      return { type: capType.reply, reply: new objects.Reply(address, bits), canGrant: true };
    case objectType.gigaPage:
    case objectType.page:
    case objectType.megaPage: {
      const rights = vmRights.readWrite;
      return { type: capType.frame, address, sizeBits: bits, rights, device, ...unmapped };
    }
    case objectType.pageTable:
      return { type: capType.pageTable, address, guestLevels: 0, mapped: false, ...unmapped };
    case objectType.guestRoot:
      return { type: capType.pageTable, address, guestLevels: userSize === 48 ? 4 : 3, mapped: false, ...unmapped };
    case objectType.vcpu:
      return { type: capType.vcpu, vcpu: new objects.Vcpu(address, bits) };
    default:
      throw new Error(`object type ${type}`);
  }
}
