// Domain windows, for the profile `cells`: a domain begins at its tick, whatever ran before. Without `config.windows` domains are
// seL4's, which last as long as their predecessors let them.
//
// A window ends early by the guard: the longest that the kernel may be busy after its last look at the clock, and the entry that
// switches. The rest of it is padding, which nobody is charged. What belongs to a thread of another domain waits for that domain:
// its release, its virtual timer, its interrupts. So a window depends on its own domain's threads and on nothing else.

import { irqState, type Kernel, type Node } from './kernel.ts';
import { capType } from './objects.ts';
import { commitTime, rescheduleRequired } from './scheduler.ts';

/** Whether the hart in the kernel has to leave its window now. */
export const isWindowOver = (kernel: Kernel): boolean =>
  kernel.config.windows &&
  kernel.machine.port.clocks[kernel.node.id]! + kernel.node.cost >=
    (kernel.node.windowEnd - kernel.guardTicks) * kernel.cyclesPerTick;

/** Arms a node's schedule: its frames begin at multiples of their length, the first after one that is whole. */
export function startWindows(kernel: Kernel, node: Node): void {
  let frame = 0;
  for (let at = node.domainStart; (node.domainSchedule[at]?.duration ?? 0) > 0; at++) {
    frame += node.domainSchedule[at]!.duration;
  }
  node.windowEnd = (Math.ceil(kernel.node.time / frame) + 1) * frame;
  node.domainTime = Math.max(0, node.windowEnd - kernel.guardTicks - node.time);
  node.domainIndex = node.domainSchedule.length;
  node.reprogram = true;
  if (node !== kernel.node) kernel.node.reschedulePending |= 1 << node.id;
}

/** The hart's window is over: the next that has room for anything begins, at its tick. */
export function beginWindow(kernel: Kernel): void {
  const { node } = kernel;
  commitTime(kernel);
  rescheduleRequired(kernel);
  const now = node.time;
  for (let entries = node.domainSchedule.length; entries > 0; entries--) {
    node.time = node.windowEnd;
    const next = node.domainSchedule[node.domainIndex + 1];
    node.domainIndex = next === undefined || next.duration === 0 ? node.domainStart : node.domainIndex + 1;
    const { domain, duration } = node.domainSchedule[node.domainIndex]!;
    node.domain = domain;
    node.windowEnd += duration;
    node.domainTime = Math.max(0, node.windowEnd - kernel.guardTicks - node.time);
    if (node.domainTime > 0 && node.windowEnd > now) break;
  }
  node.workUnits = 0;
  node.reprogram = true;
  for (let irq = 1; irq < kernel.irqStates.length; irq++) placeInterrupt(kernel, irq);
}

/** Passes the time until the window begins. Work that went on beyond that is an overrun: the guard is there to prevent it. */
export function padWindow(kernel: Kernel): void {
  const { node } = kernel;
  const { port } = kernel.machine;
  const early = node.time * kernel.cyclesPerTick - port.clocks[node.id]!;
  if (early >= 0) {
    port.clocks[node.id]! += early;
    return;
  }
  node.overruns++;
  port.log(`hart ${node.id}: a window of domain ${node.domain} begins ${-early} cycles late`);
}

/**
 * An interrupt belongs to the thread that is bound to its notification, and to domain 0 without one: it is taken on that thread's
 * hart, in the windows of its domain. Outside them the controller keeps it.
 */
function placeInterrupt(kernel: Kernel, irq: number): void {
  if (kernel.irqStates[irq] !== irqState.signal) return;
  const { cap } = kernel.irqSlots.slot(irq);
  const owner = cap.type === capType.notification ? cap.notification.boundTcb : null;
  const hart = owner?.affinity ?? 0;
  kernel.machine.port.placeInterrupt(irq, hart, (owner?.domain ?? 0) !== kernel.nodes[hart]!.domain);
}
