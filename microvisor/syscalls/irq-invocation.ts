// Invocations of IRQControl and IRQHandler.

import { label } from '../abi/invocation-labels.ts';
import { cteInsert, ensureEmptySlot } from '../cspace/derivation.ts';
import { lookupTargetSlot } from '../cspace/lookup.ts';
import { cteDeleteOne } from '../deletion.ts';
import { irqState } from '../kernel.ts';
import { capType, type IrqHandlerCap } from '../objects.ts';
import { done, type Outcome, refusal, SyscallError } from '../outcome.ts';
import type { Invocation } from './invocation.ts';

/** Get and GetTrigger: the latter has the trigger as its second word. */
export function decodeIRQControlInvocation(invocation: Invocation): Outcome {
  const { kernel } = invocation;
  const withTrigger = invocation.label === label.RISCVIRQIssueIRQHandlerTrigger;
  if (!withTrigger && invocation.label !== label.IRQIssueIRQHandler) return refusal.illegalOperation;
  const at = withTrigger ? 2 : 1;
  if (invocation.lacks(at + 2, 1)) return refusal.truncatedMessage;
  const irq = invocation.number(0);
  const most = kernel.irqStates.length - 1;
  if (irq > most || irq === 0) return refusal.rangeError(1, most);
  if (kernel.irqStates[irq] !== irqState.inactive) return refusal.revokeFirst;
  const slot = lookupTargetSlot(kernel, invocation.extraCap(0), invocation.word(at), invocation.word(at + 1));
  if (slot instanceof SyscallError) return slot;
  const taken = ensureEmptySlot(slot);
  if (taken !== null) return taken;
  const { port } = kernel.machine;
  if (withTrigger) port.setInterruptTrigger(irq, invocation.word(1) !== 0n);
  kernel.irqStates[irq] = irqState.signal;
  port.maskInterrupt(irq, false);
  cteInsert(kernel, { type: capType.irqHandler, irq }, invocation.slot, slot);
  return done;
}

export function decodeIRQHandlerInvocation(invocation: Invocation, { irq }: IrqHandlerCap): Outcome {
  const { kernel } = invocation;
  const notificationSlot = kernel.irqSlots.slot(irq);
  switch (invocation.label) {
    case label.IRQAckIRQ:
      kernel.machine.port.completeInterrupt(irq);
      return done;
    case label.IRQSetIRQHandler: {
      if (invocation.extraCapCount < 1) return refusal.truncatedMessage;
      const source = invocation.extraSlot(0);
      const { cap } = source;
      if (cap.type !== capType.notification || !cap.canSend) return refusal.invalidCapability(0);
      cteDeleteOne(kernel, notificationSlot);
      cteInsert(kernel, cap, source, notificationSlot);
      return done;
    }
    case label.IRQClearIRQHandler:
      cteDeleteOne(kernel, notificationSlot);
      return done;
    default:
      return refusal.illegalOperation;
  }
}
