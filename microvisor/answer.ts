// Answers of a server to its caller, and of the kernel to an invocation.

import { faultType } from './abi/faults.ts';
import { callRegister } from './abi/system-calls.ts';
import { handleTimeout, hasTimeoutHandler } from './fault-handler.ts';
import { handleFaultReply } from './faults.ts';
import type { Kernel } from './kernel.ts';
import { lookupIPCBuffer, setMessageInfo, setMR } from './message.ts';
import { type Reply, type Tcb, threadState } from './objects.ts';
import type { Answer } from './outcome.ts';
import { replyRemove } from './reply.ts';
import { isRunnable, possibleSwitchTo, postpone, setThreadState } from './scheduler.ts';
import { refillReady, refillSufficient, refillUnblockCheck } from './sporadic.ts';
import { doIPCTransfer } from './transfer.ts';

/** Answers whoever waits on a reply object: with a message, or by ending its fault. */
export function doReplyTransfer(kernel: Kernel, sender: Tcb, reply: Reply, canGrant: boolean): void {
  kernel.charge(kernel.costs.ipc);
  const receiver = reply.tcb;
  if (receiver === null || receiver.state !== threadState.blockedOnReply) return;
  replyRemove(kernel, reply, receiver);
  const sc = receiver.schedContext;
  if (sc?.sporadic && sc !== kernel.nodes[sc.core]!.currentSchedContext) refillUnblockCheck(kernel, sc);
  const { fault } = receiver;
  if (fault === null) {
    doIPCTransfer(kernel, sender, null, 0n, canGrant, receiver);
    setThreadState(kernel, receiver, threadState.running);
  } else {
    const restarts = handleFaultReply(kernel, receiver, sender);
    receiver.fault = null;
    setThreadState(kernel, receiver, restarts ? threadState.restart : threadState.inactive);
  }
  if (sc === null || !isRunnable(receiver)) return;
  if (refillReady(kernel, sc) && refillSufficient(kernel, sc, 0)) {
    possibleSwitchTo(kernel, receiver);
  } else if (hasTimeoutHandler(receiver) && fault?.type !== faultType.timeout) {
    handleTimeout(kernel, receiver, sc.badge);
  } else {
    postpone(kernel, sc);
  }
}

/** The kernel's answer to a Call. */
export function replyFromKernel(kernel: Kernel, tcb: Tcb, { words, code }: Answer): void {
  tcb.context.setX(callRegister.badge, 0n);
  let length = 0;
  if (words.length > 0) {
    const buffer = lookupIPCBuffer(kernel, true, tcb);
    for (let i = 0; i < words.length; i++) length = setMR(kernel, tcb, buffer, i, words[i]!);
  }
  setMessageInfo(tcb, code, length);
}
