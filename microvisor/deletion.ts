// Deleting capabilities: what goes when the last one to an object goes, and how that stays preemptible. A CNode or TCB becomes a
// zombie that shrinks slot by slot, so that deletion can stop after any slot: whatever returns false was preempted.

import { deleteASID, deleteASIDPool, findVSpaceForASID, unmapPage, unmapPageTable } from './address-space.ts';
import { preemptionPoint } from './budget.ts';
import { cancelAll, cancelIPC } from './cancel-ipc.ts';
import { cteSwap, isFinalCapability, isMDBParentOf, unlink } from './cspace/derivation.ts';
import { irqState, type Kernel } from './kernel.ts';
import { unbindNotification } from './notification.ts';
import { type Cap, type Capability, capType, type Slot, type Tcb, tcbSlot, threadState } from './objects.ts';
import { replyRemove } from './reply.ts';
import { schedContextUnbindAll, schedContextUnbindNtfn, schedContextUnbindTCB } from './sched-context.ts';
import { remoteTCBStall } from './scheduler.ts';
import { suspend } from './tcb.ts';
import { unbindVcpu } from './vcpu.ts';
import { schedContextCompleteYieldTo } from './yield-to.ts';

/** Undoes what a capability stands for. Returns what is left of it: nothing, or a zombie. */
function finaliseCap(kernel: Kernel, slot: Slot): Cap<'zombie'> | null {
  const { cap } = slot;
  if (cap.type === capType.zombie) return cap;
  if (cap.type === capType.frame) unmapPage(kernel, cap);
  return isFinalCapability(slot) ? finaliseObject(kernel, cap) : null;
}

/** The last capability to an object goes. */
function finaliseObject(kernel: Kernel, cap: Capability): Cap<'zombie'> | null {
  switch (cap.type) {
    case capType.endpoint:
      cancelAll(kernel, cap.endpoint);
      return null;
    case capType.notification: {
      const { notification } = cap;
      schedContextUnbindNtfn(notification.schedContext);
      if (notification.boundTcb !== null) unbindNotification(notification.boundTcb);
      cancelAll(kernel, notification);
      return null;
    }
    case capType.reply: {
      const { tcb } = cap.reply;
      if (tcb === null) return null;
      if (tcb.state === threadState.blockedOnReply) replyRemove(kernel, cap.reply, tcb);
      else cancelIPC(kernel, tcb);
      return null;
    }
    case capType.cNode:
      return { type: capType.zombie, node: cap.node, count: 2 ** cap.node.radix };
    case capType.thread:
      finaliseThread(kernel, cap.tcb);
      return { type: capType.zombie, node: cap.tcb.slots, count: tcbSlot.count };
    case capType.schedContext: {
      const { schedContext } = cap;
      schedContextUnbindAll(kernel, schedContext);
      if (schedContext.yieldFrom !== null) schedContextCompleteYieldTo(kernel, schedContext.yieldFrom);
      schedContext.refillMax = 0;
      return null;
    }
    case capType.irqHandler:
      cteDeleteOne(kernel, kernel.irqSlots.slot(cap.irq));
      return null;
    case capType.pageTable: {
      if (!cap.mapped) return null;
      const root = findVSpaceForASID(kernel, cap.asid);
      if (root !== null && root.address === cap.address) deleteASID(kernel, root);
      else unmapPageTable(kernel, cap);
      return null;
    }
    case capType.asidPool:
      deleteASIDPool(kernel, cap.base);
      return null;
    case capType.vcpu:
      if (cap.vcpu.tcb !== null) {
        remoteTCBStall(kernel, cap.vcpu.tcb);
        suspend(kernel, cap.vcpu.tcb);
        unbindVcpu(cap.vcpu);
      }
      return null;
    default:
      return null;
  }
}

function finaliseThread(kernel: Kernel, tcb: Tcb): void {
  remoteTCBStall(kernel, tcb);
  unbindNotification(tcb);
  const sc = tcb.schedContext;
  if (sc !== null) {
    schedContextUnbindTCB(kernel, sc);
    if (sc.yieldFrom !== null) schedContextCompleteYieldTo(kernel, sc.yieldFrom);
  }
  suspend(kernel, tcb);
  if (tcb.vcpu !== null) unbindVcpu(tcb.vcpu);
  tcb.realm = null;
  kernel.freeContext(tcb.context);
  kernel.threads.splice(kernel.threads.indexOf(tcb), 1);
}

/** Deletes a capability. `exposed`: the slot is one that users see; otherwise it lies in a zombie. */
export function cteDelete(kernel: Kernel, slot: Slot, exposed: boolean): boolean {
  while (slot.cap.type !== capType.null) {
    kernel.charge(kernel.costs.revokeStep);
    const zombie = finaliseCap(kernel, slot);
    const liesInItself = zombie?.node.slot(0) === slot;
    if (zombie === null || zombie.count === 0 || (zombie.count === 1 && liesInItself)) {
      emptySlot(kernel, slot);
      return true;
    }
    slot.cap = zombie;
    // It stays, for its owner to find.
    if (!exposed && liesInItself) return true;
    if (!reduceZombie(kernel, slot, zombie, exposed) || !preemptionPoint(kernel)) return false;
  }
  return true;
}

/** Makes a zombie one slot smaller; or moves it to the first of its own slots, where its owner finds it. */
function reduceZombie(kernel: Kernel, slot: Slot, { node, count }: Cap<'zombie'>, exposed: boolean): boolean {
  if (!exposed) {
    const first = node.slot(0);
    cteSwap(first.cap, first, slot.cap, slot);
    return true;
  }
  if (!cteDelete(kernel, node.slot(count - 1), false)) return false;
  // Deleting the slot may have moved or finished this very zombie.
  const { cap } = slot;
  if (cap.type === capType.zombie && cap.node === node && cap.count === count) slot.cap = { ...cap, count: count - 1 };
  return true;
}

/** Removes a capability. With the last to an interrupt's handler the interrupt is free again. */
function emptySlot(kernel: Kernel, slot: Slot): void {
  const { cap } = slot;
  if (cap.type === capType.irqHandler && isFinalCapability(slot)) {
    kernel.irqStates[cap.irq] = irqState.inactive;
    kernel.machine.port.maskInterrupt(cap.irq, true);
  }
  unlink(slot);
}

/** Deletes a capability that takes no long work: to an endpoint, a notification, a reply. */
export function cteDeleteOne(kernel: Kernel, slot: Slot): void {
  if (slot.cap.type === capType.null) return;
  finaliseCap(kernel, slot);
  emptySlot(kernel, slot);
}

/** Deletes all descendants. */
export function cteRevoke(kernel: Kernel, slot: Slot): boolean {
  while (slot.next !== null && isMDBParentOf(slot, slot.next)) {
    if (!cteDelete(kernel, slot.next, true)) return false;
    if (!preemptionPoint(kernel)) return false;
  }
  return true;
}

/** Whether deleting what is in a thread's slot may take long. */
export function slotCapLongRunningDelete(slot: Slot): boolean {
  return slot.cap.type === capType.cNode && isFinalCapability(slot);
}
