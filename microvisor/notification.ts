// Notifications: words of bits that merge until someone takes them.

import { callRegister } from './abi/system-calls.ts';
import { cancelIPC, dequeueWaiter } from './cancel-ipc.ts';
import type { Kernel } from './kernel.ts';
import { type Notification, type NotificationCap, notificationState, type Tcb, threadState } from './objects.ts';
import { schedContextDonate, schedContextResume, unblockCheck } from './sched-context.ts';
import { isSchedulable, possibleSwitchTo, rescheduleRequired, scheduleTCB, setThreadState } from './scheduler.ts';
import { insertByPriority } from './tcb-queue.ts';

/** A passive thread that a notification wakes runs on the notification's context. */
function maybeDonateSchedContext(kernel: Kernel, tcb: Tcb, notification: Notification): void {
  const sc = notification.schedContext;
  if (tcb.schedContext !== null || sc === null || sc.tcb !== null) return;
  schedContextDonate(kernel, sc, tcb);
  schedContextResume(kernel, sc);
}
/** The current thread waits again, and gives the notification's context back. */
export function maybeReturnSchedContext(kernel: Kernel, notification: Notification, tcb: Tcb): void {
  const sc = notification.schedContext;
  if (sc === null || sc !== tcb.schedContext) return;
  tcb.schedContext = null;
  sc.tcb = null;
  rescheduleRequired(kernel);
}

function wake(kernel: Kernel, notification: Notification, tcb: Tcb, badge: bigint): void {
  setThreadState(kernel, tcb, threadState.running);
  tcb.context.setX(callRegister.badge, badge);
  maybeDonateSchedContext(kernel, tcb, notification);
  if (isSchedulable(tcb)) possibleSwitchTo(kernel, tcb);
  unblockCheck(kernel, tcb.schedContext);
}

export function sendSignal(kernel: Kernel, notification: Notification, badge: bigint): void {
  kernel.charge(kernel.costs.ipc);
  const bound = notification.boundTcb;
  if (notification.state === notificationState.active) {
    notification.messageIdentifier |= badge;
  } else if (notification.state === notificationState.waiting) {
    const tcb = notification.queue.head!;
    dequeueWaiter(tcb, notification);
    wake(kernel, notification, tcb, badge);
  } else if (bound !== null && bound.state === threadState.blockedOnReceive) {
    cancelIPC(kernel, bound);
    wake(kernel, notification, bound, badge);
  } else {
    notification.state = notificationState.active;
    notification.messageIdentifier = badge;
  }
}

/** Wait and NBWait on a notification. */
export function receiveSignal(kernel: Kernel, tcb: Tcb, cap: NotificationCap, isBlocking: boolean): void {
  const { notification } = cap;
  if (notification.state === notificationState.active) {
    completeSignal(kernel, notification, tcb);
    return;
  }
  if (!isBlocking) {
    tcb.context.setX(callRegister.badge, 0n);
    return;
  }
  tcb.state = threadState.blockedOnNotification;
  tcb.blockingObject = notification;
  scheduleTCB(kernel, tcb);
  insertByPriority(notification.queue, tcb);
  notification.state = notificationState.waiting;
  maybeReturnSchedContext(kernel, notification, tcb);
}

/** A thread takes the signal of an active notification; one that receives from an endpoint, of the notification that it is bound to. */
export function completeSignal(kernel: Kernel, notification: Notification, tcb: Tcb): void {
  tcb.context.setX(callRegister.badge, notification.messageIdentifier);
  notification.state = notificationState.idle;
  maybeDonateSchedContext(kernel, tcb, notification);
  unblockCheck(kernel, tcb.schedContext);
}

export function unbindNotification(tcb: Tcb): void {
  if (tcb.boundNotification !== null) tcb.boundNotification.boundTcb = null;
  tcb.boundNotification = null;
}
