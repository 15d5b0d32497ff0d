// Scheduling contexts: binding them to threads and notifications, and handing them from caller to server and back.

import type { Kernel } from './kernel.ts';
import type { SchedContext, Tcb } from './objects.ts';
import {
  commitTime,
  enqueue,
  isRunnable,
  isSchedulable,
  possibleSwitchTo,
  postpone,
  remoteTCBStall,
  rescheduleRequired,
  tcbReleaseRemove,
  tcbSchedDequeue,
} from './scheduler.ts';
import { isActive, refillNew, refillReady, refillSufficient, refillUnblockCheck, refillUpdate } from './sporadic.ts';

/** Before a blocked thread goes on: a sporadic context that isn't in use starts its refills afresh. */
export function unblockCheck(kernel: Kernel, sc: SchedContext | null): void {
  if (sc?.sporadic && sc !== kernel.node.currentSchedContext) refillUnblockCheck(kernel, sc);
}

/** Sends the thread of a context to the release queue if there is no budget now. */
export function schedContextResume(kernel: Kernel, sc: SchedContext | null): void {
  if (sc === null || sc.tcb === null || !isSchedulable(sc.tcb)) return;
  if (!(refillReady(kernel, sc) && refillSufficient(kernel, sc, 0))) postpone(kernel, sc);
}

/** Sets budget, period and core of a context; period 0 makes it round-robin. */
export function schedContextConfigure(
  kernel: Kernel,
  sc: SchedContext,
  core: number,
  budget: number,
  period: number,
  maxRefills: number,
): void {
  const { tcb } = sc;
  if (tcb !== null) {
    remoteTCBStall(kernel, tcb);
    tcbReleaseRemove(kernel, tcb);
    tcbSchedDequeue(kernel, tcb);
    if (kernel.node.currentSchedContext === sc) commitTime(kernel);
  }
  if (period > 0 && core === sc.core && isActive(sc) && tcb !== null && isRunnable(tcb)) {
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

export function schedContextBindTCB(kernel: Kernel, sc: SchedContext, tcb: Tcb): void {
  tcb.schedContext = sc;
  sc.tcb = tcb;
  tcb.affinity = sc.core;
  unblockCheck(kernel, sc);
  schedContextResume(kernel, sc);
  if (isSchedulable(tcb)) {
    enqueue(kernel, tcb);
    rescheduleRequired(kernel);
  }
}

export function schedContextUnbindTCB(kernel: Kernel, sc: SchedContext): void {
  const tcb = sc.tcb!;
  if (tcb === kernel.node.current) rescheduleRequired(kernel);
  tcbSchedDequeue(kernel, tcb);
  tcbReleaseRemove(kernel, tcb);
  tcb.schedContext = null;
  sc.tcb = null;
}

/** Gives a context to a thread, from whoever has it. */
export function schedContextDonate(kernel: Kernel, sc: SchedContext, to: Tcb): void {
  const from = sc.tcb;
  if (from !== null) {
    remoteTCBStall(kernel, from);
    tcbSchedDequeue(kernel, from);
    tcbReleaseRemove(kernel, from);
    from.schedContext = null;
    if (from === kernel.node.current || from === kernel.node.action) rescheduleRequired(kernel);
  }
  sc.tcb = to;
  to.schedContext = sc;
  to.affinity = sc.core;
}

export function schedContextUnbindNtfn(sc: SchedContext | null): void {
  if (sc?.notification == null) return;
  sc.notification.schedContext = null;
  sc.notification = null;
}
/** Takes a context from its thread and its notification, and off the call stack that it was donated along. */
export function schedContextUnbindAll(kernel: Kernel, sc: SchedContext): void {
  if (sc.tcb !== null) {
    remoteTCBStall(kernel, sc.tcb);
    schedContextUnbindTCB(kernel, sc);
  }
  schedContextUnbindNtfn(sc);
  if (sc.reply !== null) sc.reply.next = null;
  sc.reply = null;
}

/** Time used since this was last asked, in µs. */
export function schedContextUpdateConsumed(kernel: Kernel, sc: SchedContext): bigint {
  const us = BigInt(kernel.ticksToUs(sc.consumed));
  sc.consumed = 0;
  return us;
}

export function schedContextCancelYieldTo(tcb: Tcb): void {
  if (tcb.yieldTo === null) return;
  tcb.yieldTo.yieldFrom = null;
  tcb.yieldTo = null;
}
