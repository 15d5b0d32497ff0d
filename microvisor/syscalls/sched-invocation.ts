// Invocations of SchedControl and SchedContext.

import { label } from '../abi/invocation-labels.ts';
import { minRefills } from '../abi/limits.ts';
import { schedContextFlag } from '../abi/rights.ts';
import type { Kernel } from '../kernel.ts';
import { capType, type SchedContext, type SchedContextCap, type SchedControlCap } from '../objects.ts';
import { Answer, done, type Outcome, refusal } from '../outcome.ts';
import {
  schedContextBindNtfn,
  schedContextBindTCB,
  schedContextResume,
  schedContextUnbindAllTCBs,
  schedContextUnbindNtfn,
  schedContextUnbindReply,
  schedContextUnbindTCB,
  schedContextUpdateConsumed,
} from '../sched-context.ts';
import {
  commitTime,
  enqueue,
  isBlocked,
  isRunnable,
  isSchedulable,
  possibleSwitchTo,
  remoteTCBStall,
  rescheduleRequired,
  tcbReleaseRemove,
  tcbSchedDequeue,
  tcbSchedEnqueue,
} from '../scheduler.ts';
import { isActive, isReleased, refillAbsoluteMax, refillNew, refillUpdate } from '../sporadic.ts';
import { schedContextCompleteYieldTo } from '../yield-to.ts';
import type { Invocation } from './invocation.ts';

/** The longest period, in µs: an eighth of what timer ticks can count. */
const maxPeriodUs = (kernel: Kernel): bigint => (2n ** 64n - 1n) / BigInt(kernel.config.timebaseHz / 1_000_000) / 8n;

export function decodeSchedControlInvocation(invocation: Invocation, cap: SchedControlCap): Outcome {
  const { kernel } = invocation;
  if (invocation.label !== label.SchedControlConfigureFlags) return refusal.illegalOperation;
  if (invocation.lacks(5, 1)) return refusal.truncatedMessage;
  const budgetUs = invocation.word(0);
  const periodUs = invocation.word(1);
  const least = BigInt(kernel.minBudgetUs);
  const most = maxPeriodUs(kernel);
  if (budgetUs > most || periodUs > most || budgetUs < least || periodUs < least)
    return refusal.rangeError(least, most);
  if (budgetUs > periodUs) return refusal.rangeError(least, periodUs);
  const target = invocation.extraCap(0);
  if (target.type !== capType.schedContext) return refusal.invalidCapability(1);
  const extraRefills = invocation.number(2);
  const mostRefills = refillAbsoluteMax(target.schedContext) - minRefills;
  if (extraRefills > mostRefills) return refusal.rangeError(0, mostRefills);
  const sc = target.schedContext;
  configure(kernel, sc, cap.core, {
    budget: kernel.usToTicks(Number(budgetUs)),
    period: kernel.usToTicks(Number(periodUs)),
    isRoundRobin: budgetUs === periodUs,
    maxRefills: extraRefills + minRefills,
  });
  sc.badge = invocation.word(3);
  sc.sporadic = (Number(invocation.word(4) & 1n) & schedContextFlag.sporadic) !== 0;
  return done;
}

function configure(
  kernel: Kernel,
  sc: SchedContext,
  core: number,
  parameters: { budget: number; period: number; isRoundRobin: boolean; maxRefills: number },
): void {
  const { budget, period, maxRefills } = parameters;
  const { tcb } = sc;
  if (tcb !== null) {
    remoteTCBStall(kernel, tcb);
    tcbReleaseRemove(kernel, tcb);
    tcbSchedDequeue(kernel, tcb);
    if (kernel.node.currentSchedContext === sc) commitTime(kernel);
  }
  if (parameters.isRoundRobin) {
    refillNew(kernel, sc, minRefills, budget, 0);
  } else if (core === sc.core && isActive(sc) && tcb !== null && isRunnable(tcb)) {
    refillUpdate(kernel, sc, period, budget, maxRefills);
  } else {
    refillNew(kernel, sc, maxRefills, budget, period);
  }
  sc.core = core;
  if (tcb === null) return;
  tcb.affinity = core;
  schedContextResume(kernel, sc);
  if (core !== kernel.node.id) {
    if (isRunnable(tcb) && !tcb.inReleaseQueue) enqueue(kernel, tcb);
  } else if (isRunnable(tcb) && tcb !== kernel.node.current) {
    possibleSwitchTo(kernel, tcb);
  }
  if (tcb === kernel.node.current) rescheduleRequired(kernel);
}

export function decodeSchedContextInvocation(invocation: Invocation, cap: SchedContextCap): Outcome {
  const { kernel } = invocation;
  const sc = cap.schedContext;
  if (sc.tcb !== null) remoteTCBStall(kernel, sc.tcb);
  switch (invocation.label) {
    case label.SchedContextConsumed:
      return new Answer([schedContextUpdateConsumed(kernel, sc)]);
    case label.SchedContextBind:
      return bind(invocation, sc);
    case label.SchedContextUnbindObject:
      return unbindObject(invocation, sc);
    case label.SchedContextUnbind:
      if (sc.tcb === invocation.thread) return refusal.illegalOperation;
      schedContextUnbindAllTCBs(kernel, sc);
      schedContextUnbindNtfn(sc);
      schedContextUnbindReply(sc);
      return done;
    case label.SchedContextYieldTo:
      return yieldTo(invocation, sc);
    default:
      return refusal.illegalOperation;
  }
}

function bind(invocation: Invocation, sc: SchedContext): Outcome {
  const { kernel } = invocation;
  if (invocation.extraCapCount < 1) return refusal.truncatedMessage;
  const cap = invocation.extraCap(0);
  switch (cap.type) {
    case capType.thread:
      if (sc.tcb !== null || cap.tcb.schedContext !== null) return refusal.illegalOperation;
      if (isBlocked(cap.tcb) && !isReleased(kernel, sc)) return refusal.illegalOperation;
      schedContextBindTCB(kernel, sc, cap.tcb);
      return done;
    case capType.notification:
      if (sc.notification !== null || cap.notification.schedContext !== null) return refusal.illegalOperation;
      schedContextBindNtfn(sc, cap.notification);
      return done;
    default:
      return refusal.invalidCapability(1);
  }
}

function unbindObject(invocation: Invocation, sc: SchedContext): Outcome {
  if (invocation.extraCapCount < 1) return refusal.truncatedMessage;
  const cap = invocation.extraCap(0);
  switch (cap.type) {
    case capType.thread:
      if (sc.tcb !== cap.tcb || sc.tcb === invocation.thread) return refusal.illegalOperation;
      schedContextUnbindTCB(invocation.kernel, sc);
      return done;
    case capType.notification:
      if (sc.notification !== cap.notification) return refusal.illegalOperation;
      schedContextUnbindNtfn(sc);
      return done;
    default:
      return refusal.invalidCapability(1);
  }
}

function yieldTo(invocation: Invocation, sc: SchedContext): Outcome {
  const { kernel, thread } = invocation;
  const { tcb } = sc;
  if (tcb === null || tcb === thread) return refusal.illegalOperation;
  if (tcb.priority > thread.maxControlledPriority || thread.yieldTo !== null) return refusal.illegalOperation;
  if (sc.yieldFrom !== null) schedContextCompleteYieldTo(kernel, sc.yieldFrom);
  schedContextResume(kernel, sc);
  if (!isSchedulable(tcb)) return new Answer([schedContextUpdateConsumed(kernel, sc)]);
  tcbSchedDequeue(kernel, tcb);
  if (sc.core !== kernel.node.id || tcb.priority < thread.priority) {
    enqueue(kernel, tcb);
    return new Answer([schedContextUpdateConsumed(kernel, sc)]);
  }
  thread.yieldTo = sc;
  sc.yieldFrom = thread;
  tcbSchedEnqueue(kernel, thread);
  tcbSchedEnqueue(kernel, tcb);
  rescheduleRequired(kernel);
  return done;
}
