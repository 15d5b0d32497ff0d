// Threads: stopping and starting them, their priorities and domains.

import { cancelIPC } from './cancel-ipc.ts';
import type { Kernel } from './kernel.ts';
import { type Tcb, threadState } from './objects.ts';
import { saveFaultIp } from './registers.ts';
import { schedContextCancelYieldTo, schedContextResume, unblockCheck } from './sched-context.ts';
import {
  enqueue,
  isRunnable,
  isSchedulable,
  isStopped,
  possibleSwitchTo,
  reprogram,
  rescheduleRequired,
  setThreadState,
  tcbReleaseRemove,
  tcbSchedDequeue,
} from './scheduler.ts';
import { reorder } from './tcb-queue.ts';

export function suspend(kernel: Kernel, tcb: Tcb): void {
  cancelIPC(kernel, tcb);
  if (tcb.state === threadState.running) saveFaultIp(tcb.context);
  tcbSchedDequeue(kernel, tcb);
  tcbReleaseRemove(kernel, tcb);
  schedContextCancelYieldTo(tcb);
  setThreadState(kernel, tcb, threadState.inactive);
}

/** A stopped thread goes on; what it was blocked in starts again. */
export function restart(kernel: Kernel, tcb: Tcb): void {
  if (!isStopped(tcb)) return;
  cancelIPC(kernel, tcb);
  setThreadState(kernel, tcb, threadState.restart);
  unblockCheck(kernel, tcb.schedContext);
  schedContextResume(kernel, tcb.schedContext);
  if (isSchedulable(tcb)) possibleSwitchTo(kernel, tcb);
}

export function setPriority(kernel: Kernel, tcb: Tcb, priority: number): void {
  const isReady = isRunnable(tcb) && (tcb.queued || tcb === kernel.node.current);
  if (isReady) tcbSchedDequeue(kernel, tcb);
  tcb.priority = priority;
  switch (tcb.state) {
    case threadState.blockedOnReceive:
    case threadState.blockedOnSend:
    case threadState.blockedOnNotification:
      reorder(tcb.blockingObject!.queue, tcb);
  }
  if (isReady) {
    enqueue(kernel, tcb);
    rescheduleRequired(kernel);
  }
}

export function setDomain(kernel: Kernel, tcb: Tcb, domain: number): void {
  tcbSchedDequeue(kernel, tcb);
  tcb.domain = domain;
  // What it waits for may now be due in this window.
  if (kernel.config.windows) reprogram(kernel, kernel.nodes[tcb.affinity]!, tcb);
  if (isSchedulable(tcb)) enqueue(kernel, tcb);
  if (tcb === kernel.node.current) rescheduleRequired(kernel);
}
