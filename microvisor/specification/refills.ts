// Budgets as sporadic servers: what a context uses comes back one period later.
// Source: seL4 manual, "Scheduling Contexts"; Stanovich et al., "Defects of the POSIX Sporadic Server and How to Correct Them".

import type { Refill, SchedContext, State } from './state.ts';

/** Budget at once and for ever, shared in turns: the second refill only counts what was used of the first. */
export const isRoundRobin = (sc: SchedContext): boolean => sc.period === 0;
export const isConfigured = (sc: SchedContext | undefined): sc is SchedContext => sc !== undefined && sc.maxRefills > 0;
const head = (sc: SchedContext): Refill => sc.refills[0]!;
const last = (sc: SchedContext): Refill => sc.refills.at(-1)!;
export const isReady = (s: State, sc: SchedContext): boolean => head(sc).time <= s.now;
/** Whether enough is left to get in and out of the kernel, after `used` more. */
export const suffices = (s: State, sc: SchedContext, used = 0): boolean => head(sc).amount - used >= s.config.minBudget;

export interface Parameters {
  budget: number;
  period: number;
  maxRefills: number;
}

/** A full budget from now on. */
export function refillAnew(s: State, sc: SchedContext, { budget, period, maxRefills }: Parameters): void {
  sc.period = period;
  sc.maxRefills = maxRefills;
  sc.refills = [{ time: s.now, amount: budget }];
  if (isRoundRobin(sc)) sc.refills.push({ time: s.now, amount: 0 });
}

/** New parameters for a context in use, which must gain no time by them. */
export function refillUpdate(s: State, sc: SchedContext, { budget, period, maxRefills }: Parameters): void {
  const { amount } = head(sc);
  const time = Math.max(head(sc).time, s.now);
  sc.period = period;
  sc.maxRefills = maxRefills;
  sc.refills = [{ time, amount: Math.min(amount, budget) }];
  if (amount < budget) sc.refills.push({ time: time + period, amount: budget - amount });
}

/** An amount that was used comes back: with the last refill if they touch or there is no room, which then comes later. */
function giveBack(sc: SchedContext, refill: Refill): void {
  const tail = last(sc);
  if (tail.time + tail.amount >= refill.time) {
    tail.amount += refill.amount;
  } else if (sc.refills.length < sc.maxRefills) {
    sc.refills.push(refill);
  } else {
    tail.time = refill.time - tail.amount;
    tail.amount += refill.amount;
  }
}

/** Charges what was used: whole refills from the head on, then a part of one. */
export function charge(s: State, sc: SchedContext, used: number): void {
  let left = used;
  while (head(sc).amount <= left) {
    const { time, amount } = head(sc);
    left -= amount;
    if (sc.refills.length === 1) {
      head(sc).time = time + sc.period;
    } else {
      sc.refills.shift();
      giveBack(sc, { time: time + sc.period, amount });
    }
  }
  if (left > 0) {
    const refill = head(sc);
    const back = { time: refill.time + sc.period, amount: left };
    refill.amount -= left;
    refill.time += left;
    giveBack(sc, back);
  }
  // A head that is too small joins the next, so that this ends no later than before.
  while (!suffices(s, sc)) {
    const { amount } = sc.refills.shift()!;
    head(sc).amount += amount;
    head(sc).time -= amount;
  }
}

/** A thread goes on after it was blocked: what it could have used by now counts from now. */
export function unblock(s: State, sc: SchedContext): void {
  if (isRoundRobin(sc) || !isReady(s, sc)) return;
  head(sc).time = s.now;
  s.rearm = true;
  while (sc.refills.length > 1 && sc.refills[1]!.time <= head(sc).time + head(sc).amount) {
    const { time, amount } = sc.refills.shift()!;
    head(sc).time = time;
    head(sc).amount += amount;
  }
}
