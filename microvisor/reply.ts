// Reply objects: who waits for which answer, and the call stack along which a scheduling context was donated.

import type { Kernel } from './kernel.ts';
import { Reply, SchedContext, type Tcb, threadState } from './objects.ts';
import { schedContextDonate } from './sched-context.ts';
import { scheduleTCB, setThreadState } from './scheduler.ts';

/** Takes a thread off its reply object; it is inactive until its waker says otherwise. */
export function replyUnlink(kernel: Kernel, reply: Reply, tcb: Tcb): void {
  tcb.replyObject = null;
  reply.tcb = null;
  setThreadState(kernel, tcb, threadState.inactive);
}

/** A caller waits for its answer; with its context, if that goes to the callee, the call goes on top of the call stack. */
export function replyPush(kernel: Kernel, caller: Tcb, callee: Tcb, reply: Reply, canDonate: boolean): void {
  const donated = caller.schedContext;
  reply.tcb = caller;
  caller.replyObject = reply;
  caller.state = threadState.blockedOnReply;
  scheduleTCB(kernel, caller);
  if (donated === null || callee.schedContext !== null || !canDonate) return;
  const below = donated.reply;
  if (below !== null) below.next = reply;
  reply.prev = below;
  donated.reply = reply;
  reply.next = donated;
  schedContextDonate(kernel, donated, callee);
}

/** The top call ends: its caller gets the context back, unless it has one by now. */
function replyPop(kernel: Kernel, reply: Reply, sc: SchedContext, tcb: Tcb): void {
  const { prev } = reply;
  sc.reply = prev;
  if (prev !== null) prev.next = sc;
  reply.next = null;
  reply.prev = null;
  if (tcb.schedContext === null) schedContextDonate(kernel, sc, tcb);
  replyUnlink(kernel, reply, tcb);
}

/** A call ends by its answer, or because its reply object goes: out of order, it breaks the stack in two. */
export function replyRemove(kernel: Kernel, reply: Reply, tcb: Tcb): void {
  if (reply.next instanceof SchedContext) {
    replyPop(kernel, reply, reply.next, tcb);
    return;
  }
  detach(reply);
  replyUnlink(kernel, reply, tcb);
}

/** A caller stops waiting: the context stays where it was donated. */
export function replyRemoveTcb(kernel: Kernel, tcb: Tcb): void {
  const reply = tcb.replyObject!;
  if (reply.next instanceof SchedContext) {
    reply.next.reply = null;
    reply.next = null;
  }
  detach(reply);
  replyUnlink(kernel, reply, tcb);
}

function detach(reply: Reply): void {
  if (reply.next instanceof Reply) reply.next.prev = null;
  if (reply.prev !== null) reply.prev.next = null;
  reply.next = null;
  reply.prev = null;
}
