// Taking a blocked thread out of whatever it waits for.

import type { Kernel } from './kernel.ts';
import type { Endpoint, Notification, Tcb } from './objects.ts';
import { endpointState, threadState } from './objects.ts';
import { replyRemoveTcb, replyUnlink } from './reply.ts';
import { unblockCheck } from './sched-context.ts';
import { possibleSwitchTo, rescheduleRequired, setThreadState } from './scheduler.ts';
import { remove } from './tcb-queue.ts';

/** Takes a thread out of the queue in which it waits; what nobody waits for is idle, endpoint and notification alike. */
export function dequeueWaiter(tcb: Tcb, object: Endpoint | Notification): void {
  remove(object.queue, tcb);
  if (object.queue.head === null) object.state = endpointState.idle;
}

/** Virtual harts in WFI leave the queue of virtual timers. */
export function cancelVirtualTimer(kernel: Kernel, tcb: Tcb): void {
  for (const { virtualTimers } of kernel.nodes) {
    const at = virtualTimers.indexOf(tcb);
    if (at >= 0) virtualTimers.splice(at, 1);
  }
  tcb.vcpu!.wakeAt = Infinity;
}

/** Afterwards the thread is inactive, if it was blocked; its fault is forgotten in any case. */
export function cancelIPC(kernel: Kernel, tcb: Tcb): void {
  tcb.fault = null;
  switch (tcb.state) {
    case threadState.blockedOnSend:
    case threadState.blockedOnReceive:
    case threadState.blockedOnNotification:
      dequeueWaiter(tcb, tcb.blockingObject!);
      // Only receivers have one.
      if (tcb.replyObject !== null) replyUnlink(kernel, tcb.replyObject, tcb);
      setThreadState(kernel, tcb, threadState.inactive);
      return;
    case threadState.blockedOnReply:
      replyRemoveTcb(kernel, tcb);
      return;
    case threadState.waitingForInterrupt:
      cancelVirtualTimer(kernel, tcb);
      setThreadState(kernel, tcb, threadState.inactive);
  }
}

/** Those who wait, of those that `which` names, start their system call again; who waits for the answer to a fault stops. */
function cancelWaiters(kernel: Kernel, object: Endpoint | Notification, which: (tcb: Tcb) => boolean): void {
  for (let tcb = object.queue.head; tcb !== null; ) {
    const { next }: Tcb = tcb;
    if (which(tcb)) {
      dequeueWaiter(tcb, object);
      if (tcb.replyObject !== null) replyUnlink(kernel, tcb.replyObject, tcb);
      setThreadState(kernel, tcb, tcb.fault === null ? threadState.restart : threadState.inactive);
      if (tcb.fault === null) {
        unblockCheck(kernel, tcb.schedContext);
        possibleSwitchTo(kernel, tcb);
      }
    }
    tcb = next;
  }
  rescheduleRequired(kernel);
}

/** An endpoint or notification goes (seL4's cancelAllIPC, cancelAllSignals). */
export function cancelAll(kernel: Kernel, object: Endpoint | Notification): void {
  if (object.queue.head !== null) cancelWaiters(kernel, object, () => true);
}

/** Those that send with a badge give up, so that the badge can be used for someone else. */
export function cancelBadgedSends(kernel: Kernel, endpoint: Endpoint, badge: bigint): void {
  if (endpoint.state === endpointState.send) {
    cancelWaiters(kernel, endpoint, ({ blockingBadge }) => blockingBadge === badge);
  }
}
