// Turns: whether the current thread has time for what it asks, and what happens when it has not.
// Source: seL4 manual, "Scheduling Contexts" and "Timeout Faults".

import { hasTimeoutHandler, raiseTimeout } from './ipc.ts';
import { isConfigured, isRoundRobin } from './refills.ts';
import { become, canRun, chargeTurn, hasBudget, isDomainOver, isSchedulable, takeTurns } from './schedule.ts';
import { type ObjectId, restart, type SchedContext, type State, thread } from './state.ts';

/** The budget is used up: a handler is told, if there is one. */
function timeOut(s: State, id: ObjectId, sc: SchedContext): void {
  if (!isRoundRobin(sc) && hasTimeoutHandler(s, id)) raiseTimeout(s, id, sc.badge);
  else takeTurns(s, id, sc);
}

/** Whether there is time to go on. */
export function hasTime(s: State): boolean {
  if (hasBudget(s)) return !isDomainOver(s);
  chargeTurn(s, s.consumed, (id, sc) => timeOut(s, id, sc));
  return false;
}
/** Whether there is time for what the current thread asks; if not it will ask again. */
export function hasTimeToAsk(s: State, id: ObjectId): boolean {
  if (hasTime(s)) return true;
  if (canRun(thread(s, id))) become(s, id, restart);
  return false;
}
/** A long operation stopped: the time until then is charged, if what it was taken from still exists. */
export function stopInBetween(s: State): void {
  if (isSchedulable(s, s.current)) hasTime(s);
  else if (s.currentContext !== null && isConfigured(s.schedContexts[s.currentContext])) {
    chargeTurn(s, s.consumed, () => {});
  } else {
    s.consumed = 0;
  }
}

/** The rest of the budget is given up, but not counted as used. */
export function yieldTurn(s: State): void {
  const sc = s.schedContexts[s.currentContext!]!;
  const consumed = sc.consumed + s.consumed;
  chargeTurn(s, sc.refills[0]!.amount, (id) => takeTurns(s, id, sc));
  sc.consumed = consumed;
}
