// Scheduling contexts: binding them to threads and notifications, and handing them along a chain of calls and back.
// Source: seL4 manual, "Scheduling Contexts", "Passive Threads", "Reply Objects".

import { answer } from './message.ts';
import { isReady, suffices, unblock } from './refills.ts';
import {
  become,
  chooseAnew,
  contextOf,
  dequeue,
  isSchedulable,
  postpone,
  queueFirst,
  reconsider,
  unpostpone,
} from './schedule.ts';
import { inactive, type ObjectId, type SchedContext, type State, thread } from './state.ts';

export const schedContext = (s: State, id: ObjectId): SchedContext => s.schedContexts[id]!;

/** A thread was blocked and goes on: a sporadic context that isn't in use counts from now. */
export function unblockContextOf(s: State, id: ObjectId): void {
  const { schedContext: own } = thread(s, id);
  if (own !== null && own !== s.currentContext && schedContext(s, own).sporadic) unblock(s, schedContext(s, own));
}
/** A thread that could run waits for budget if it has none. */
export function checkBudgetOf(s: State, id: ObjectId): void {
  if (!isSchedulable(s, id)) return;
  const sc = contextOf(s, thread(s, id))!;
  if (!isReady(s, sc) || !suffices(s, sc)) postpone(s, id);
}

export function bindThread(s: State, context: ObjectId, id: ObjectId): void {
  thread(s, id).schedContext = context;
  schedContext(s, context).thread = id;
  unblockContextOf(s, id);
  checkBudgetOf(s, id);
  if (!isSchedulable(s, id)) return;
  queueFirst(s, id);
  chooseAnew(s);
}
export function unbindThread(s: State, context: ObjectId): void {
  const sc = schedContext(s, context);
  const id = sc.thread;
  if (id === null) return;
  if (id === s.current) chooseAnew(s);
  dequeue(s, id);
  unpostpone(s, id);
  thread(s, id).schedContext = null;
  sc.thread = null;
}
export function unbindNotificationFrom(s: State, context: ObjectId): void {
  const sc = schedContext(s, context);
  if (sc.notification !== null) s.notifications[sc.notification]!.schedContext = null;
  sc.notification = null;
}

/** Takes a context from whoever has it. */
export function donate(s: State, context: ObjectId, to: ObjectId): void {
  const sc = schedContext(s, context);
  const from = sc.thread;
  if (from !== null) {
    dequeue(s, from);
    unpostpone(s, from);
    thread(s, from).schedContext = null;
    if (from === s.current || from === s.next) chooseAnew(s);
  }
  sc.thread = to;
  thread(s, to).schedContext = context;
}

// Calls.

/** A thread no longer waits with a reply object: neither for a message, nor for the answer to its own. */
export function leaveReply(s: State, id: ObjectId): void {
  const { activity } = thread(s, id);
  if ((activity.kind !== 'receiving' && activity.kind !== 'calling') || activity.reply === null) return;
  s.replies[activity.reply]!.thread = null;
  become(s, id, inactive);
}
/** The context whose chain of calls a reply object is in, and how deep. */
function chainOf(s: State, reply: ObjectId): { context: ObjectId; callers: ObjectId[]; at: number } | null {
  for (const [context, { callers }] of Object.entries(s.schedContexts)) {
    const at = callers.indexOf(reply);
    if (at >= 0) return { context: Number(context), callers, at };
  }
  return null;
}

/** A caller waits for the answer; if it donates, the callee runs on its context. */
export function pushCall(s: State, caller: ObjectId, callee: ObjectId, reply: ObjectId, donates: boolean): void {
  s.replies[reply]!.thread = caller;
  thread(s, caller).activity = { kind: 'calling', reply };
  reconsider(s, caller);
  const context = thread(s, caller).schedContext;
  if (context === null || !donates || thread(s, callee).schedContext !== null) return;
  schedContext(s, context).callers.push(reply);
  donate(s, context, callee);
}
/** The answer comes, or the reply object goes: the context that was passed on last returns with it. */
export function popCall(s: State, reply: ObjectId): void {
  const caller = s.replies[reply]!.thread!;
  const chain = chainOf(s, reply);
  const isLast = chain !== null && chain.at === chain.callers.length - 1;
  // Those before one that leaves from the middle have lost their way to the context.
  if (chain !== null) chain.callers.splice(isLast ? chain.at : 0, isLast ? 1 : chain.at + 1);
  if (isLast && thread(s, caller).schedContext === null) donate(s, chain.context, caller);
  leaveReply(s, caller);
}
/** The caller gives up waiting: nothing returns to it, nor to those before it. */
export function abandonCall(s: State, caller: ObjectId): void {
  const { activity } = thread(s, caller);
  if (activity.kind !== 'calling') return;
  const chain = chainOf(s, activity.reply);
  if (chain !== null) chain.callers.splice(0, chain.at + 1);
  leaveReply(s, caller);
}

// Consumed time.

/** Time used since this was last asked, in µs. */
export function takeConsumed(s: State, context: ObjectId): bigint {
  const sc = schedContext(s, context);
  const us = Math.floor(sc.consumed / s.config.ticksPerUs);
  sc.consumed = 0;
  return BigInt(us);
}
/** A yield to a context is over: the yielder learns how much it used. */
export function completeYield(s: State, yielder: ObjectId): void {
  const { yieldsTo } = thread(s, yielder);
  if (yieldsTo === null) return;
  answer(s, yielder, 0, [takeConsumed(s, yieldsTo)]);
  cancelYield(s, yielder);
}
export function cancelYield(s: State, yielder: ObjectId): void {
  const t = thread(s, yielder);
  if (t.yieldsTo === null) return;
  schedContext(s, t.yieldsTo).yieldsFrom = null;
  t.yieldsTo = null;
}
