// Notifications: signals merge in a word; who waits gets it, with the notification's scheduling context if it has none.
// Source: seL4 manual, "Notifications".

import { checkBudgetOf, donate, unblockContextOf } from './contexts.ts';
import { setBadge } from './message.ts';
import { insertByPriority, removeFrom } from './queue.ts';
import { become, chooseAnew, isSchedulable, reconsider, wake } from './schedule.ts';
import { type Notification, type ObjectId, restart, running, type State, thread } from './state.ts';

const notification = (s: State, id: ObjectId): Notification => s.notifications[id]!;

function lendContext(s: State, id: ObjectId, to: ObjectId): void {
  const context = notification(s, id).schedContext;
  if (thread(s, to).schedContext !== null || context === null || s.schedContexts[context]!.thread !== null) return;
  donate(s, context, to);
  checkBudgetOf(s, to);
}
/** A thread that runs on a notification's context gives it back before it waits. */
export function returnContext(s: State, id: ObjectId, from: ObjectId): void {
  const context = notification(s, id).schedContext;
  const t = thread(s, from);
  if (context === null || t.schedContext !== context) return;
  t.schedContext = null;
  s.schedContexts[context]!.thread = null;
  if (from === s.current) chooseAnew(s);
}

/** A thread that was waiting gets the badge and goes on. */
function deliver(s: State, id: ObjectId, to: ObjectId, badge: bigint): void {
  become(s, to, running);
  setBadge(thread(s, to), badge);
  lendContext(s, id, to);
  if (isSchedulable(s, to)) wake(s, to);
  unblockContextOf(s, to);
}

/** `stopReceiving` ends what the bound thread waits for at an endpoint. */
export function signal(s: State, id: ObjectId, badge: bigint, stopReceiving: (id: ObjectId) => void): void {
  const ntfn = notification(s, id);
  if (ntfn.signalled !== null) {
    ntfn.signalled |= badge;
  } else if (ntfn.waiters.length > 0) {
    deliver(s, id, ntfn.waiters.shift()!, badge);
  } else if (ntfn.thread !== null && thread(s, ntfn.thread).activity.kind === 'receiving') {
    stopReceiving(ntfn.thread);
    deliver(s, id, ntfn.thread, badge);
  } else {
    ntfn.signalled = badge;
  }
}

/** Takes what has been signalled. */
export function collect(s: State, id: ObjectId, by: ObjectId): void {
  const ntfn = notification(s, id);
  setBadge(thread(s, by), ntfn.signalled!);
  ntfn.signalled = null;
  lendContext(s, id, by);
  unblockContextOf(s, by);
}
export function waitFor(s: State, id: ObjectId, by: ObjectId, blocking: boolean): void {
  const ntfn = notification(s, id);
  if (ntfn.signalled !== null) {
    collect(s, id, by);
  } else if (blocking) {
    thread(s, by).activity = { kind: 'waiting', notification: id };
    reconsider(s, by);
    insertByPriority(s, ntfn.waiters, by);
    returnContext(s, id, by);
  } else {
    setBadge(thread(s, by), 0n);
  }
}

/** The notification goes: those that wait start their system call again, and find it gone. */
export function cancelWaits(s: State, id: ObjectId): void {
  const { waiters } = notification(s, id);
  if (waiters.length === 0) return;
  for (const waiter of [...waiters]) {
    removeFrom(waiters, waiter);
    become(s, waiter, restart);
    unblockContextOf(s, waiter);
    wake(s, waiter);
  }
  chooseAnew(s);
}

export function bind(s: State, id: ObjectId, to: ObjectId): void {
  notification(s, id).thread = to;
  thread(s, to).notification = id;
}
export function unbind(s: State, from: ObjectId): void {
  const t = thread(s, from);
  if (t.notification !== null) notification(s, t.notification).thread = null;
  t.notification = null;
}
