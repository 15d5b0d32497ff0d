// Budgets: charging the current scheduling context, and ending its time slice.

import { handleTimeout, hasTimeoutHandler } from './fault-handler.ts';
import type { Kernel } from './kernel.ts';
import { threadState } from './objects.ts';
import {
  enqueue,
  isCurDomainExpired,
  isRunnable,
  isSchedulable,
  postpone,
  rescheduleRequired,
  setThreadState,
  updateTimestamp,
} from './scheduler.ts';
import {
  isActive,
  isRoundRobin,
  refillBudgetCheck,
  refillHead,
  refillReady,
  refillSufficient,
  refillTail,
} from './sporadic.ts';
import { append } from './tcb-queue.ts';
import { isWindowOver } from './windows.ts';

/** Charges `consumed` to the current context and ends the time slice of the current thread. */
function chargeBudget(kernel: Kernel, consumed: number, canTimeoutFault: boolean): void {
  const { node } = kernel;
  const sc = node.currentSchedContext;
  // Another hart may have deleted it.
  if (sc !== node.idleSchedContext && isActive(sc)) {
    if (isRoundRobin(sc)) {
      refillHead(sc).amount += refillTail(sc).amount;
      refillTail(sc).amount = 0;
    } else {
      refillBudgetCheck(kernel, sc, consumed);
    }
    sc.consumed += consumed;
  }
  node.consumed = 0;
  if (isSchedulable(node.current)) {
    endTimeslice(kernel, canTimeoutFault);
    rescheduleRequired(kernel);
    node.reprogram = true;
  }
}

function endTimeslice(kernel: Kernel, canTimeoutFault: boolean): void {
  const { node } = kernel;
  const sc = node.currentSchedContext;
  if (canTimeoutFault && !isRoundRobin(sc) && hasTimeoutHandler(node.current)) {
    handleTimeout(kernel, node.current, sc.badge);
  } else if (refillReady(kernel, sc) && refillSufficient(kernel, sc, 0)) {
    enqueue(kernel, node.current, append);
  } else {
    postpone(kernel, sc);
  }
}

/** false: the current thread has no budget to go on, or its domain has no time. */
export function checkBudget(kernel: Kernel): boolean {
  const { node } = kernel;
  if (refillSufficient(kernel, node.currentSchedContext, node.consumed)) return !isCurDomainExpired(kernel);
  chargeBudget(kernel, node.consumed, true);
  return false;
}

/** Before a system call or fault is handled: without budget the thread starts it again when it has some. */
export function checkBudgetRestart(kernel: Kernel): boolean {
  if (checkBudget(kernel)) return true;
  const { current } = kernel.node;
  if (isRunnable(current)) setThreadState(kernel, current, threadState.restart);
  return false;
}

/** Moves the hart's clock on by the work of this entry. */
export function payCosts(kernel: Kernel): void {
  const { node } = kernel;
  // The guard of a window is made for this.
  if (node.cost > kernel.mostWork) throw new Error(`${node.cost} cycles without a look at the clock`);
  kernel.machine.port.clocks[node.id]! += node.cost;
  node.cost = 0;
}

/** Work units between two looks at whether something more urgent waits. */
const workUnitsPerPreemption = 100;

/** One unit of a long operation is done. false: stop here, and start the operation again later. */
export function preemptionPoint(kernel: Kernel): boolean {
  const { node } = kernel;
  node.workUnits++;
  const isTime = node.workUnits >= workUnitsPerPreemption;
  if (isTime || kernel.config.windows) payCosts(kernel);
  if (!isTime && !isWindowOver(kernel)) return true;
  node.workUnits = 0;
  updateTimestamp(kernel);
  const sc = node.currentSchedContext;
  return !(
    kernel.machine.port.interruptPending(node.id) ||
    isCurDomainExpired(kernel) ||
    !(isActive(sc) && refillSufficient(kernel, sc, node.consumed))
  );
}

/** After a preempted operation: the current context is charged as on any entry. */
export function mcsPreemptionPoint(kernel: Kernel): void {
  const { node } = kernel;
  if (isSchedulable(node.current)) checkBudget(kernel);
  else if (isActive(node.currentSchedContext)) chargeBudget(kernel, node.consumed, false);
  else node.consumed = 0;
}

/** The current thread gives up the rest of its time slice. */
export function yieldSlice(kernel: Kernel): void {
  const { node } = kernel;
  const sc = node.currentSchedContext;
  const consumed = sc.consumed + node.consumed;
  chargeBudget(kernel, refillHead(sc).amount, false);
  sc.consumed = consumed;
}
