// SchedControl and SchedContext: budgets, and who has them.
// Source: seL4 manual, "Scheduling Contexts"; object-api.xml.

import { label } from '../abi/invocation-labels.ts';
import { minRefills, refillBytes, schedContextHeaderBytes } from '../abi/limits.ts';
import { schedContextFlag } from '../abi/rights.ts';
import {
  bindThread,
  checkBudgetOf,
  completeYield,
  schedContext,
  takeConsumed,
  unbindNotificationFrom,
  unbindThread,
} from './contexts.ts';
import { illegalOperation, invalidCapability, type Outcome, rangeError, truncatedMessage } from './fault.ts';
import type { Invocation } from './invocation.ts';
import { isConfigured, isReady, type Parameters, refillAnew, refillUpdate } from './refills.ts';
import {
  canRun,
  chooseAnew,
  commit,
  dequeue,
  isBlocked,
  isSchedulable,
  queueFirst,
  unpostpone,
  wake,
} from './schedule.ts';
import { type ObjectId, type State, thread } from './state.ts';

export function invokeSchedControl(invocation: Invocation): Outcome {
  const { s } = invocation;
  if (invocation.label !== label.SchedControlConfigureFlags) return illegalOperation;
  if (invocation.lacks(5, 1)) return truncatedMessage;
  const { minBudget, ticksPerUs, maxPeriodUs } = s.config;
  const [budget, period] = [invocation.word(0), invocation.word(1)];
  const least = BigInt(minBudget / ticksPerUs);
  for (const us of [budget, period]) if (us < least || us > maxPeriodUs) return rangeError(least, maxPeriodUs);
  if (budget > period) return rangeError(least, period);
  const cap = invocation.cap(0);
  if (cap?.kind !== 'sched-context') return invalidCapability(1);
  const mostRefills = Math.floor((2 ** cap.bits - schedContextHeaderBytes) / refillBytes);
  const extra = invocation.number(2);
  if (extra > mostRefills - minRefills) return rangeError(0, mostRefills - minRefills);
  const ticks = (us: bigint): number => Number(us) * ticksPerUs;
  configure(s, cap.object, { budget: ticks(budget), period: ticks(period), maxRefills: minRefills + extra });
  const sc = schedContext(s, cap.object);
  sc.badge = invocation.word(3);
  sc.sporadic = invocation.flag(4, schedContextFlag.sporadic);
  return 'done';
}

function configure(s: State, context: ObjectId, parameters: Parameters): void {
  const sc = schedContext(s, context);
  const id = sc.thread;
  if (id !== null) {
    unpostpone(s, id);
    dequeue(s, id);
    if (context === s.currentContext) commit(s);
  }
  if (parameters.budget === parameters.period) {
    // All of the time: its threads take turns with others of their priority.
    refillAnew(s, sc, { ...parameters, period: 0, maxRefills: minRefills });
  } else if (isConfigured(sc) && id !== null && canRun(thread(s, id))) {
    refillUpdate(s, sc, parameters);
  } else {
    refillAnew(s, sc, parameters);
  }
  if (id === null) return;
  checkBudgetOf(s, id);
  if (id === s.current) chooseAnew(s);
  else if (canRun(thread(s, id))) wake(s, id);
}

export function invokeSchedContext(invocation: Invocation, context: ObjectId): Outcome {
  const { s } = invocation;
  const sc = schedContext(s, context);
  switch (invocation.label) {
    case label.SchedContextConsumed:
      return { words: [takeConsumed(s, context)] };
    case label.SchedContextBind:
      return bind(invocation, context);
    case label.SchedContextUnbindObject:
      return unbindObject(invocation, context);
    case label.SchedContextUnbind:
      if (sc.thread === s.current) return illegalOperation;
      unbindThread(s, context);
      unbindNotificationFrom(s, context);
      sc.callers = [];
      return 'done';
    case label.SchedContextYieldTo:
      return yieldTo(s, context);
    default:
      return illegalOperation;
  }
}
function bind(invocation: Invocation, context: ObjectId): Outcome {
  const { s } = invocation;
  if (invocation.lacks(0, 1)) return truncatedMessage;
  const cap = invocation.cap(0);
  const sc = schedContext(s, context);
  if (cap?.kind === 'tcb') {
    const t = thread(s, cap.object);
    if (sc.thread !== null || t.schedContext !== null) return illegalOperation;
    if (isBlocked(t) && !(isConfigured(sc) && isReady(s, sc))) return illegalOperation;
    bindThread(s, context, cap.object);
    return 'done';
  }
  if (cap?.kind !== 'notification') return invalidCapability(1);
  const ntfn = s.notifications[cap.object]!;
  if (sc.notification !== null || ntfn.schedContext !== null) return illegalOperation;
  ntfn.schedContext = context;
  sc.notification = cap.object;
  return 'done';
}
function unbindObject(invocation: Invocation, context: ObjectId): Outcome {
  const { s } = invocation;
  if (invocation.lacks(0, 1)) return truncatedMessage;
  const cap = invocation.cap(0);
  const sc = schedContext(s, context);
  if (cap?.kind === 'tcb') {
    if (sc.thread !== cap.object || sc.thread === s.current) return illegalOperation;
    unbindThread(s, context);
    return 'done';
  }
  if (cap?.kind !== 'notification') return invalidCapability(1);
  if (sc.notification !== cap.object) return illegalOperation;
  unbindNotificationFrom(s, context);
  return 'done';
}

/** The thread of a context runs next, if it may; its time is told to the caller when that runs again, or now. */
function yieldTo(s: State, context: ObjectId): Outcome {
  const sc = schedContext(s, context);
  const id = sc.thread;
  const self = s.current!;
  if (id === null || id === self || thread(s, id).priority > thread(s, self).mcp) return illegalOperation;
  if (sc.yieldsFrom !== null) completeYield(s, sc.yieldsFrom);
  checkBudgetOf(s, id);
  if (!isSchedulable(s, id)) return { words: [takeConsumed(s, context)] };
  dequeue(s, id);
  if (thread(s, id).priority < thread(s, self).priority) {
    queueFirst(s, id);
    return { words: [takeConsumed(s, context)] };
  }
  thread(s, self).yieldsTo = context;
  sc.yieldsFrom = self;
  queueFirst(s, self);
  queueFirst(s, id);
  chooseAnew(s);
  return 'done';
}
