// Nodes: what runs on each hart, what is ready there, what waits for its budget, and when the timer is due.

import { numPriorities } from '../abi/limits.ts';
import { runsIn, vmRootOf } from '../address-space.ts';
import type { Kernel, Node } from '../kernel.ts';
import { capType, type SchedContext, type Tcb, tcbSlot, threadState } from '../objects.ts';
import { isSchedulable } from '../scheduler.ts';
import { refillHead } from '../sporadic.ts';
import { nameOf, nameOfState } from './names.ts';
import { checkQueue, type Queued } from './queue.ts';
import { violated } from './violation.ts';

/** Checks every node and enters who is in their queues into `queued`. Cheap: it looks at threads, and at nothing else. */
export function checkNodes(kernel: Kernel, queued: Queued): void {
  for (const node of kernel.nodes) {
    checkCurrent(kernel, node);
    checkReady(node, queued);
    checkRelease(node, queued);
    checkVirtualTimers(node);
    checkDomain(kernel, node);
  }
  checkLeft(kernel, kernel.node);
}

function checkCurrent(kernel: Kernel, node: Node): void {
  const { current, idle } = node;
  const where = `hart ${node.id}`;
  const hart = kernel.machine.harts[node.id]!;
  if (hart.context.base !== current.context.base)
    violated('node', `${where} has not the context of ${nameOf(current)}`);
  if (node.action !== 'resume') violated('node', `${where} has left the kernel, and the next thread is not chosen`);
  if (idle.state !== threadState.idle || idle.queued || idle.inReleaseQueue) {
    violated('node', `the idle thread of ${where} is ${nameOfState(idle)}`);
  }
  if (current === idle) return;
  if (!isSchedulable(current)) violated('node', `${where} runs ${nameOf(current)}, which may not run`);
  if (current.affinity !== node.id) violated('node', `${where} runs ${nameOf(current)} of core ${current.affinity}`);
  if (current.domain !== node.domain) {
    violated('domain', `${where} is in domain ${node.domain} and runs ${nameOf(current)} of domain ${current.domain}`);
  }
  // As on seL4, a thread of another hart that has lost its capability to its address space runs on in it, as long as that exists.
  const mayRunOn = node !== kernel.node && current.slots.slot(tcbSlot.vTable).cap.type === capType.null;
  if (!mayRunOn && !runsIn(kernel, current, vmRootOf(kernel, current))) {
    violated('node', `${where} runs ${nameOf(current)} in another address space`);
  }
  const { context, vcpu } = current;
  if ((context.get('virtual') !== 0) !== (vcpu !== null) || (vcpu === null && context.get('privilege') !== 0)) {
    violated('node', `${where} runs ${nameOf(current)} with privilege ${context.get('privilege')}`);
  }
}

function checkReady(node: Node, queued: Queued): void {
  const { ready, readyBitmap, readyWords } = node;
  readyBitmap.forEach((bits, word) => {
    const isMarked = ((readyWords[word >>> 3]! >>> (word & 7)) & 1) !== 0;
    if (isMarked !== (bits !== 0)) violated('ready queue', `word ${word} of hart ${node.id}'s bitmap is ${bits}`);
  });
  for (let index = 0; index < ready.length; index++) {
    const queue = ready[index]!;
    const isMarked = ((readyBitmap[index >>> 5]! >>> (index & 31)) & 1) !== 0;
    if (!isMarked && queue.head === null && queue.end === null) continue;
    const name = `ready queue ${index} of hart ${node.id}`;
    if (isMarked !== (queue.head !== null)) violated('ready queue', `the bitmap is wrong about ${name}`);
    checkQueue(queue, name, queued);
    for (let tcb = queue.head; tcb !== null; tcb = tcb.next) {
      if (!tcb.queued || tcb.affinity !== node.id || tcb.domain * numPriorities + tcb.priority !== index) {
        violated('ready queue', `${nameOf(tcb)} is in ${name}, which is not its own`);
      }
      if (!isSchedulable(tcb)) violated('ready queue', `${nameOf(tcb)} is in ${name}, and may not run`);
    }
  }
}

function checkRelease(node: Node, queued: Queued): void {
  const name = `the release queue of hart ${node.id}`;
  checkQueue(node.release, name, queued);
  let before = -Infinity;
  for (let tcb = node.release.head; tcb !== null; tcb = tcb.next) {
    if (!tcb.inReleaseQueue || tcb.queued || tcb.affinity !== node.id || tcb.schedContext === null) {
      violated('release queue', `${nameOf(tcb)} is in ${name}, which is not its own`);
    }
    const { time } = refillHead(tcb.schedContext);
    if (time < before)
      violated('release queue', `${nameOf(tcb)} is due at ${time}, the one before it in ${name} at ${before}`);
    before = time;
  }
}

function checkVirtualTimers(node: Node): void {
  let before = -Infinity;
  for (const tcb of node.virtualTimers) {
    const { vcpu, state } = tcb;
    if (
      vcpu === null ||
      state !== threadState.waitingForInterrupt ||
      !(vcpu.wakeAt >= before && vcpu.wakeAt < Infinity)
    ) {
      violated(
        'virtual timer',
        `${nameOf(tcb)} is ${nameOfState(tcb)} and has one of hart ${node.id} at ${vcpu?.wakeAt}`,
      );
    }
    before = vcpu.wakeAt;
  }
}

function checkDomain(kernel: Kernel, node: Node): void {
  const { domain, domainSchedule, domainStart } = node;
  if (domain >= kernel.config.numDomains) violated('domain', `hart ${node.id} is in domain ${domain}`);
  if (domainSchedule[domainStart]?.duration === 0)
    violated('domain', `the schedule of hart ${node.id} starts at its end`);
  for (const slice of domainSchedule) {
    if (slice.domain >= kernel.config.numDomains)
      violated('domain', `the schedule of hart ${node.id} has domain ${slice.domain}`);
  }
}

/** The hart that has just left the kernel: nothing is left undone, and nobody more urgent waits. */
function checkLeft(kernel: Kernel, node: Node): void {
  const { current, currentSchedContext, idle } = node;
  const where = `hart ${node.id}`;
  if (currentSchedContext !== current.schedContext) {
    violated('node', `${where} runs ${nameOf(current)}, and charges ${nameOf(currentSchedContext)}`);
  }
  if (node.reschedulePending !== 0) violated('node', `${where} has not told others to choose again`);
  if (node.cost !== 0) violated('node', `${where} has ${node.cost} cycles of work that its clock does not show`);
  const deadline = kernel.machine.port.deadlines[node.id]!;
  const due = dueAt(kernel, node, isNewlyArmed(node, deadline));
  if (node.reprogram || deadline > due * kernel.cyclesPerTick) {
    violated('timer', `${where} is to be interrupted at cycle ${deadline}, something is due at tick ${due}`);
  }
  // Another hart may have made a more urgent thread ready: then a request to choose again is on its way.
  const priority = current === idle ? -1 : current.priority;
  noteMoves(kernel);
  const waiting = kernel.nodes.length > 1 ? null : mostUrgent(node);
  if (waiting !== null && waiting.priority > priority) {
    violated('node', `${where} runs ${nameOf(current)} while ${nameOf(waiting)} is more urgent and ready`);
  }
}

/** When the kernel must be entered again, in ticks. With windows, what belongs to other domains waits for theirs. */
function dueAt(kernel: Kernel, node: Node, withBudget: boolean): number {
  const { windows, numDomains } = kernel.config;
  const isOwn = (tcb: Tcb): boolean => !windows || tcb.domain === node.domain;
  let due = withBudget ? node.time - node.consumed + refillHead(node.current.schedContext!).amount : Infinity;
  if (windows) due = Math.min(due, node.windowEnd - kernel.guardTicks);
  else if (numDomains > 1) due = Math.min(due, node.time + node.domainTime);
  let release = node.release.head;
  while (release !== null && !isOwn(release)) release = release.next;
  if (release !== null) due = Math.min(due, refillHead(release.schedContext!).time);
  due = Math.min(due, node.virtualTimers.find(isOwn)?.vcpu?.wakeAt ?? Infinity);
  // Beyond exact arithmetic there is no deadline.
  return due * kernel.cyclesPerTick < Number.MAX_SAFE_INTEGER ? due : Infinity;
}

/**
 * Like seL4's, the kernel leaves the timer where it is when the budget of the thread that runs is configured anew: so budgets are
 * compared with the timer when it has been set, or another context is charged.
 */
const armed = new WeakMap<Node, { deadline: number; schedContext: SchedContext }>();

function isNewlyArmed(node: Node, deadline: number): boolean {
  const last = armed.get(node);
  const schedContext = node.currentSchedContext;
  if (last?.deadline === deadline && last.schedContext === schedContext) return false;
  armed.set(node, { deadline, schedContext });
  // Of a node that was loaded, nobody knows when its timer was set.
  return last !== undefined;
}

/** The most urgent thread that is ready in the domain that runs, and has a claim to run now. */
function mostUrgent(node: Node): Tcb | null {
  for (let priority = numPriorities - 1; priority >= 0; priority--) {
    let tcb = node.ready[node.domain * numPriorities + priority]!.head;
    while (tcb !== null && seen.get(tcb)?.moved) tcb = tcb.next;
    if (tcb !== null) return tcb;
  }
  return null;
}

/**
 * Like seL4's, the kernel does not switch to a more urgent thread that DomainSet moves into the domain that runs: it waits for the
 * next choice. So it is remembered which domain each thread was in, and whether it has been moved since it was last queued.
 */
const seen = new WeakMap<Tcb, { domain: number; moved: boolean }>();

function noteMoves(kernel: Kernel): void {
  for (const tcb of kernel.threads) {
    const last = seen.get(tcb);
    if (last === undefined) {
      seen.set(tcb, { domain: tcb.domain, moved: tcb.queued });
      continue;
    }
    last.moved = tcb.queued && (last.moved || last.domain !== tcb.domain);
    last.domain = tcb.domain;
  }
}
