// Endpoints and notifications: their states, and who waits for them.

import {
  type Endpoint,
  endpointState,
  type Notification,
  notificationState,
  type Tcb,
  type ThreadState,
  threadState,
} from '../objects.ts';
import type { Inventory } from './inventory.ts';
import { nameOf, nameOfState } from './names.ts';
import { checkPriorityOrder, checkQueue, type Queued } from './queue.ts';
import { violated } from './violation.ts';

export function checkEndpoint(endpoint: Endpoint, queued: Queued): void {
  const { queue, state } = endpoint;
  if ((state === endpointState.idle) !== (queue.head === null)) {
    violated('endpoint', `${nameOf(endpoint)} is in state ${state}, and ${nameOf(queue.head)} waits`);
  }
  if (queue.head === null && queue.end === null) return;
  checkQueue(queue, endpoint, queued);
  checkPriorityOrder(queue, endpoint);
  checkWaiters(
    queue.head,
    endpoint,
    state === endpointState.send ? threadState.blockedOnSend : threadState.blockedOnReceive,
  );
}

function checkWaiters(head: Tcb | null, object: Endpoint | Notification, state: ThreadState): void {
  for (let tcb = head; tcb !== null; tcb = tcb.next) {
    if (tcb.state === state && tcb.blockingObject === object) continue;
    violated('waiting', `${nameOf(tcb)} is in the queue of ${nameOf(object)}, but ${nameOfState(tcb)}`);
  }
}

export function checkNotification(notification: Notification, queued: Queued, inventory: Inventory): void {
  const { queue, state, boundTcb, schedContext } = notification;
  if ((state === notificationState.waiting) !== (queue.head !== null)) {
    violated('notification', `${nameOf(notification)} is in state ${state}, and ${nameOf(queue.head)} waits`);
  }
  if (queue.head !== null || queue.end !== null) {
    checkQueue(queue, notification, queued);
    checkPriorityOrder(queue, notification);
    checkWaiters(queue.head, notification, threadState.blockedOnNotification);
  }
  inventory.checkAlive(boundTcb, notification);
  inventory.checkAlive(schedContext, notification);
  if (boundTcb !== null) {
    if (boundTcb.boundNotification !== notification) {
      violated('notification', `${nameOf(notification)} is bound to ${nameOf(boundTcb)}, which does not know`);
    }
    // Nobody else may wait for a bound notification.
    if (queue.head !== null && (queue.head !== boundTcb || queue.end !== boundTcb)) {
      violated('notification', `${nameOf(queue.head)} waits for ${nameOf(notification)}, bound to ${nameOf(boundTcb)}`);
    }
  }
  if (schedContext !== null && schedContext.notification !== notification) {
    violated('notification', `${nameOf(notification)} has ${nameOf(schedContext)}, which does not know`);
  }
}
