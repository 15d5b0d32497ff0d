// Invocations of Domain: which domain a thread is in, and when each domain runs. The schedule is that of the caller's hart; with
// windows (our profile `cells`) the schedules of all harts follow each other in one numbering of entries.

import { label } from '../abi/invocation-labels.ts';
import type { Node } from '../kernel.ts';
import { capType } from '../objects.ts';
import { done, type Outcome, refusal } from '../outcome.ts';
import {
  enqueue,
  isSchedulable,
  remoteTCBStall,
  reprogram,
  rescheduleRequired,
  tcbSchedDequeue,
} from '../scheduler.ts';
import { startWindows } from '../windows.ts';
import type { Invocation } from './invocation.ts';

/** Timer ticks of a slice: 56 bits. */
const maxDuration = 2n ** 56n - 1n;

export function decodeDomainInvocation(invocation: Invocation): Outcome {
  switch (invocation.label) {
    case label.DomainSetSet:
      return setDomain(invocation);
    case label.DomainScheduleConfigure:
      return configureSchedule(invocation);
    case label.DomainScheduleSetStart:
      return setStart(invocation);
    default:
      return refusal.illegalOperation;
  }
}

function setDomain(invocation: Invocation): Outcome {
  const { kernel } = invocation;
  if (invocation.length === 0) return refusal.truncatedMessage;
  const domain = invocation.number(0);
  if (domain >= kernel.config.numDomains) return refusal.invalidArgument(0);
  if (invocation.extraCapCount < 1) return refusal.truncatedMessage;
  const cap = invocation.extraCap(0);
  if (cap.type !== capType.thread) return refusal.invalidArgument(1);
  const { tcb } = cap;
  remoteTCBStall(kernel, tcb);
  tcbSchedDequeue(kernel, tcb);
  tcb.domain = domain;
  // What it waits for may now be due in this window.
  if (kernel.config.windows) reprogram(kernel, kernel.nodes[tcb.affinity]!, tcb);
  if (isSchedulable(tcb)) enqueue(kernel, tcb);
  if (tcb === kernel.node.current) rescheduleRequired(kernel);
  return done;
}

/** Which entry of which hart's schedule the first word names; of no hart's, one that is too large. */
function entryOf(invocation: Invocation): { node: Node; index: number } {
  const { nodes, node, config } = invocation.kernel;
  const index = invocation.number(0);
  if (!config.windows) return { node, index };
  const length = config.domainScheduleLength;
  const named = nodes[Math.floor(index / length)];
  return named === undefined ? { node, index: length } : { node: named, index: index % length };
}

function configureSchedule(invocation: Invocation): Outcome {
  const { config } = invocation.kernel;
  if (invocation.length < 3) return refusal.truncatedMessage;
  const { node, index } = entryOf(invocation);
  const domain = invocation.number(1);
  const duration = invocation.word(2);
  if (index >= config.domainScheduleLength - 1) return refusal.rangeError(0, config.domainScheduleLength - 2);
  if (domain >= config.numDomains) return refusal.rangeError(0, config.numDomains - 1);
  if (duration > maxDuration) return refusal.invalidArgument(2);
  if (duration === 0n && domain !== 0) return refusal.invalidArgument(1);
  if (index === node.domainStart && duration === 0n) return refusal.invalidArgument(2);
  node.domainSchedule[index] = { domain, duration: Number(duration) };
  return done;
}

function setStart(invocation: Invocation): Outcome {
  const { kernel } = invocation;
  const { config } = kernel;
  if (invocation.length < 1) return refusal.truncatedMessage;
  const { node, index } = entryOf(invocation);
  if (index >= config.domainScheduleLength) return refusal.rangeError(0, config.domainScheduleLength - 1);
  if (node.domainSchedule[index]!.duration === 0) return refusal.invalidArgument(0);
  node.domainStart = index;
  if (config.windows) {
    startWindows(kernel, node);
    return done;
  }
  node.domainTime = 0;
  node.domainIndex = config.domainScheduleLength - 2;
  rescheduleRequired(kernel);
  return done;
}
