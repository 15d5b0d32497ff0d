// The scheduler: ready and release queues of each node, the choice of the next thread, and the next timer interrupt.

import { context as contextFields } from '../hw/engine/layout.ts';
import { numPriorities } from './abi/limits.ts';
import { setVMRoot } from './address-space.ts';
import type { Kernel, Node } from './kernel.ts';
import { type SchedContext, type Tcb, type TcbQueue, type ThreadState, threadState } from './objects.ts';
import {
  isActive,
  isRoundRobin,
  refillBudgetCheck,
  refillHead,
  refillReady,
  refillTail,
  refillUnblockCheck,
} from './sporadic.ts';
import { append, insertBefore, prepend, remove } from './tcb-queue.ts';

export const isRunnable = (tcb: Tcb): boolean => tcb.state === threadState.running || tcb.state === threadState.restart;

export const isBlocked = (tcb: Tcb): boolean =>
  (tcb.state >= threadState.blockedOnReceive && tcb.state <= threadState.blockedOnNotification) ||
  tcb.state === threadState.waitingForInterrupt;

export const isStopped = (tcb: Tcb): boolean => tcb.state === threadState.inactive || isBlocked(tcb);

export const isSchedulable = (tcb: Tcb): boolean =>
  isRunnable(tcb) && tcb.schedContext !== null && isActive(tcb.schedContext) && !tcb.inReleaseQueue;

/** Whether a thread's affairs touch what its hart does now: with windows, those of other domains wait for theirs. */
const isInWindow = (kernel: Kernel, node: Node, tcb: Tcb): boolean =>
  !kernel.config.windows || tcb.domain === node.domain;

// Ready queues.

const readyQueue = (kernel: Kernel, tcb: Tcb): TcbQueue =>
  kernel.nodes[tcb.affinity]!.ready[tcb.domain * numPriorities + tcb.priority]!;

function markReady(kernel: Kernel, tcb: Tcb, nonEmpty: boolean): void {
  const { readyBitmap, readyWords } = kernel.nodes[tcb.affinity]!;
  const { domain, priority } = tcb;
  const word = priority >>> 5;
  const bits = withBit(readyBitmap[domain * 8 + word]!, priority & 31, nonEmpty);
  readyBitmap[domain * 8 + word] = bits;
  readyWords[domain] = withBit(readyWords[domain]!, word, bits !== 0);
}
const withBit = (bits: number, bit: number, set: boolean): number => (set ? bits | (1 << bit) : bits & ~(1 << bit));

/** Makes a thread the first of its priority, or (`append`) the last. */
export function tcbSchedEnqueue(kernel: Kernel, tcb: Tcb, insert = prepend): void {
  if (tcb.queued) return;
  insert(readyQueue(kernel, tcb), tcb);
  markReady(kernel, tcb, true);
  tcb.queued = true;
}
export function tcbSchedDequeue(kernel: Kernel, tcb: Tcb): void {
  if (!tcb.queued) return;
  const queue = readyQueue(kernel, tcb);
  remove(queue, tcb);
  tcb.queued = false;
  if (queue.head === null) markReady(kernel, tcb, false);
}

/** The highest priority with a ready thread in a domain, or −1. */
export function highestPriority(node: Node, domain: number): number {
  const words = node.readyWords[domain]!;
  if (words === 0) return -1;
  const word = 31 - Math.clz32(words);
  return word * 32 + 31 - Math.clz32(node.readyBitmap[domain * 8 + word]!);
}

/** A thread of another hart became ready: ask that hart to choose again if it matters to it. */
function remoteQueueUpdate(kernel: Kernel, tcb: Tcb): void {
  if (tcb.affinity === kernel.node.id) return;
  const remote = kernel.nodes[tcb.affinity]!;
  if (tcb.domain !== remote.domain) return;
  if (remote.current === remote.idle || tcb.priority > remote.current.priority || remote.reprogram) {
    kernel.node.reschedulePending |= 1 << tcb.affinity;
  }
}
export function enqueue(kernel: Kernel, tcb: Tcb, insert = prepend): void {
  tcbSchedEnqueue(kernel, tcb, insert);
  remoteQueueUpdate(kernel, tcb);
}

/** Takes a thread that runs on another hart off it, before its state changes: that hart idles until it chooses again. */
export function remoteTCBStall(kernel: Kernel, tcb: Tcb): void {
  if (tcb.affinity === kernel.node.id) return;
  const remote = kernel.nodes[tcb.affinity]!;
  if (remote.current !== tcb) return;
  tcbSchedEnqueue(kernel, tcb);
  remote.current = remote.idle;
  install(kernel, remote);
  kernel.node.reschedulePending |= 1 << tcb.affinity;
}

// The release queue: threads whose budget comes back later, by time.

function tcbReleaseEnqueue(kernel: Kernel, tcb: Tcb): void {
  const { release } = kernel.nodes[tcb.affinity]!;
  const { time } = refillHead(tcb.schedContext!);
  let after = release.head;
  while (after !== null && refillHead(after.schedContext!).time <= time) after = after.next;
  if (after === null) append(release, tcb);
  else insertBefore(release, tcb, after);
  tcb.inReleaseQueue = true;
}
export function tcbReleaseRemove(kernel: Kernel, tcb: Tcb): void {
  if (!tcb.inReleaseQueue) return;
  const node = kernel.nodes[tcb.affinity]!;
  if (node.release.head === tcb) reprogram(kernel, node, tcb);
  remove(node.release, tcb);
  tcb.inReleaseQueue = false;
}
/** Moves a thread to the release queue until its context's next refill. */
export function postpone(kernel: Kernel, sc: SchedContext): void {
  const tcb = sc.tcb!;
  tcbSchedDequeue(kernel, tcb);
  tcbReleaseEnqueue(kernel, tcb);
  reprogram(kernel, kernel.nodes[sc.core]!, tcb);
}
/** The timer of a hart has to be set anew, because of a thread. */
export function reprogram(kernel: Kernel, node: Node, tcb: Tcb): void {
  if (isInWindow(kernel, node, tcb)) node.reprogram = true;
}
/** The thread whose release is next. */
function nextRelease(kernel: Kernel): Tcb | null {
  const { node } = kernel;
  let tcb = node.release.head;
  while (tcb !== null && !isInWindow(kernel, node, tcb)) tcb = tcb.next;
  return tcb;
}
function awaken(kernel: Kernel): void {
  for (let tcb = nextRelease(kernel); tcb !== null; tcb = nextRelease(kernel)) {
    if (!refillReady(kernel, tcb.schedContext!)) return;
    tcbReleaseRemove(kernel, tcb);
    possibleSwitchTo(kernel, tcb);
  }
}
/** The virtual hart whose timer is next. */
export function nextVirtualTimer(kernel: Kernel): Tcb | undefined {
  const { node } = kernel;
  return node.virtualTimers.find((tcb) => isInWindow(kernel, node, tcb));
}

// State changes.

export function setThreadState(kernel: Kernel, tcb: Tcb, state: ThreadState): void {
  tcb.state = state;
  scheduleTCB(kernel, tcb);
}
/** The current thread may no longer run: choose another. */
export function scheduleTCB(kernel: Kernel, tcb: Tcb): void {
  const { node } = kernel;
  if (tcb === node.current && node.action === 'resume' && !isSchedulable(tcb)) node.action = 'choose';
}
export function rescheduleRequired(kernel: Kernel): void {
  const { node } = kernel;
  if (typeof node.action === 'object' && isSchedulable(node.action)) enqueue(kernel, node.action);
  node.action = 'choose';
}
/** A thread became runnable: run it at once if nothing more urgent is known, or enqueue it. */
export function possibleSwitchTo(kernel: Kernel, tcb: Tcb): void {
  if (tcb.schedContext === null || tcb.inReleaseQueue) return;
  const { node } = kernel;
  if (tcb.domain !== node.domain || tcb.affinity !== node.id) {
    enqueue(kernel, tcb);
  } else if (node.action !== 'resume') {
    rescheduleRequired(kernel);
    enqueue(kernel, tcb);
  } else {
    node.action = tcb;
  }
}

// Time.

/** Reads the clock and adds what passed since the last entry to what the current context has used. */
export function updateTimestamp(kernel: Kernel): void {
  const { node } = kernel;
  const now = Math.floor((kernel.machine.port.clocks[node.id]! + node.cost) / kernel.cyclesPerTick);
  const passed = now - node.time;
  node.time = now;
  node.consumed += passed;
  if (kernel.config.numDomains > 1) {
    node.domainTime = kernel.config.windows
      ? Math.max(0, node.windowEnd - kernel.guardTicks - now)
      : passed + kernel.minBudget >= node.domainTime
        ? 0
        : node.domainTime - passed;
  }
}
export const isCurDomainExpired = (kernel: Kernel): boolean =>
  kernel.config.numDomains > 1 && kernel.node.domainTime === 0;

/** Charges what was used to the current context without ending its time slice. */
export function commitTime(kernel: Kernel): void {
  const { node } = kernel;
  const sc = node.currentSchedContext;
  if (isActive(sc) && sc !== node.idleSchedContext) {
    if (node.consumed > 0) {
      if (isRoundRobin(sc)) {
        refillHead(sc).amount -= node.consumed;
        refillTail(sc).amount += node.consumed;
      } else {
        refillBudgetCheck(kernel, sc, node.consumed);
      }
    }
    sc.consumed += node.consumed;
  }
  node.consumed = 0;
}

function setNextInterrupt(kernel: Kernel): void {
  const { node } = kernel;
  kernel.charge(kernel.costs.timer);
  let deadline = node.time + refillHead(node.current.schedContext!).amount;
  if (kernel.config.numDomains > 1) deadline = Math.min(deadline, node.time + node.domainTime);
  const release = nextRelease(kernel);
  if (release !== null) deadline = Math.min(deadline, refillHead(release.schedContext!).time);
  // A virtual hart in WFI is woken by its own timer.
  if (node.virtualTimers.length > 0) deadline = Math.min(deadline, nextVirtualTimer(kernel)?.vcpu?.wakeAt ?? Infinity);
  const cycles = deadline * kernel.cyclesPerTick;
  kernel.machine.port.deadlines[node.id] = cycles <= Number.MAX_SAFE_INTEGER ? cycles : Infinity;
}

// The choice.

function switchToThread(kernel: Kernel, tcb: Tcb): void {
  tcbSchedDequeue(kernel, tcb);
  kernel.node.current = tcb;
}
function nextDomain(kernel: Kernel): void {
  const { node } = kernel;
  node.domainIndex++;
  const slice = node.domainSchedule[node.domainIndex];
  if (slice === undefined || slice.duration === 0) node.domainIndex = node.domainStart;
  node.reprogram = true;
  node.workUnits = 0;
  node.domain = node.domainSchedule[node.domainIndex]!.domain;
  node.domainTime = node.domainSchedule[node.domainIndex]!.duration;
}
function chooseNewThread(kernel: Kernel): void {
  const { node } = kernel;
  if (node.domainTime === 0) nextDomain(kernel);
  const priority = highestPriority(node, node.domain);
  if (priority < 0) node.current = node.idle;
  else switchToThread(kernel, node.ready[node.domain * numPriorities + priority]!.head!);
}

/** Whether something more urgent than the current thread is ready. */
export function isOutranked(kernel: Kernel): boolean {
  const { node } = kernel;
  return highestPriority(node, node.domain) > (node.current === node.idle ? -1 : node.current.priority);
}

/** Decides who runs when this hart leaves the kernel, and arms the timer. */
export function schedule(kernel: Kernel): void {
  const { node } = kernel;
  kernel.charge(kernel.costs.schedule);
  awaken(kernel);
  if (isCurDomainExpired(kernel)) {
    node.reprogram = true;
    rescheduleRequired(kernel);
  }
  if (node.action !== 'resume') {
    const wasRunnable = isSchedulable(node.current);
    // A donated scheduling context may just have moved it to another hart.
    if (wasRunnable) enqueue(kernel, node.current);
    if (node.action === 'choose') {
      chooseNewThread(kernel);
    } else {
      const candidate = node.action;
      const mayBeOutranked = node.current === node.idle || candidate.priority < node.current.priority;
      if (mayBeOutranked && candidate.priority < highestPriority(node, node.domain)) {
        enqueue(kernel, candidate);
        chooseNewThread(kernel);
      } else if (wasRunnable && candidate.priority === node.current.priority) {
        enqueue(kernel, candidate, append);
        chooseNewThread(kernel);
      } else {
        switchToThread(kernel, candidate);
      }
    }
  }
  node.action = 'resume';
  sendReschedules(kernel);
  switchSchedContext(kernel);
  if (node.reprogram) {
    setNextInterrupt(kernel);
    node.reprogram = false;
  }
}
function sendReschedules(kernel: Kernel): void {
  const { node } = kernel;
  for (let id = 0; node.reschedulePending !== 0 && id < kernel.nodes.length; id++) {
    if ((node.reschedulePending & (1 << id)) !== 0 && id !== node.id) kernel.machine.port.sendReschedule(id);
  }
  node.reschedulePending = 0;
}
function switchSchedContext(kernel: Kernel): void {
  const { node } = kernel;
  const sc = node.current.schedContext!;
  if (node.currentSchedContext !== sc) {
    node.reprogram = true;
    if (!sc.sporadic && node.current !== node.idle) refillUnblockCheck(kernel, sc);
  }
  if (node.reprogram) commitTime(kernel);
  node.currentSchedContext = sc;
}

/** Puts the context of the node's current thread on its hart. */
export function install(kernel: Kernel, node: Node): void {
  const hart = kernel.machine.harts[node.id]!;
  const { context } = node.current;
  if (node.current === node.idle) context.setLow(contextFields.waiting, 1);
  else setVMRoot(kernel, node.current);
  // Who was in between may have stored to what is reserved.
  context.dropReservation();
  if (hart.context === context) return;
  node.cost += kernel.costs.threadSwitch;
  if (hart.context.low(contextFields.virtual) !== context.low(contextFields.virtual))
    node.cost += kernel.costs.worldSwitch;
  hart.context = context;
}
