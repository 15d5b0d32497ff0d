// Invocations of IRQControl and IRQHandler.

import { cteInsert } from '../cspace/derivation.ts';
import { lookupSlotForCNodeOp } from '../cspace/lookup.ts';
import { cteDeleteOne } from '../deletion.ts';
import { irqState, type Kernel } from '../kernel.ts';
import { type Cap, capType, type PlainCap } from '../objects.ts';
import { type Result, refusal, SyscallError } from '../outcome.ts';
import type { Invocation, Methods } from './invocation.ts';

export const irqControlMethods: Methods<PlainCap> = {
  IRQIssueIRQHandler: [3, 1, (kernel, invocation) => issueHandler(kernel, invocation, 1)],
  RISCVIRQIssueIRQHandlerTrigger: [4, 1, (kernel, invocation) => issueHandler(kernel, invocation, 2)],
};

/** The address of the destination begins at word `at`; where it is 2, word 1 is the trigger. */
function issueHandler(kernel: Kernel, invocation: Invocation, at: 1 | 2): Result {
  const irq = invocation.number(0);
  const most = kernel.irqStates.length - 1;
  if (irq > most || irq === 0) return refusal.rangeError(1, most);
  if (kernel.irqStates[irq] !== irqState.inactive) return refusal.revokeFirst;
  const slot = lookupSlotForCNodeOp(
    kernel,
    false,
    invocation.extraCap(0),
    invocation.word(at),
    invocation.word(at + 1),
  );
  if (slot instanceof SyscallError) return slot;
  if (slot.cap.type !== capType.null) return refusal.deleteFirst;
  const { port } = kernel.machine;
  if (at === 2) port.setInterruptTrigger(irq, invocation.word(1) !== 0n);
  kernel.irqStates[irq] = irqState.signal;
  port.maskInterrupt(irq, false);
  cteInsert(kernel, { type: capType.irqHandler, irq }, invocation.slot, slot);
}

export const irqHandlerMethods: Methods<Cap<'irqHandler'>> = {
  IRQAckIRQ: [0, 0, ({ machine }, _, { irq }) => void machine.port.completeInterrupt(irq)],
  IRQSetIRQHandler: [0, 1, setHandler],
  IRQClearIRQHandler: [0, 0, (kernel, _, { irq }) => void cteDeleteOne(kernel, kernel.irqSlots.slot(irq))],
};

function setHandler(kernel: Kernel, invocation: Invocation, { irq }: Cap<'irqHandler'>): Result {
  const source = invocation.extraSlot(0);
  const { cap } = source;
  if (cap.type !== capType.notification || !cap.canSend) return refusal.invalidCapability(0);
  const slot = kernel.irqSlots.slot(irq);
  cteDeleteOne(kernel, slot);
  cteInsert(kernel, cap, source, slot);
}
