// SchedContext_YieldTo: the thread of a context runs in place of the yielder, who gets the answer when it runs again.

import { replyFromKernel } from './answer.ts';
import type { Kernel } from './kernel.ts';
import type { SchedContext, Tcb } from './objects.ts';
import { Answer } from './outcome.ts';
import { schedContextCancelYieldTo, schedContextResume, schedContextUpdateConsumed } from './sched-context.ts';
import { enqueue, isSchedulable, rescheduleRequired, tcbSchedDequeue, tcbSchedEnqueue } from './scheduler.ts';

/** false: the thread can't run here, or not before the yielder, who goes on at once. */
export function schedContextYieldTo(kernel: Kernel, yielder: Tcb, sc: SchedContext, tcb: Tcb): boolean {
  if (sc.yieldFrom !== null) schedContextCompleteYieldTo(kernel, sc.yieldFrom);
  schedContextResume(kernel, sc);
  if (!isSchedulable(tcb)) return false;
  tcbSchedDequeue(kernel, tcb);
  if (sc.core !== kernel.node.id || tcb.priority < yielder.priority) {
    enqueue(kernel, tcb);
    return false;
  }
  yielder.yieldTo = sc;
  sc.yieldFrom = yielder;
  tcbSchedEnqueue(kernel, yielder);
  tcbSchedEnqueue(kernel, tcb);
  rescheduleRequired(kernel);
  return true;
}

/** Tells a yielder how much time the other has used, and ends the yielding. */
export function schedContextCompleteYieldTo(kernel: Kernel, yielder: Tcb): void {
  if (yielder.yieldTo === null) return;
  replyFromKernel(kernel, yielder, new Answer([schedContextUpdateConsumed(kernel, yielder.yieldTo)]));
  schedContextCancelYieldTo(yielder);
}
