// Threads: stopping and starting them, and their priority.
// Source: seL4 manual, "Threads".

import { cancelYield, checkBudgetOf, unblockContextOf } from './contexts.ts';
import { cancel } from './ipc.ts';
import { insertByPriority, removeFrom } from './queue.ts';
import {
  become,
  canRun,
  chooseAnew,
  dequeue,
  isReadyQueued,
  isSchedulable,
  queueFirst,
  unpostpone,
  wake,
} from './schedule.ts';
import { inactive, type ObjectId, restart, type State, thread } from './state.ts';

export function suspend(s: State, id: ObjectId): void {
  cancel(s, id);
  const t = thread(s, id);
  // A thread that was running has finished its system call: it must not start it again.
  if (t.activity.kind === 'running') t.restartPc = t.pc;
  dequeue(s, id);
  unpostpone(s, id);
  cancelYield(s, id);
  become(s, id, inactive);
}
export function resume(s: State, id: ObjectId): void {
  if (canRun(thread(s, id))) return;
  cancel(s, id);
  become(s, id, restart);
  unblockContextOf(s, id);
  checkBudgetOf(s, id);
  if (isSchedulable(s, id)) wake(s, id);
}

/** The queue that a thread waits in, if it is an endpoint's or a notification's. */
function queueOf(s: State, id: ObjectId): ObjectId[] | null {
  const { activity } = thread(s, id);
  switch (activity.kind) {
    case 'sending':
      return s.endpoints[activity.endpoint]!.senders;
    case 'receiving':
      return s.endpoints[activity.endpoint]!.receivers;
    case 'waiting':
      return s.notifications[activity.notification]!.waiters;
    default:
      return null;
  }
}
export function setPriority(s: State, id: ObjectId, priority: number): void {
  const t = thread(s, id);
  if (canRun(t) && (isReadyQueued(s, id) || id === s.current)) {
    dequeue(s, id);
    t.priority = priority;
    queueFirst(s, id);
    chooseAnew(s);
    return;
  }
  t.priority = priority;
  const queue = queueOf(s, id);
  if (queue === null) return;
  removeFrom(queue, id);
  insertByPriority(s, queue, id);
}
