// Who runs: ready threads by domain and priority, threads that wait for budget, and the choice at the end of an entry.
// Source: seL4 manual, "Threads and Execution".

import { numPriorities } from '../abi/limits.ts';
import { charge, isConfigured, isReady, isRoundRobin, suffices, unblock } from './refills.ts';
import { type Activity, type ObjectId, type SchedContext, type State, type Thread, thread } from './state.ts';

export const canRun = ({ activity: { kind } }: Thread): boolean => kind === 'running' || kind === 'restart';
export const isBlocked = (t: Thread): boolean => !canRun(t) && t.activity.kind !== 'inactive';
export const contextOf = (s: State, t: Thread): SchedContext | undefined =>
  t.schedContext === null ? undefined : s.schedContexts[t.schedContext];

/** Whether a thread could be chosen now or later in this entry: it wants to run, and has time to. */
export function isSchedulable(s: State, id: ObjectId | null): boolean {
  if (id === null) return false;
  const t = s.threads[id];
  return t !== undefined && canRun(t) && isConfigured(contextOf(s, t)) && !s.released.includes(id);
}

// Queues.

const queueOf = (t: Thread): number => t.domain * numPriorities + t.priority;
export function isReadyQueued(s: State, id: ObjectId): boolean {
  return s.ready[queueOf(thread(s, id))]?.includes(id) ?? false;
}
function queue(s: State, id: ObjectId, at: 'first' | 'last'): void {
  if (isReadyQueued(s, id)) return;
  const key = queueOf(thread(s, id));
  s.ready[key] ??= [];
  const threads = s.ready[key];
  if (at === 'first') threads.unshift(id);
  else threads.push(id);
}
/** Threads that were interrupted or woken go to the front of their queue: their turn is not over. */
export const queueFirst = (s: State, id: ObjectId): void => queue(s, id, 'first');
/** Threads whose turn is over go to the end. */
export const queueLast = (s: State, id: ObjectId): void => queue(s, id, 'last');
export function dequeue(s: State, id: ObjectId): void {
  const key = queueOf(thread(s, id));
  const threads = s.ready[key];
  if (threads === undefined || !threads.includes(id)) return;
  if (threads.length === 1) delete s.ready[key];
  else threads.splice(threads.indexOf(id), 1);
}

const releaseTime = (s: State, id: ObjectId): number => contextOf(s, thread(s, id))!.refills[0]!.time;
/** A thread whose context has no budget now waits for its next refill. */
export function postpone(s: State, id: ObjectId): void {
  dequeue(s, id);
  const time = releaseTime(s, id);
  const later = s.released.findIndex((other) => releaseTime(s, other) > time);
  s.released.splice(later < 0 ? s.released.length : later, 0, id);
  s.rearm = true;
}
export function unpostpone(s: State, id: ObjectId): void {
  const at = s.released.indexOf(id);
  if (at < 0) return;
  if (at === 0) s.rearm = true;
  s.released.splice(at, 1);
}

// Decisions.

export function chooseAnew(s: State): void {
  if (typeof s.next === 'number' && isSchedulable(s, s.next)) queueFirst(s, s.next);
  s.next = 'choose';
}
/** A thread can go on: at once, unless more than this has happened in this entry. */
export function wake(s: State, id: ObjectId): void {
  const { schedContext, domain } = thread(s, id);
  if (schedContext === null || s.released.includes(id)) return;
  if (domain !== s.domain.current) {
    queueFirst(s, id);
  } else if (s.next !== 'same') {
    chooseAnew(s);
    queueFirst(s, id);
  } else {
    s.next = id;
  }
}
export function become(s: State, id: ObjectId, activity: Activity): void {
  thread(s, id).activity = activity;
  reconsider(s, id);
}
/** The current thread may have stopped. */
export function reconsider(s: State, id: ObjectId): void {
  if (id === s.current && s.next === 'same' && !isSchedulable(s, id)) s.next = 'choose';
}

// Time.

export const isDomainOver = (s: State): boolean => s.config.numDomains > 1 && s.domain.time === 0;

export function advance(s: State, now: number): void {
  const passed = now - s.now;
  s.now = now;
  s.consumed += passed;
  if (s.config.numDomains === 1) return;
  s.domain.time = passed + s.config.minBudget >= s.domain.time ? 0 : s.domain.time - passed;
}

const currentContext = (s: State): SchedContext | undefined =>
  s.currentContext === null ? undefined : s.schedContexts[s.currentContext];
/** Whether the time that is passing is covered. Nobody's time always is. */
export function hasBudget(s: State): boolean {
  const sc = currentContext(s);
  return s.currentContext === null || (isConfigured(sc) && suffices(s, sc, s.consumed));
}

/** Charges what was used while the turn goes on. */
export function commit(s: State): void {
  const sc = currentContext(s);
  if (isConfigured(sc)) {
    if (s.consumed > 0) {
      if (isRoundRobin(sc)) {
        sc.refills[0]!.amount -= s.consumed;
        sc.refills[1]!.amount += s.consumed;
      } else {
        charge(s, sc, s.consumed);
      }
    }
    sc.consumed += s.consumed;
  }
  s.consumed = 0;
}

/** Charges `used` and ends the turn. What becomes of the current thread is for `endTurn` to say. */
export function chargeTurn(s: State, used: number, endTurn: (id: ObjectId, sc: SchedContext) => void): void {
  const sc = currentContext(s);
  if (isConfigured(sc)) {
    if (isRoundRobin(sc)) {
      sc.refills[0]!.amount += sc.refills[1]!.amount;
      sc.refills[1]!.amount = 0;
    } else {
      charge(s, sc, used);
    }
    sc.consumed += used;
  }
  s.consumed = 0;
  if (!isSchedulable(s, s.current)) return;
  endTurn(s.current!, sc!);
  chooseAnew(s);
  s.rearm = true;
}
/** The turn of a thread is over: others of its priority are next, or its context needs to be refilled. */
export function takeTurns(s: State, id: ObjectId, sc: SchedContext): void {
  if (isReady(s, sc) && suffices(s, sc)) queueLast(s, id);
  else postpone(s, id);
}

// The choice.

function highest(s: State): number {
  const keys = Object.keys(s.ready).map(Number);
  return Math.max(-1, ...keys.filter((key) => Math.floor(key / numPriorities) === s.domain.current));
}
function nextDomain(s: State): void {
  const { domain } = s;
  domain.index++;
  const slice = domain.schedule[domain.index];
  if (slice === undefined || slice.duration === 0) domain.index = domain.start;
  s.rearm = true;
  s.work = 0;
  domain.current = domain.schedule[domain.index]!.domain;
  domain.time = domain.schedule[domain.index]!.duration;
}
function choose(s: State): void {
  if (s.domain.time === 0) nextDomain(s);
  const key = highest(s);
  if (key < 0) s.current = null;
  else run(s, s.ready[key]![0]!);
}
function run(s: State, id: ObjectId): void {
  dequeue(s, id);
  s.current = id;
}

/** Who was woken runs, unless someone ready outranks it; a current thread of its priority goes on. */
function switchTo(s: State, candidate: ObjectId, currentStays: boolean): void {
  const { priority } = thread(s, candidate);
  if (priority < highest(s) % numPriorities) {
    queueFirst(s, candidate);
    choose(s);
  } else if (currentStays && priority === thread(s, s.current!).priority) {
    queueLast(s, candidate);
    choose(s);
  } else {
    run(s, candidate);
  }
}

/** The end of every entry: who runs now, on whose time, and when the timer goes off. */
export function schedule(s: State): void {
  while (s.released.length > 0 && releaseTime(s, s.released[0]!) <= s.now) {
    const id = s.released[0]!;
    unpostpone(s, id);
    wake(s, id);
  }
  if (isDomainOver(s)) {
    s.rearm = true;
    chooseAnew(s);
  }
  if (s.next !== 'same') {
    const currentStays = isSchedulable(s, s.current);
    if (currentStays) queueFirst(s, s.current!);
    if (s.next === 'choose') choose(s);
    else switchTo(s, s.next, currentStays);
  }
  s.next = 'same';
  switchContext(s);
  if (s.rearm) setTimer(s);
  s.rearm = false;
}
function switchContext(s: State): void {
  const to = s.current === null ? null : thread(s, s.current).schedContext;
  if (to !== s.currentContext) {
    s.rearm = true;
    if (to !== null && !s.schedContexts[to]!.sporadic) unblock(s, s.schedContexts[to]!);
  }
  if (s.rearm) commit(s);
  s.currentContext = to;
}
function setTimer(s: State): void {
  const budget = currentContext(s)?.refills[0]?.amount ?? Infinity;
  const domain = s.config.numDomains > 1 ? s.domain.time : Infinity;
  const release = s.released.length > 0 ? releaseTime(s, s.released[0]!) : Infinity;
  s.deadline = Math.min(s.now + budget, s.now + domain, release);
}
