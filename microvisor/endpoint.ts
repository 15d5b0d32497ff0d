// Endpoints: threads that send and threads that receive meet here; whoever comes first waits, by priority.

import { faultType } from './abi/faults.ts';
import { callRegister } from './abi/system-calls.ts';
import { cancelIPC, dequeueWaiter } from './cancel-ipc.ts';
import type { Kernel } from './kernel.ts';
import { completeSignal, maybeReturnSchedContext } from './notification.ts';
import type { Endpoint, EndpointCap, Reply, Tcb } from './objects.ts';
import { endpointState, notificationState, threadState } from './objects.ts';
import { replyPush, replyUnlink } from './reply.ts';
import { schedContextDonate, unblockCheck } from './sched-context.ts';
import { possibleSwitchTo, scheduleTCB, setThreadState } from './scheduler.ts';
import { insertByPriority } from './tcb-queue.ts';
import { doIPCTransfer } from './transfer.ts';

/** How a message is sent: what the sender's capability allows, and what its system call asks for. */
export interface SendOptions {
  readonly isBlocking: boolean;
  readonly isCall: boolean;
  readonly canDonate: boolean;
}

export function sendIPC(kernel: Kernel, tcb: Tcb, cap: EndpointCap, options: SendOptions): void {
  const { endpoint, badge, canGrant, canGrantReply } = cap;
  kernel.charge(kernel.costs.ipc);
  if (endpoint.state !== endpointState.recv) {
    if (!options.isBlocking) return;
    tcb.state = threadState.blockedOnSend;
    tcb.blockingObject = endpoint;
    tcb.blockingBadge = badge;
    tcb.blockingCanGrant = canGrant;
    tcb.blockingCanGrantReply = canGrantReply;
    tcb.blockingIsCall = options.isCall;
    scheduleTCB(kernel, tcb);
    insertByPriority(endpoint.queue, tcb);
    endpoint.state = endpointState.send;
    return;
  }
  const receiver = endpoint.queue.head!;
  dequeueWaiter(receiver, endpoint);
  doIPCTransfer(kernel, tcb, endpoint, badge, canGrant, receiver);
  const reply = receiver.replyObject;
  if (reply !== null) replyUnlink(kernel, reply, receiver);
  if (options.isCall || tcb.fault !== null) {
    if (reply !== null && (canGrant || canGrantReply)) {
      replyPush(kernel, tcb, receiver, reply, options.canDonate);
    } else {
      setThreadState(kernel, tcb, threadState.inactive);
    }
  } else if (options.canDonate && receiver.schedContext === null && tcb.schedContext !== null) {
    schedContextDonate(kernel, tcb.schedContext, receiver);
  }
  setThreadState(kernel, receiver, threadState.running);
  unblockCheck(kernel, receiver.schedContext);
  possibleSwitchTo(kernel, receiver);
}

export function blockOnReceive(kernel: Kernel, tcb: Tcb, endpoint: Endpoint, reply: Reply | null): void {
  tcb.state = threadState.blockedOnReceive;
  tcb.blockingObject = endpoint;
  tcb.replyObject = reply;
  scheduleTCB(kernel, tcb);
  if (reply !== null) reply.tcb = tcb;
  insertByPriority(endpoint.queue, tcb);
  endpoint.state = endpointState.recv;
}

export function receiveIPC(kernel: Kernel, tcb: Tcb, cap: EndpointCap, isBlocking: boolean, reply: Reply | null): void {
  const { endpoint } = cap;
  kernel.charge(kernel.costs.ipc);
  // A reply object has one user: whoever else waits with it stops waiting.
  if (reply !== null && reply.tcb !== null) cancelIPC(kernel, reply.tcb);
  const bound = tcb.boundNotification;
  if (bound !== null && bound.state === notificationState.active) {
    completeSignal(kernel, bound, tcb);
    return;
  }
  if (bound !== null && isBlocking) maybeReturnSchedContext(kernel, bound, tcb);
  if (endpoint.state !== endpointState.send) {
    if (!isBlocking) {
      tcb.context.setX(callRegister.badge, 0n);
      return;
    }
    blockOnReceive(kernel, tcb, endpoint, reply);
    return;
  }
  const sender = endpoint.queue.head!;
  dequeueWaiter(sender, endpoint);
  const { blockingCanGrant, blockingCanGrantReply } = sender;
  doIPCTransfer(kernel, sender, endpoint, sender.blockingBadge, blockingCanGrant, tcb);
  unblockCheck(kernel, sender.schedContext);
  if (sender.blockingIsCall || sender.fault !== null) {
    if ((blockingCanGrant || blockingCanGrantReply) && reply !== null) {
      const canDonate = sender.schedContext !== null && sender.fault?.type !== faultType.timeout;
      replyPush(kernel, sender, tcb, reply, canDonate);
    } else {
      setThreadState(kernel, sender, threadState.inactive);
    }
  } else {
    setThreadState(kernel, sender, threadState.running);
    possibleSwitchTo(kernel, sender);
  }
}
