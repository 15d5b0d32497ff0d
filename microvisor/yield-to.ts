// SchedContext_YieldTo: the answer comes when the yielder runs again.

import { replyFromKernel } from './answer.ts';
import type { Kernel } from './kernel.ts';
import type { Tcb } from './objects.ts';
import { Answer } from './outcome.ts';
import { schedContextCancelYieldTo, schedContextUpdateConsumed } from './sched-context.ts';

/** Tells a yielder how much time the other has used, and ends the yielding. */
export function schedContextCompleteYieldTo(kernel: Kernel, yielder: Tcb): void {
  if (yielder.yieldTo === null) return;
  replyFromKernel(kernel, yielder, new Answer([schedContextUpdateConsumed(kernel, yielder.yieldTo)]));
  schedContextCancelYieldTo(yielder);
}
