// Refills of a scheduling context: MCS's sporadic servers. Each refill is an amount that may be used from a time on; what is used
// comes back one period later. A context with period 0 is round-robin: full budget at once, its second refill counts what is used.

import { refillBytes, schedContextHeaderBytes } from './abi/limits.ts';
import type { Kernel } from './kernel.ts';
import type { Refill, SchedContext } from './objects.ts';

/** Past this, times are not moved any further (seL4's MAX_RELEASE_TIME). */
const maxReleaseTime = 2 ** 62;

const next = (sc: SchedContext, index: number): number => (index === sc.refillMax - 1 ? 0 : index + 1);
export const refillHead = (sc: SchedContext): Refill => sc.refills[sc.refillHead]!;
export const refillTail = (sc: SchedContext): Refill => sc.refills[sc.refillTail]!;
const single = (sc: SchedContext): boolean => sc.refillHead === sc.refillTail;
const size = (sc: SchedContext): number => ((sc.refillTail - sc.refillHead + sc.refillMax) % sc.refillMax) + 1;

export const isRoundRobin = (sc: SchedContext): boolean => sc.period === 0;
export const isActive = (sc: SchedContext): boolean => sc.refillMax > 0;
export const refillReady = (kernel: Kernel, sc: SchedContext): boolean => refillHead(sc).time <= kernel.node.time;
export const isReleased = (kernel: Kernel, sc: SchedContext): boolean => isActive(sc) && refillReady(kernel, sc);
/** Whether enough is left after `usage` to get in and out of the kernel. */
export const refillSufficient = (kernel: Kernel, sc: SchedContext, usage: number): boolean =>
  refillHead(sc).amount - usage >= kernel.minBudget;

function popHead(sc: SchedContext): Refill {
  const head = refillHead(sc);
  sc.refillHead = next(sc, sc.refillHead);
  return head;
}
/** Adds by value: entries of the ring are reused, never replaced. */
function addTail(sc: SchedContext, time: number, amount: number): void {
  sc.refillTail = next(sc, sc.refillTail);
  const tail = refillTail(sc);
  tail.time = time;
  tail.amount = amount;
}
/** Gives a context a full budget from now on. */
export function refillNew(kernel: Kernel, sc: SchedContext, maxRefills: number, budget: number, period: number): void {
  while (sc.refills.length < maxRefills) sc.refills.push({ time: 0, amount: 0 });
  sc.period = period;
  sc.budget = budget;
  sc.refillHead = 0;
  sc.refillTail = 0;
  sc.refillMax = maxRefills;
  refillHead(sc).time = kernel.node.time;
  refillHead(sc).amount = budget;
  if (isRoundRobin(sc)) addTail(sc, kernel.node.time, 0);
}

/** Changes the parameters of a sporadic context whose thread is runnable; it never gains time by that. */
export function refillUpdate(
  kernel: Kernel,
  sc: SchedContext,
  period: number,
  budget: number,
  maxRefills: number,
): void {
  const { time, amount } = refillHead(sc);
  refillNew(kernel, sc, maxRefills, budget, period);
  const head = refillHead(sc);
  head.time = Math.max(time, kernel.node.time);
  if (amount >= budget) return;
  head.amount = amount;
  addTail(sc, head.time + period, budget - amount);
}

/** Schedules an amount that was used, for the time at which it comes back. */
function scheduleUsed(sc: SchedContext, time: number, amount: number): void {
  const tail = refillTail(sc);
  if (tail.time + tail.amount >= time) {
    tail.amount += amount;
  } else if (size(sc) < sc.refillMax) {
    addTail(sc, time, amount);
  } else {
    // No room: the last refill comes later, so that it is never too early.
    tail.time = time - tail.amount;
    tail.amount += amount;
  }
}

/** Takes `usage` from the refills of a sporadic context, and schedules what was taken. */
export function refillBudgetCheck(kernel: Kernel, sc: SchedContext, usage: number): void {
  let left = usage;
  while (refillHead(sc).amount <= left && refillHead(sc).time < maxReleaseTime) {
    const head = refillHead(sc);
    left -= head.amount;
    if (single(sc)) {
      head.time += sc.period;
    } else {
      const { time, amount } = popHead(sc);
      scheduleUsed(sc, time + sc.period, amount);
    }
  }
  const head = refillHead(sc);
  if (left > 0 && head.time < maxReleaseTime) {
    const back = head.time + sc.period;
    head.amount -= left;
    head.time += left;
    scheduleUsed(sc, back, left);
  }
  // A head too small to use joins the next, which then starts that much earlier.
  while (refillHead(sc).amount < kernel.minBudget) {
    const { amount } = popHead(sc);
    refillHead(sc).amount += amount;
    refillHead(sc).time -= amount;
  }
}

/** Before a blocked thread runs again: what it could have used by now is usable from now, not from earlier. */
export function refillUnblockCheck(kernel: Kernel, sc: SchedContext): void {
  if (isRoundRobin(sc) || !refillReady(kernel, sc)) return;
  refillHead(sc).time = kernel.node.time;
  kernel.node.reprogram = true;
  while (!single(sc)) {
    const head = refillHead(sc);
    if (sc.refills[next(sc, sc.refillHead)]!.time > head.time + head.amount) return;
    const { time, amount } = popHead(sc);
    refillHead(sc).time = time;
    refillHead(sc).amount += amount;
  }
}

/** The refills that a context of this size has room for. */
export const refillAbsoluteMax = (sc: SchedContext): number =>
  Math.floor((2 ** sc.sizeBits - schedContextHeaderBytes) / refillBytes);
