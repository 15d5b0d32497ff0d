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
import { type Invocation, invoke, type Methods } from './invocation.ts';
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

/** The methods of each type of capability. */
type MethodsOf = { readonly [Type in Capability['type']]?: Methods<Extract<Capability, { type: Type }>> };

/** Those that the send phase of ReplyRecv, NBSendRecv and NBSendWait may call too. */
const simpleMethods: MethodsOf = {
  [capType.untyped]: untypedMethods,
  [capType.frame]: frameMethods,
  [capType.pageTable]: pageTableMethods,
  [capType.asidControl]: asidControlMethods,
  [capType.asidPool]: asidPoolMethods,
  [capType.irqControl]: irqControlMethods,
  [capType.irqHandler]: irqHandlerMethods,
};
/** The others may stop the caller, or change what it waits for. */
const otherMethods: MethodsOf = {
  [capType.thread]: tcbMethods,
  [capType.domain]: domainMethods,
  [capType.schedControl]: schedControlMethods,
  [capType.schedContext]: schedContextMethods,
  [capType.realmControl]: realmControlMethods,
};

export function decodeInvocation(kernel: Kernel, invocation: Invocation, isFirstPhase: boolean): Outcome {
  const { cap } = invocation.slot;
  kernel.charge(kernel.costs.object);
  if (!isFirstPhase) {
    if (cap.type === capType.cNode) return decodeCNodeInvocation(kernel, invocation, cap);
    if (cap.type === capType.vcpu) return decodeVCPUInvocation(kernel, invocation, cap.vcpu);
    if (cap.type === capType.thread) remoteTCBStall(kernel, cap.tcb);
    if (cap.type === capType.schedContext && cap.schedContext.tcb !== null)
      remoteTCBStall(kernel, cap.schedContext.tcb);
  }
  const methods = simpleMethods[cap.type] ?? (isFirstPhase ? undefined : otherMethods[cap.type]);
  if (methods === undefined) return refusal.invalidCapability(0);
  return invoke(kernel, invocation, methods as Methods<Capability>, cap);
}
