// Lockstep: two machines with the same program, one that interprets everything and one that translates, run in steps
// and compared after each. A difference is narrowed down to the cycle after which the machines first differ.

import type { Machine, StopReason } from '../../hw/machine/machine.ts';
import { traceMachine } from '../trace/trace-writer.ts';
import { type Difference, differences, type Scope } from './difference.ts';

export const sides = ['interpreter', 'translator'] as const;
export type Side = (typeof sides)[number];

/** One of the two. */
export interface Twin {
  machine: Machine;
  /** Whether the machine's having come to rest or having been stopped ends the run. */
  over?(reason: StopReason): boolean;
  /** What else is to agree, by name. */
  facts?(): Record<string, string>;
}

/** From where the machines were to the cycle `until`. */
export interface Step {
  until: number;
  /** Cycles on the way at which a side's `run` ends and goes on. They change nothing. */
  pauses: Readonly<Record<Side, readonly number[]>>;
  /** What is compared at the end; the last step of all always compares everything. */
  scope: Scope;
  /** Done to both machines before they run. May put another machine in the twin's place. */
  act?(twin: Twin, side: Side): void;
}

/** What is run. The same machines and the same steps every time: differences are found by running again. */
export interface Experiment {
  create(side: Side): Twin;
  steps(): Iterable<Step>;
}

export interface Agreement {
  agreed: true;
  /** Retired, by all harts of one machine. */
  instructions: number;
  /** How the program ended; 'limit': there are no more steps. */
  reason: StopReason;
}

export interface Disagreement {
  agreed: false;
  /** The machines agree at cycle `from`, and differ at `to`. */
  from: number;
  to: number;
  differences: Difference[];
  /** What the interpreter did last, see `trace-writer.ts`. */
  trace: string[];
}
export type Verdict = Agreement | Disagreement;

/** Cycles before the difference that the trace shows, and lines of it. */
const tracedCycles = 600;
const tracedLines = 60;

class Pair {
  readonly twins: Record<Side, Twin>;

  constructor(experiment: Experiment) {
    this.twins = { interpreter: experiment.create('interpreter'), translator: experiment.create('translator') };
  }

  /** Runs to the end of a step, or only to cycle `until`. */
  run(step: Step, until = step.until): StopReason[] {
    return sides.map((side) => {
      const twin = this.twins[side];
      step.act?.(twin, side);
      return runTo(twin, [...step.pauses[side].filter((pause) => pause < until), until]);
    });
  }

  compare(scope: Scope): Difference[] {
    const { interpreter, translator } = this.twins;
    const found = differences(interpreter.machine, translator.machine, scope);
    const [ours, theirs] = [interpreter.facts?.() ?? {}, translator.facts?.() ?? {}];
    for (const what of Object.keys(ours)) {
      if (ours[what] !== theirs[what])
        found.push({ hart: undefined, what, left: `${ours[what]}`, right: `${theirs[what]}` });
    }
    return found;
  }
}

function runTo(twin: Twin, limits: readonly number[]): StopReason {
  let reason: StopReason = 'limit';
  for (const limit of limits) {
    reason = twin.machine.run(limit);
    if (reason !== 'limit') break;
  }
  return reason;
}

export function runInLockstep(experiment: Experiment): Verdict {
  const pair = new Pair(experiment);
  let index = -1;
  /** The last step after which everything was compared. */
  let verified = -1;
  let reason: StopReason = 'limit';
  for (const step of experiment.steps()) {
    index++;
    const reasons = pair.run(step);
    reason = reasons[0]!;
    const over = reason !== 'limit' && sides.some((side) => !!pair.twins[side].over?.(reason));
    const scope = over ? 'everything' : step.scope;
    if (reasons[1] !== reason || pair.compare(scope).length > 0) return narrow(experiment, verified, index);
    if (scope === 'everything') verified = index;
    if (over) break;
  }
  if (verified < index && pair.compare('everything').length > 0) return narrow(experiment, verified, index);
  const { machine } = pair.twins.interpreter;
  return {
    agreed: true,
    instructions: machine.harts.reduce((sum, hart) => sum + machine.instructionsOf(hart), 0),
    reason,
  };
}

/** The machines agreed after step `verified`, and differ after step `last`. */
function narrow(experiment: Experiment, verified: number, last: number): Disagreement {
  const steps: Step[] = [];
  for (const step of experiment.steps()) if (steps.push(step) > last) break;
  let culprit = last;
  const again = new Pair(experiment);
  for (const [index, step] of steps.entries()) {
    again.run(step);
    if (index > verified && again.compare('everything').length > 0) {
      culprit = index;
      break;
    }
  }
  const before = steps.slice(0, culprit);
  const step = steps[culprit]!;
  const upTo = (cycle: number): Pair => {
    const pair = new Pair(experiment);
    for (const one of before) pair.run(one);
    pair.run(step, cycle);
    return pair;
  };
  let from = before.at(-1)?.until ?? 0;
  let to = step.until;
  while (to - from > 1) {
    const middle = Math.floor((from + to) / 2);
    if (upTo(middle).compare('everything').length > 0) to = middle;
    else from = middle;
  }
  return {
    agreed: false,
    from,
    to,
    differences: upTo(to).compare('everything'),
    trace: traceOf(experiment, before, step, to),
  };
}

/** The interpreter's trace up to cycle `to` of `step`. */
function traceOf(experiment: Experiment, before: readonly Step[], step: Step, to: number): string[] {
  const twin = experiment.create('interpreter');
  const lines: string[] = [];
  const pass = (one: Step, until: number): void => {
    one.act?.(twin, 'interpreter');
    twin.machine.onInstruction = undefined;
    if (until > to - tracedCycles) {
      twin.machine.run(to - tracedCycles);
      traceMachine(twin.machine, 'instructions', (line) => lines.push(line));
    }
    twin.machine.run(until);
  };
  for (const one of before) pass(one, one.until);
  pass(step, to);
  return lines.slice(-tracedLines);
}
