// Invocations of Domain: which domain a thread is in, and when each domain runs. The schedule is that of the caller's hart; with
// windows (our profile `cells`) the schedules of all harts follow each other in one numbering of entries.

import type { Kernel, Node } from '../kernel.ts';
import { capType, type PlainCap } from '../objects.ts';
import { type Result, refusal } from '../outcome.ts';
import { remoteTCBStall, rescheduleRequired } from '../scheduler.ts';
import { setDomain } from '../tcb.ts';
import { startWindows } from '../windows.ts';
import type { Invocation, Methods } from './invocation.ts';

export const domainMethods: Methods<PlainCap> = {
  DomainSetSet: [1, 0, set],
  DomainScheduleConfigure: [3, 0, configureSchedule],
  DomainScheduleSetStart: [1, 0, setStart],
};

/** Timer ticks of a slice: 56 bits. */
const maxDuration = 2n ** 56n - 1n;

function set(kernel: Kernel, invocation: Invocation): Result {
  const domain = invocation.number(0);
  if (domain >= kernel.config.numDomains) return refusal.invalidArgument(0);
  if (invocation.extraCapCount < 1) return refusal.truncatedMessage;
  const cap = invocation.extraCap(0);
  if (cap.type !== capType.thread) return refusal.invalidArgument(1);
  remoteTCBStall(kernel, cap.tcb);
  setDomain(kernel, cap.tcb, domain);
}

/** Which entry of which hart's schedule is meant; of no hart's, one that is too large. */
function entryOf({ nodes, node, config }: Kernel, index: number): { node: Node; index: number } {
  if (!config.windows) return { node, index };
  const length = config.domainScheduleLength;
  const named = nodes[Math.floor(index / length)];
  return named === undefined ? { node, index: length } : { node: named, index: index % length };
}

function configureSchedule(kernel: Kernel, invocation: Invocation): Result {
  const { domainScheduleLength, numDomains } = kernel.config;
  const { node, index } = entryOf(kernel, invocation.number(0));
  const domain = invocation.number(1);
  const duration = invocation.word(2);
  if (index >= domainScheduleLength - 1) return refusal.rangeError(0, domainScheduleLength - 2);
  if (domain >= numDomains) return refusal.rangeError(0, numDomains - 1);
  if (duration > maxDuration) return refusal.invalidArgument(2);
  if (duration === 0n && domain !== 0) return refusal.invalidArgument(1);
  if (index === node.domainStart && duration === 0n) return refusal.invalidArgument(2);
  node.domainSchedule[index] = { domain, duration: Number(duration) };
}

function setStart(kernel: Kernel, invocation: Invocation): Result {
  const { domainScheduleLength, windows } = kernel.config;
  const { node, index } = entryOf(kernel, invocation.number(0));
  if (index >= domainScheduleLength) return refusal.rangeError(0, domainScheduleLength - 1);
  if (node.domainSchedule[index]!.duration === 0) return refusal.invalidArgument(0);
  node.domainStart = index;
  if (windows) {
    startWindows(kernel, node);
  } else {
    node.domainTime = 0;
    node.domainIndex = domainScheduleLength - 2;
    rescheduleRequired(kernel);
  }
}
