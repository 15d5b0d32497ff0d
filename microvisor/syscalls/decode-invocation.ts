// Hands an invocation to the object that its capability names.

import { label } from '../abi/invocation-labels.ts';
import { doReplyTransfer } from '../answer.ts';
import { type SendOptions, sendIPC } from '../endpoint.ts';
import type { Kernel } from '../kernel.ts';
import { sendSignal } from '../notification.ts';
import { type Capability, capType, type Tcb } from '../objects.ts';
import { done, type Outcome, refusal } from '../outcome.ts';
import { retype } from '../untyped.ts';
import { decodeCNodeInvocation } from './cnode-invocation.ts';
import { decodeDomainInvocation } from './domain-invocation.ts';
import { decodeRealmControlInvocation, decodeVCPUInvocation } from './extension-invocation.ts';
import type { Invocation } from './invocation.ts';
import { decodeIRQControlInvocation, decodeIRQHandlerInvocation } from './irq-invocation.ts';
import { decodeSchedContextInvocation, decodeSchedControlInvocation } from './sched-invocation.ts';
import { decodeTCBInvocation } from './tcb-invocation.ts';
import {
  decodeASIDControlInvocation,
  decodeASIDPoolInvocation,
  decodeFrameInvocation,
  decodePageTableInvocation,
} from './vspace-invocation.ts';

/** The send phase of ReplyRecv, NBSendRecv and NBSendWait must not reach objects whose invocations may block the receive phase. */
export interface InvocationOptions extends SendOptions {
  readonly isFirstPhase: boolean;
}

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

export function decodeInvocation(invocation: Invocation, isFirstPhase: boolean): Outcome {
  const { kernel, slot } = invocation;
  const { cap } = slot;
  kernel.charge(kernel.costs.object);
  switch (cap.type) {
    case capType.untyped:
      if (invocation.label !== label.UntypedRetype) return refusal.illegalOperation;
      if (invocation.lacks(6, 1)) return refusal.truncatedMessage;
      return retype(kernel, slot, cap, invocation.extraCap(0), {
        type: invocation.number(0),
        userSize: invocation.number(1),
        nodeIndex: invocation.word(2),
        nodeDepth: invocation.word(3),
        nodeOffset: invocation.number(4),
        nodeWindow: invocation.number(5),
      });
    case capType.frame:
      return decodeFrameInvocation(invocation, cap);
    case capType.pageTable:
      return decodePageTableInvocation(invocation, cap);
    case capType.asidControl:
      return decodeASIDControlInvocation(invocation);
    case capType.asidPool:
      return decodeASIDPoolInvocation(invocation, cap);
    case capType.irqControl:
      return decodeIRQControlInvocation(invocation);
    case capType.irqHandler:
      return decodeIRQHandlerInvocation(invocation, cap);
    default:
      break;
  }
  if (isFirstPhase) return refusal.invalidCapability(0);
  switch (cap.type) {
    case capType.thread:
      return decodeTCBInvocation(invocation, cap);
    case capType.domain:
      return decodeDomainInvocation(invocation);
    case capType.cNode:
      return decodeCNodeInvocation(invocation, cap);
    case capType.schedControl:
      return decodeSchedControlInvocation(invocation, cap);
    case capType.schedContext:
      return decodeSchedContextInvocation(invocation, cap);
    case capType.vcpu:
      return decodeVCPUInvocation(invocation, cap);
    case capType.realmControl:
      return decodeRealmControlInvocation(invocation);
    default:
      return refusal.invalidCapability(0);
  }
}
