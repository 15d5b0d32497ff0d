// What a capability does when it is invoked: send a message, or call a method of the object that it names.

import { doReplyTransfer } from '../answer.ts';
import { type SendOptions, sendIPC } from '../endpoint.ts';
import type { Kernel } from '../kernel.ts';
import { sendSignal } from '../notification.ts';
import { type Capability, capType, type Tcb } from '../objects.ts';
import { done, type Outcome, refusal } from '../outcome.ts';
import { remoteTCBStall } from '../scheduler.ts';
import { decodeCNodeInvocation } from './cnode-invocation.ts';
import { domainMethods } from './domain-invocation.ts';
import { decodeVCPUInvocation, realmControlMethods } from './extension-invocation.ts';
import { type Invocation, invoke } from './invocation.ts';
import { irqControlMethods, irqHandlerMethods } from './irq-invocation.ts';
import { schedContextMethods, schedControlMethods } from './sched-invocation.ts';
import { tcbMethods } from './tcb-invocation.ts';
import { untypedMethods } from './untyped-invocation.ts';
import { asidControlMethods, asidPoolMethods, frameMethods, pageTableMethods } from './vspace-invocation.ts';

/** Sends along the capabilities to which messages go; null: the capability is to something else. */
export function sendMessage(kernel: Kernel, thread: Tcb, cap: Capability, options: SendOptions): Outcome | null {
  switch (cap.type) {
    case capType.endpoint:
      if (!cap.canSend) return refusal.invalidCapability(0);
      sendIPC(kernel, thread, cap, options);
      return done;
    case capType.notification:
      if (!cap.canSend) return refusal.invalidCapability(0);
      sendSignal(kernel, cap.notification, cap.badge);
      return done;
    case capType.reply:
      doReplyTransfer(kernel, thread, cap.reply, cap.canGrant);
      return done;
    default:
      return null;
  }
}

export function decodeInvocation(kernel: Kernel, invocation: Invocation, isFirstPhase: boolean): Outcome {
  const { cap } = invocation.slot;
  kernel.charge(kernel.costs.object);
  switch (cap.type) {
    case capType.untyped:
      return invoke(kernel, invocation, untypedMethods, cap);
    case capType.frame:
      return invoke(kernel, invocation, frameMethods, cap);
    case capType.pageTable:
      return invoke(kernel, invocation, pageTableMethods, cap);
    case capType.asidControl:
      return invoke(kernel, invocation, asidControlMethods, cap);
    case capType.asidPool:
      return invoke(kernel, invocation, asidPoolMethods, cap);
    case capType.irqControl:
      return invoke(kernel, invocation, irqControlMethods, cap);
    case capType.irqHandler:
      return invoke(kernel, invocation, irqHandlerMethods, cap);
    default:
      break;
  }
  // What may block the receive phase, or take its thread away, is not for the send phase of ReplyRecv and its like.
  if (isFirstPhase) return refusal.invalidCapability(0);
  switch (cap.type) {
    case capType.thread:
      remoteTCBStall(kernel, cap.tcb);
      return invoke(kernel, invocation, tcbMethods, cap.tcb);
    case capType.domain:
      return invoke(kernel, invocation, domainMethods, cap);
    case capType.cNode:
      return decodeCNodeInvocation(kernel, invocation, cap);
    case capType.schedControl:
      return invoke(kernel, invocation, schedControlMethods, cap);
    case capType.schedContext:
      if (cap.schedContext.tcb !== null) remoteTCBStall(kernel, cap.schedContext.tcb);
      return invoke(kernel, invocation, schedContextMethods, cap.schedContext);
    case capType.vcpu:
      return decodeVCPUInvocation(kernel, invocation, cap.vcpu);
    case capType.realmControl:
      return invoke(kernel, invocation, realmControlMethods, cap);
    default:
      return refusal.invalidCapability(0);
  }
}
