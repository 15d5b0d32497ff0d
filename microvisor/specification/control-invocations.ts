// IRQControl and IRQHandler; Domain.
// Source: seL4 manual, "Hardware I/O" and "Domains"; object-api.xml.

import { label } from '../abi/invocation-labels.ts';
import { maxIrq } from '../abi/limits.ts';
import { deleteHandler } from './deletion.ts';
import { capAt, insertCopy } from './derivation.ts';
import {
  deleteFirst,
  illegalOperation,
  invalidArgument,
  invalidCapability,
  type Outcome,
  Refused,
  rangeError,
  revokeFirst,
  truncatedMessage,
} from './fault.ts';
import type { Invocation } from './invocation.ts';
import { lookupArgument } from './lookup.ts';
import { chooseAnew, dequeue, isSchedulable, queueFirst } from './schedule.ts';
import { slotId, thread } from './state.ts';

export function invokeIrqControl(invocation: Invocation): Outcome {
  const { s } = invocation;
  const hasTrigger = invocation.label === label.RISCVIRQIssueIRQHandlerTrigger;
  if (!hasTrigger && invocation.label !== label.IRQIssueIRQHandler) return illegalOperation;
  const at = hasTrigger ? 2 : 1;
  if (invocation.lacks(at + 2, 1)) return truncatedMessage;
  const irq = invocation.number(0);
  if (irq < 1 || irq > s.config.maxIrq) return rangeError(1, s.config.maxIrq);
  // Those above the interrupt controller's are the kernel's.
  if (irq > maxIrq || s.irqs[irq] !== undefined) return revokeFirst;
  const slot = lookupArgument(s, invocation.cap(0), invocation.word(at), invocation.word(at + 1), false);
  if (slot instanceof Refused) return slot;
  if (capAt(s, slot) !== undefined) return deleteFirst;
  s.irqs[irq] = true;
  insertCopy(s, { kind: 'irq-handler', irq }, invocation.slot, slot);
  return 'done';
}
export function invokeIrqHandler(invocation: Invocation, irq: number): Outcome {
  const { s } = invocation;
  switch (invocation.label) {
    case label.IRQAckIRQ:
      return 'done';
    case label.IRQSetIRQHandler: {
      if (invocation.lacks(0, 1)) return truncatedMessage;
      const cap = invocation.cap(0);
      if (cap?.kind !== 'notification' || !cap.send) return invalidCapability(0);
      const copy = { ...cap };
      deleteHandler(s, irq);
      insertCopy(s, copy, invocation.slots[0]!, slotId('irq', irq));
      return 'done';
    }
    case label.IRQClearIRQHandler:
      deleteHandler(s, irq);
      return 'done';
    default:
      return illegalOperation;
  }
}

/** Durations have 56 bits. */
const maxDuration = 2n ** 56n - 1n;

export function invokeDomain(invocation: Invocation): Outcome {
  switch (invocation.label) {
    case label.DomainSetSet:
      return setDomain(invocation);
    case label.DomainScheduleConfigure:
      return configureSchedule(invocation);
    case label.DomainScheduleSetStart:
      return setStart(invocation);
    default:
      return illegalOperation;
  }
}
function setDomain(invocation: Invocation): Outcome {
  const { s } = invocation;
  if (invocation.lacks(1, 0)) return truncatedMessage;
  const domain = invocation.number(0);
  if (domain >= s.config.numDomains) return invalidArgument(0);
  if (invocation.lacks(1, 1)) return truncatedMessage;
  const cap = invocation.cap(0);
  if (cap?.kind !== 'tcb') return invalidArgument(1);
  dequeue(s, cap.object);
  thread(s, cap.object).domain = domain;
  if (isSchedulable(s, cap.object)) queueFirst(s, cap.object);
  if (cap.object === s.current) chooseAnew(s);
  return 'done';
}
function configureSchedule(invocation: Invocation): Outcome {
  const { s } = invocation;
  if (invocation.lacks(3, 0)) return truncatedMessage;
  const [index, domain] = [invocation.number(0), invocation.number(1)];
  const duration = invocation.word(2);
  const { schedule, start } = s.domain;
  // The last slice stays the end of the schedule.
  if (index >= schedule.length - 1) return rangeError(0, schedule.length - 2);
  if (domain >= s.config.numDomains) return rangeError(0, s.config.numDomains - 1);
  if (duration > maxDuration) return invalidArgument(2);
  if (duration === 0n && domain !== 0) return invalidArgument(1);
  if (duration === 0n && index === start) return invalidArgument(2);
  schedule[index] = { domain, duration: Number(duration) };
  return 'done';
}
function setStart(invocation: Invocation): Outcome {
  const { s } = invocation;
  if (invocation.lacks(1, 0)) return truncatedMessage;
  const index = invocation.number(0);
  const { domain } = s;
  if (index >= domain.schedule.length) return rangeError(0, domain.schedule.length - 1);
  if (domain.schedule[index]!.duration === 0) return invalidArgument(0);
  // The next choice ends the present slice, and the schedule with it.
  domain.start = index;
  domain.time = 0;
  domain.index = domain.schedule.length - 2;
  chooseAnew(s);
  return 'done';
}
