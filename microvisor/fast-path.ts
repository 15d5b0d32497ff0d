// The fast path: a Call to a passive server that waits, and the ReplyRecv of such a server to its caller, with the message in
// registers. It leaves everything as the path through syscalls/ would, to the cycle, and takes a quarter of the host's time;
// when anything is out of the ordinary it does nothing. KernelConfig.fastPath switches it off.

import { callRegister, systemCall } from './abi/system-calls.ts';
import { payCosts } from './budget.ts';
import { dequeueWaiter } from './cancel-ipc.ts';
import { lookupRegister } from './cspace/lookup.ts';
import { blockOnReceive } from './endpoint.ts';
import type { Kernel } from './kernel.ts';
import { infoInRegisters } from './message.ts';
import { capType, endpointState, notificationState, type Tcb, threadState } from './objects.ts';
import { replyPush, replyRemove } from './reply.ts';
import { highestPriority, install } from './scheduler.ts';
import { refillReady, refillSufficient } from './sporadic.ts';
import { transferRegisters } from './transfer.ts';

/** A system call of the current thread, whose pc is behind it. true: all is done, and who runs next is on the hart. */
export function fastPath(kernel: Kernel, thread: Tcb, number: number): boolean {
  if (number !== systemCall.call && number !== systemCall.replyRecv) return false;
  if (!infoInRegisters(thread.context.xLow(callRegister.messageInfo)) || !isQuiet(kernel)) return false;
  const next = number === systemCall.call ? call(kernel, thread) : replyRecv(kernel, thread);
  if (next === null) {
    kernel.node.cost = 0;
    return false;
  }
  const { node, costs } = kernel;
  next.state = threadState.running;
  node.current = next;
  node.action = 'resume';
  kernel.charge(costs.entry + costs.invocation + costs.ipc + costs.schedule);
  install(kernel, node);
  payCosts(kernel);
  return true;
}

/**
 * Whether nothing is due: until the timer goes off, with the time to get out of the kernel to spare, no window ends and nobody is
 * released. The budget is looked at besides: a thread that configures its own context leaves the timer where it was.
 */
function isQuiet(kernel: Kernel): boolean {
  const { node, cyclesPerTick, minBudget } = kernel;
  const { clocks, deadlines } = kernel.machine.port;
  const now = clocks[node.id]!;
  const used = node.consumed + now / cyclesPerTick - node.time;
  return (
    !node.reprogram &&
    now + minBudget * cyclesPerTick < deadlines[node.id]! &&
    refillSufficient(kernel, node.currentSchedContext, used)
  );
}

/** Whether a blocked thread is who runs next once it is ready and the current thread is not. */
function runsNext(kernel: Kernel, tcb: Tcb): boolean {
  const { node } = kernel;
  return tcb.domain === node.domain && tcb.vcpu === null && tcb.priority >= highestPriority(node, tcb.domain);
}

/** The server, which runs on the caller's scheduling context now. null: it is not so simple. */
function call(kernel: Kernel, caller: Tcb): Tcb | null {
  const cap = lookupRegister(kernel, callRegister.capability)?.cap;
  if (cap?.type !== capType.endpoint || !cap.canSend || !(cap.canGrant || cap.canGrantReply)) return null;
  const { endpoint } = cap;
  if (endpoint.state !== endpointState.recv) return null;
  const server = endpoint.queue.head!;
  const reply = server.replyObject;
  if (reply === null || server.schedContext !== null || !runsNext(kernel, server)) return null;

  dequeueWaiter(server, endpoint);
  caller.messages++;
  transferRegisters(kernel, caller, cap.badge, server);
  server.replyObject = null;
  replyPush(kernel, caller, server, reply, true);
  return server;
}

/** The caller, which has its scheduling context back; the server waits for the next. null: it is not so simple. */
function replyRecv(kernel: Kernel, server: Tcb): Tcb | null {
  const { node, costs } = kernel;
  const replyCap = lookupRegister(kernel, callRegister.reply)?.cap;
  // Receiving looks the reply capability up again.
  kernel.charge(node.cost);
  const cap = lookupRegister(kernel, callRegister.capability)?.cap;
  if (replyCap?.type !== capType.reply || cap?.type !== capType.endpoint || !cap.canReceive) return null;
  const { reply } = replyCap;
  const { endpoint } = cap;
  const caller = reply.tcb;
  const bound = server.boundNotification;
  if (caller === null || caller.state !== threadState.blockedOnReply || caller.fault !== null) return null;
  if (reply.next !== server.schedContext || caller.schedContext !== null) return null;
  if (!refillReady(kernel, node.currentSchedContext)) return null;
  if (endpoint.state === endpointState.send || !runsNext(kernel, caller)) return null;
  if (bound !== null && (bound.state === notificationState.active || bound.schedContext !== null)) return null;

  replyRemove(kernel, reply, caller);
  server.messages++;
  transferRegisters(kernel, server, 0n, caller);
  blockOnReceive(kernel, server, endpoint, reply);
  kernel.charge(costs.ipc);
  return caller;
}
