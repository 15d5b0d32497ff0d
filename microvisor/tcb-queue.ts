// Queues of threads: ready and release queues, and those of endpoints and notifications.

import type { Tcb, TcbQueue } from './objects.ts';

export function prepend(queue: TcbQueue, tcb: Tcb): void {
  if (queue.head === null) {
    queue.end = tcb;
  } else {
    tcb.next = queue.head;
    queue.head.prev = tcb;
  }
  queue.head = tcb;
}

export function append(queue: TcbQueue, tcb: Tcb): void {
  if (queue.end === null) {
    queue.head = tcb;
  } else {
    tcb.prev = queue.end;
    queue.end.next = tcb;
  }
  queue.end = tcb;
}

export function insertBefore(queue: TcbQueue, tcb: Tcb, after: Tcb): void {
  if (after.prev === null) {
    prepend(queue, tcb);
    return;
  }
  tcb.prev = after.prev;
  tcb.next = after;
  after.prev.next = tcb;
  after.prev = tcb;
}

export function remove(queue: TcbQueue, tcb: Tcb): void {
  if (tcb.prev === null) queue.head = tcb.next;
  else tcb.prev.next = tcb.next;
  if (tcb.next === null) queue.end = tcb.prev;
  else tcb.next.prev = tcb.prev;
  tcb.next = null;
  tcb.prev = null;
}

/** Inserts behind all that are at least as urgent: queues of endpoints and notifications are by priority, then arrival. */
export function insertByPriority(queue: TcbQueue, tcb: Tcb): void {
  let after = queue.end;
  while (after !== null && after.priority < tcb.priority) after = after.prev;
  if (after === null) prepend(queue, tcb);
  else if (after.next === null) append(queue, tcb);
  else insertBefore(queue, tcb, after.next);
}

/** A waiting thread's priority has changed. */
export function reorder(queue: TcbQueue, tcb: Tcb): void {
  remove(queue, tcb);
  insertByPriority(queue, tcb);
}
