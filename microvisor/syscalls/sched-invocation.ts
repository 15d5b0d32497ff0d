// Invocations of SchedControl and SchedContext.

import { minRefills } from '../abi/limits.ts';
import { schedContextFlag } from '../abi/rights.ts';
import type { Kernel } from '../kernel.ts';
import { type Cap, capType } from '../objects.ts';
import { Answer, done, type Result, refusal } from '../outcome.ts';
import {
  schedContextBindTCB,
  schedContextConfigure,
  schedContextUnbindAll,
  schedContextUnbindNtfn,
  schedContextUnbindTCB,
  schedContextUpdateConsumed,
} from '../sched-context.ts';
import { isBlocked } from '../scheduler.ts';
import { isReleased, refillAbsoluteMax } from '../sporadic.ts';
import { schedContextYieldTo } from '../yield-to.ts';
import type { Invocation, Methods } from './invocation.ts';

export const schedControlMethods: Methods<Cap<'schedControl'>> = {
  SchedControlConfigureFlags: [5, 1, configureFlags],
};

/** The longest period, in µs: an eighth of what timer ticks can count. */
const maxPeriodUs = (kernel: Kernel): bigint => (2n ** 64n - 1n) / BigInt(kernel.config.timebaseHz / 1_000_000) / 8n;

function configureFlags(kernel: Kernel, invocation: Invocation, { core }: Cap<'schedControl'>): Result {
  const budgetUs = invocation.word(0);
  const periodUs = invocation.word(1);
  const least = BigInt(kernel.minBudgetUs);
  const most = maxPeriodUs(kernel);
  if (budgetUs > most || periodUs > most || budgetUs < least || periodUs < least) {
    return refusal.rangeError(least, most);
  }
  if (budgetUs > periodUs) return refusal.rangeError(least, periodUs);
  const target = invocation.extraCap(0);
  if (target.type !== capType.schedContext) return refusal.invalidCapability(1);
  const sc = target.schedContext;
  const extraRefills = invocation.number(2);
  const mostRefills = refillAbsoluteMax(sc) - minRefills;
  if (extraRefills > mostRefills) return refusal.rangeError(0, mostRefills);
  const budget = kernel.usToTicks(Number(budgetUs));
  if (budgetUs === periodUs) schedContextConfigure(kernel, sc, core, budget, 0, minRefills);
  else schedContextConfigure(kernel, sc, core, budget, kernel.usToTicks(Number(periodUs)), extraRefills + minRefills);
  sc.badge = invocation.word(3);
  sc.sporadic = (Number(invocation.word(4) & 1n) & schedContextFlag.sporadic) !== 0;
}

export const schedContextMethods: Methods<Cap<'schedContext'>> = {
  SchedContextConsumed: [0, 0, consumed],
  SchedContextBind: [0, 1, bind],
  SchedContextUnbindObject: [0, 1, unbindObject],
  SchedContextUnbind: [0, 0, unbind],
  SchedContextYieldTo: [0, 0, yieldTo],
};

function consumed(kernel: Kernel, _: Invocation, { schedContext }: Cap<'schedContext'>): Result {
  return new Answer([schedContextUpdateConsumed(kernel, schedContext)]);
}

function bind(kernel: Kernel, invocation: Invocation, { schedContext: sc }: Cap<'schedContext'>): Result {
  const cap = invocation.extraCap(0);
  if (cap.type === capType.thread) {
    if (sc.tcb !== null || cap.tcb.schedContext !== null) return refusal.illegalOperation;
    if (isBlocked(cap.tcb) && !isReleased(kernel, sc)) return refusal.illegalOperation;
    schedContextBindTCB(kernel, sc, cap.tcb);
  } else if (cap.type === capType.notification) {
    if (sc.notification !== null || cap.notification.schedContext !== null) return refusal.illegalOperation;
    cap.notification.schedContext = sc;
    sc.notification = cap.notification;
  } else {
    return refusal.invalidCapability(1);
  }
}

function unbindObject(kernel: Kernel, invocation: Invocation, { schedContext: sc }: Cap<'schedContext'>): Result {
  const cap = invocation.extraCap(0);
  if (cap.type === capType.thread) {
    if (sc.tcb !== cap.tcb || sc.tcb === invocation.thread) return refusal.illegalOperation;
    schedContextUnbindTCB(kernel, sc);
  } else if (cap.type === capType.notification) {
    if (sc.notification !== cap.notification) return refusal.illegalOperation;
    schedContextUnbindNtfn(sc);
  } else {
    return refusal.invalidCapability(1);
  }
}

function unbind(kernel: Kernel, invocation: Invocation, { schedContext: sc }: Cap<'schedContext'>): Result {
  if (sc.tcb === invocation.thread) return refusal.illegalOperation;
  schedContextUnbindAll(kernel, sc);
}

function yieldTo(kernel: Kernel, invocation: Invocation, cap: Cap<'schedContext'>): Result {
  const { thread } = invocation;
  const { schedContext: sc } = cap;
  const { tcb } = sc;
  if (tcb === null || tcb === thread) return refusal.illegalOperation;
  if (tcb.priority > thread.maxControlledPriority || thread.yieldTo !== null) return refusal.illegalOperation;
  return schedContextYieldTo(kernel, thread, sc, tcb) ? done : consumed(kernel, invocation, cap);
}
