// Queues of threads: their links, and who is in them.

import type { Endpoint, Notification, Tcb, TcbQueue } from '../objects.ts';
import { nameOf } from './names.ts';
import { violated } from './violation.ts';

/** Whose queue it is, or which. */
export type QueueOwner = Endpoint | Notification | string;
/** Which queue each thread is in, as the sweep finds them; a thread is in at most one. */
export type Queued = Map<Tcb, QueueOwner>;

export const nameOfQueue = (owner: QueueOwner | undefined): string =>
  owner === undefined ? 'no queue' : typeof owner === 'string' ? owner : `the queue of ${nameOf(owner)}`;

/** Checks the links of a queue and enters its members into `queued`. */
export function checkQueue(queue: TcbQueue, owner: QueueOwner, queued: Queued): void {
  let prev: Tcb | null = null;
  for (let tcb = queue.head; tcb !== null; tcb = tcb.next) {
    if (tcb.prev !== prev) violated('queue', `${nameOf(tcb)} in ${nameOfQueue(owner)} does not know who is before it`);
    const other = queued.get(tcb);
    if (other !== undefined)
      violated('queue', `${nameOf(tcb)} is in ${nameOfQueue(owner)} and in ${nameOfQueue(other)}`);
    queued.set(tcb, owner);
    prev = tcb;
  }
  if (queue.end !== prev)
    violated('queue', `${nameOfQueue(owner)} ends with ${nameOf(queue.end)} and not with ${nameOf(prev)}`);
}

/** Most urgent first. */
export function checkPriorityOrder(queue: TcbQueue, owner: QueueOwner): void {
  for (let tcb = queue.head; tcb?.next != null; tcb = tcb.next) {
    if (tcb.priority < tcb.next.priority)
      violated('queue', `${nameOf(tcb)} waits in ${nameOfQueue(owner)} before ${nameOf(tcb.next)}`);
  }
}
