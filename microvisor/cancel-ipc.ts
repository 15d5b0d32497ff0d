// Taking a blocked thread out of whatever it waits for.

import type { Kernel } from './kernel.ts';
import {
  type Endpoint,
  endpointState,
  type Notification,
  notificationState,
  type Tcb,
  threadState,
} from './objects.ts';
import { replyRemoveTcb, replyUnlink } from './reply.ts';
import { setThreadState } from './scheduler.ts';
import { remove } from './tcb-queue.ts';

export function tcbEPDequeue(tcb: Tcb, endpoint: Endpoint): void {
  remove(endpoint.queue, tcb);
  if (endpoint.queue.head === null) endpoint.state = endpointState.idle;
}
export function tcbNTFNDequeue(tcb: Tcb, notification: Notification): void {
  remove(notification.queue, tcb);
  if (notification.queue.head === null) notification.state = notificationState.idle;
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
      tcbEPDequeue(tcb, tcb.blockingObject as Endpoint);
      // Only receivers have one.
      if (tcb.replyObject !== null) replyUnlink(kernel, tcb.replyObject, tcb);
      setThreadState(kernel, tcb, threadState.inactive);
      return;
    case threadState.blockedOnNotification:
      tcbNTFNDequeue(tcb, tcb.blockingObject as Notification);
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
