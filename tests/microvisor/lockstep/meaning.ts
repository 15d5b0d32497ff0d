// What single objects and values of the kernel mean in the specification's terms.

import { lookupFailure } from '../../../microvisor/abi/faults.ts';
import type * as kernelFault from '../../../microvisor/fault-values.ts';
import type { Node } from '../../../microvisor/kernel.ts';
import * as k from '../../../microvisor/objects.ts';
import { faultIp } from '../../../microvisor/registers.ts';
import type { Fault, LookupFailure } from '../../../microvisor/specification/fault.ts';
import type {
  Activity,
  Capability,
  Endpoint,
  FrameRights,
  Notification,
  PageTableEntry,
  SchedContext,
  State,
  Thread,
} from '../../../microvisor/specification/state.ts';
import { refillsOf } from '../refills.ts';

const types = k.capType;
const unsigned = (word: bigint): bigint => BigInt.asUintN(64, word);
export const addressOf = (object: { address: number } | null): number | null => object?.address ?? null;
const frameRights: Record<k.VmRights, FrameRights> = {
  [k.vmRights.kernelOnly]: 'none',
  [k.vmRights.readOnly]: 'read',
  [k.vmRights.readWrite]: 'read-write',
};

export function capability(cap: k.Capability): Capability {
  switch (cap.type) {
    case types.untyped:
      return { kind: 'untyped', address: cap.address, bits: cap.sizeBits, device: cap.device, used: cap.watermark };
    case types.endpoint:
      return {
        kind: 'endpoint',
        object: cap.endpoint.address,
        badge: cap.badge,
        send: cap.canSend,
        receive: cap.canReceive,
        grant: cap.canGrant,
        grantReply: cap.canGrantReply,
      };
    case types.notification: {
      const { notification, badge, canSend, canReceive } = cap;
      return { kind: 'notification', object: notification.address, badge, send: canSend, receive: canReceive };
    }
    case types.reply:
      return { kind: 'reply', object: cap.reply.address, grant: cap.canGrant };
    case types.cNode: {
      const guard = (BigInt(cap.guardHigh) << 32n) | BigInt(cap.guardLow);
      return { kind: 'cnode', object: cap.node.address, radix: cap.node.radix, guard, guardBits: cap.guardSize };
    }
    case types.thread:
      return { kind: 'tcb', object: cap.tcb.address };
    case types.schedContext:
      return { kind: 'sched-context', object: cap.schedContext.address, bits: cap.schedContext.sizeBits };
    case types.irqHandler:
      return { kind: 'irq-handler', irq: cap.irq };
    case types.frame: {
      const mapping = cap.asid === 0 ? null : { asid: cap.asid, address: cap.mappedAddress };
      const rights = frameRights[cap.rights];
      return { kind: 'frame', object: cap.address, bits: cap.sizeBits, device: cap.device, rights, mapping };
    }
    case types.pageTable: {
      const mapping = cap.mapped ? { asid: cap.asid, address: cap.mappedAddress } : null;
      return { kind: 'page-table', object: cap.address, mapping };
    }
    case types.asidPool:
      return { kind: 'asid-pool', object: cap.pool.address, base: cap.base };
    case types.zombie: {
      const { node, count } = cap;
      return { kind: 'zombie', object: node.address, bits: node.ofTcb ? 11 : node.radix + 5, left: count };
    }
    case types.irqControl:
      return { kind: 'irq-control' };
    case types.domain:
      return { kind: 'domain' };
    case types.asidControl:
      return { kind: 'asid-control' };
    case types.schedControl:
      return { kind: 'sched-control' };
    default:
      throw new Error(`capabilities of type ${cap.type} are not specified`);
  }
}

function failure(why: kernelFault.LookupFailure): LookupFailure {
  switch (why.type) {
    case lookupFailure.invalidRoot:
      return { kind: 'invalid root' };
    case lookupFailure.missingCapability:
      return { kind: 'missing capability', bitsLeft: why.bitsLeft };
    case lookupFailure.depthMismatch:
      return { kind: 'depth mismatch', bitsLeft: why.bitsLeft, bitsFound: why.bitsFound };
    case lookupFailure.guardMismatch:
      return { kind: 'guard mismatch', bitsLeft: why.bitsLeft, guard: why.guardFound, bitsFound: why.bitsFound };
  }
}
function fault({ fault: what, lookupFailure: why }: k.Tcb): Fault | null {
  switch (what?.type) {
    case undefined:
      return null;
    case 1:
      return { kind: 'cap fault', address: what.address, receiving: what.inReceivePhase, why: failure(why!) };
    case 2:
      return { kind: 'unknown syscall', number: what.number };
    case 3:
      return { kind: 'user exception', number: what.number, code: what.code };
    case 5:
      return { kind: 'timeout', badge: what.badge };
    case 6:
      return { kind: 'vm fault', address: what.address, fsr: what.fsr, fetching: what.instruction };
    case 7:
      throw new Error('faults of virtual harts are not specified');
  }
}

function activity(tcb: k.Tcb): Activity {
  const { state, blockingObject, replyObject } = tcb;
  switch (state) {
    case k.threadState.inactive:
      return { kind: 'inactive' };
    case k.threadState.running:
      return { kind: 'running' };
    case k.threadState.restart:
      return { kind: 'restart' };
    case k.threadState.blockedOnReceive:
      return { kind: 'receiving', endpoint: blockingObject!.address, reply: addressOf(replyObject) };
    case k.threadState.blockedOnSend:
      return {
        kind: 'sending',
        endpoint: blockingObject!.address,
        badge: tcb.blockingBadge,
        grant: tcb.blockingCanGrant,
        grantReply: tcb.blockingCanGrantReply,
        call: tcb.blockingIsCall,
      };
    case k.threadState.blockedOnReply:
      return { kind: 'calling', reply: replyObject!.address };
    case k.threadState.blockedOnNotification:
      return { kind: 'waiting', notification: blockingObject!.address };
    default:
      throw new Error(`threads in state ${state} are not specified`);
  }
}
export function thread(tcb: k.Tcb, registers: bigint[]): Thread {
  return {
    activity: activity(tcb),
    fault: fault(tcb),
    priority: tcb.priority,
    mcp: tcb.maxControlledPriority,
    domain: tcb.domain,
    schedContext: addressOf(tcb.schedContext),
    yieldsTo: addressOf(tcb.yieldTo),
    notification: addressOf(tcb.boundNotification),
    buffer: tcb.ipcBuffer,
    flags: tcb.flags,
    registers,
    pc: unsigned(tcb.context.pc),
    restartPc: unsigned(faultIp(tcb)),
  };
}

export const members = (queue: k.TcbQueue): number[] => {
  const found: number[] = [];
  for (let tcb = queue.head; tcb !== null; tcb = tcb.next) found.push(tcb.address);
  return found;
};

export function endpoint({ queue, state }: k.Endpoint): Endpoint {
  const waiting = members(queue);
  return {
    senders: state === k.endpointState.send ? waiting : [],
    receivers: state === k.endpointState.recv ? waiting : [],
  };
}
export function notification(ntfn: k.Notification): Notification {
  return {
    signalled: ntfn.state === k.notificationState.active ? ntfn.messageIdentifier : null,
    waiters: ntfn.state === k.notificationState.waiting ? members(ntfn.queue) : [],
    thread: addressOf(ntfn.boundTcb),
    schedContext: addressOf(ntfn.schedContext),
  };
}
export function domain({
  domain: current,
  domainTime,
  domainIndex,
  domainStart,
  domainSchedule,
}: Node): State['domain'] {
  const schedule = domainSchedule.map((slice) => ({ ...slice }));
  return { current, time: domainTime, index: domainIndex, start: domainStart, schedule };
}

export function schedContext(sc: k.SchedContext): SchedContext {
  const callers: number[] = [];
  for (let reply = sc.reply; reply !== null; reply = reply.prev) callers.unshift(reply.address);
  return {
    period: sc.period,
    consumed: sc.consumed,
    badge: sc.badge,
    sporadic: sc.sporadic,
    maxRefills: sc.refillMax,
    refills: [...refillsOf(sc)].map((refill) => ({ ...refill })),
    thread: addressOf(sc.tcb),
    notification: addressOf(sc.notification),
    yieldsFrom: addressOf(sc.yieldFrom),
    callers,
  };
}

/** Fields of a page table entry (privileged specification, Sv39). */
export function pageTableEntry(word: bigint): PageTableEntry {
  const object = Number((word >> 10n) & 0xfff_ffff_ffffn) * 4096;
  const bits = Number(word & 0x3ffn);
  if (bits === 1) return { kind: 'table', object };
  const [read, write, executable] = [2, 4, 8].map((bit) => (bits & bit) !== 0) as [boolean, boolean, boolean];
  // Valid, user, accessed, dirty; writable only if readable.
  if ((bits & 0xf1) !== 0xd1 || (write && !read)) throw new Error(`a page table entry of 0x${word.toString(16)}`);
  return { kind: 'frame', object, rights: write ? 'read-write' : read ? 'read' : 'none', executable };
}
