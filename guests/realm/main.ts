// The realm itself: evaluates the server's modules, runs its steps turn by turn, keeps its state, reports its faults. Its
// host knows one function, `enter`, which takes and returns primitives and never throws.

import { sealCollection } from './charged-object.ts';
import { command } from './command.ts';
import { gate } from './gate.ts';
import { gateOperation } from './gate-operation.ts';
import { tame } from './intrinsics.ts';
import { machineFor } from './machine.ts';
import { meter, type StopKind } from './meter.ts';
import { freeze, getOwnPropertyDescriptor, hasOwn, ownKeys } from './natives.ts';
import { Constants, decode, encode, NotPlainError, weigh, weighed } from './plain-data.ts';
import { RealmRegExp } from './regexp.ts';
import { newProgress, type Progress, Transaction } from './transaction.ts';
import { UndoLog } from './undo-log.ts';

interface Immer {
  createDraft<T>(base: T): T;
  finishDraft<T>(draft: T): T;
  setAutoFreeze(freezes: boolean): void;
}
declare const $immer: Immer;

/** What the default export of a server must be: the result of the SDK's `server`. */
interface Program {
  initialState(): unknown;
  stateVersion: number;
  migrate?(state: unknown, version: number): unknown;
  step(carry: unknown): unknown;
}

interface Limits {
  /** Fuel of one step. */
  units: number;
  /** Bytes that one step may allocate. */
  bytes: number;
  /** Bytes that the state may occupy. */
  stateBytes: number;
}

/** All that a realm is between two turns: what is saved is this very object. */
interface Life {
  stateVersion: number;
  state: unknown;
  carry: unknown;
  progress: Progress;
  generation: number;
  /** Commits that changed a mutable state: it is weighed, and paid for, at some of them. */
  changes: number;
  /** What the fault handler gets in phase `faulting`. */
  faultCode: number;
}

/** UserException numbers of a realm's faults. scause never has these values. */
export const faultNumber = 0x5245414c;
export const faultCode: Record<Exclude<StopKind, 'unwind' | 'stack'> | 'throw' | 'state', number> = {
  throw: 1,
  budget: 2,
  memory: 3,
  depth: 4,
  regexp: 5,
  state: 6,
  'module-state': 7,
};

const messages: Record<Exclude<StopKind, 'unwind'>, string> = {
  budget: "The handler's budget is exhausted",
  memory: 'The handler allocates more memory than its cell has',
  depth: 'Calls nest too deeply',
  regexp: "A regular expression has exhausted the handler's budget",
  'module-state': 'A module keeps something that can change: only the state may',
  // Never a fault: how deep the engine's stack is differs from host to host.
  stack:
    "the host's stack is exhausted before the meter's depth: a bug of the meter, or too small a stack for this host",
};

export function boot(evaluate: (globals: object, machine: object) => { default: Program }, mutable: boolean): unknown {
  meter.pause();
  $immer.setAutoFreeze(false);
  const transaction = new Transaction(() => life.progress);
  const undo = new UndoLog();
  let program: Program | undefined;
  let limits: Limits = { units: 0, bytes: 0, stateBytes: 0 };
  let life: Life = {
    stateVersion: 0,
    state: undefined,
    carry: undefined,
    progress: newProgress(),
    generation: 0,
    changes: 0,
    faultCode: faultCode.throw,
  };
  const constants = new Constants();
  let draft: unknown;
  let handler = 'module';

  const machine = machineFor(
    transaction,
    {
      state: () => draft ?? life.state,
      draft: () => {
        if (mutable) return life.state;
        draft ??= $immer.createDraft(life.state);
        return draft;
      },
    },
    (name) => {
      handler = name;
    },
  );
  const globals = tame();

  function freezeBorn(): void {
    const born = meter.stopLoading() as object[];
    for (let i = 0; i < born.length; i++) freezeOne(born[i]!);
    for (let i = 0; i < born.length; i++) constants.add(born[i]!);
  }
  function freezeOne(value: unknown): void {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return;
    if (value instanceof Map || value instanceof Set) sealCollection(value);
    for (const key of ownKeys(value)) {
      const part = getOwnPropertyDescriptor(value, key)!;
      for (const inner of [part.value, part.get, part.set]) if (typeof inner === 'function') freeze(inner);
      if (key === 'prototype' && typeof value === 'function' && typeof part.value === 'object') freezeOne(part.value);
    }
    freeze(value);
  }

  /** What went wrong, for the report. Reads the error with a little fuel: its properties may be the server's getters. */
  function describe(error: unknown, reason: StopKind | null): { cause: string; message: string } {
    if (reason !== null && reason !== 'unwind') return { cause: reason, message: messages[reason] };
    if (error instanceof NotPlainError) return { cause: 'state', message: error.message };
    meter.start(10_000, 100_000);
    let message: string;
    try {
      message =
        typeof error === 'object' && error !== null && 'message' in error
          ? `${(error as { name?: string }).name ?? 'Error'}: ${error.message as string}`
          : `${error as string}`;
    } catch {
      message = 'Something without a description was thrown';
    }
    if (meter.reason() === 'stack') throw new HostStackError();
    meter.pause();
    return { cause: 'throw', message: message.length > 1000 ? message.slice(0, 1000) : message };
  }

  /** Ends the handler with a fault; throws where a fault would depend on the host. */
  function report(error: unknown): void {
    const reason = meter.reason();
    if (reason === 'stack' || meter.overflowed(error)) throw new HostStackError();
    meter.pause();
    const where = meter.where();
    const { cause, message } = describe(error, reason);
    life.faultCode = faultCode[cause as keyof typeof faultCode] ?? faultCode.throw;
    life.progress.phase = 'faulting';
    gate(gateOperation.report, 0, JSON.stringify({ cause, message, handler: handler.slice(0, 100), where }));
  }

  function weighState(next: unknown): void {
    const before = weighed();
    const weight = weigh(next, !mutable);
    meter.charge(weighed() - before);
    if (weight > limits.stateBytes) meter.kill('memory');
  }

  /**
   * What the next step begins with is plain data as well. Weights of all that a state may come to hold are remembered from here
   * on, so that a state costs the same after a load.
   */
  function carryOn(carry: unknown): unknown {
    if (mutable) weigh((carry as { reply?: unknown }).reply, false, 'answer');
    else weigh(carry, true, 'carry');
    return carry;
  }

  function start(text: string): string {
    limits = JSON.parse(text) as Limits;
    meter.startLoading();
    try {
      meter.start(limits.units, limits.bytes);
      const { default: exported } = evaluate(globals, machine);
      if (typeof exported?.step !== 'function') throw new TypeError('A server exports server({…}) by default');
      meter.pause();
      freezeBorn();
      program = exported;
      life.stateVersion = program.stateVersion;
    } catch (error) {
      meter.stopLoading();
      report(error);
      return 'failed';
    }
    return resetState() ? '' : 'failed';
  }

  /** The initial state, of which the realm may as well fail. */
  function resetState(): boolean {
    handler = 'state';
    life.changes = 0;
    life.state = undefined;
    life.carry = { generation: life.generation };
    meter.start(limits.units, limits.bytes);
    try {
      const initial = program!.initialState();
      if (meter.reason() !== null) meter.kill('unwind');
      weighState(initial);
      life.state = initial;
      life.progress.owed += limits.units - meter.left();
      meter.pause();
      return true;
    } catch (error) {
      life.progress.owed += limits.units - meter.left();
      report(error);
      return false;
    }
  }

  function rollBack(): void {
    draft = undefined;
    meter.setJournal(null);
    undo.undo();
  }

  /** One step. Returns false when the turn is over. */
  function step(): boolean {
    handler = 'wait';
    transaction.begin(limits.units, limits.bytes);
    if (mutable) meter.setJournal(undo.note);
    try {
      const next = program!.step(life.carry);
      if (meter.reason() !== null) meter.kill('unwind');
      let { state } = life;
      if (draft !== undefined) {
        state = $immer.finishDraft(draft);
        draft = undefined;
        if (state !== life.state) weighState(state);
      } else if (mutable && !undo.empty && (++life.changes & 63) === 0) weighState(state);
      life.carry = carryOn(next);
      life.state = state;
      meter.setJournal(null);
      undo.commit();
      transaction.commit();
      meter.pause();
      return true;
    } catch (error) {
      if (meter.reason() === 'unwind') {
        rollBack();
        meter.pause();
        return false;
      }
      transaction.fail();
      report(error);
      rollBack();
      return true;
    }
  }

  function turn(): void {
    for (;;) {
      const { progress } = life;
      try {
        switch (progress.phase) {
          case 'running':
            if (!step()) return;
            break;
          case 'publishing':
            meter.pause();
            transaction.publish();
            break;
          case 'faulting':
            // Whoever only lets the thread go on finds it where it was: it faults again.
            meter.pause();
            transaction.settle();
            gate(gateOperation.fault, 0, faultNumber, life.faultCode);
            return;
        }
      } catch (error) {
        if (meter.reason() === 'unwind') return;
        throw error;
      }
    }
  }

  /** A server that did not come to be has nothing to go on with: it faults again. */
  function restart(reason: number): void {
    if (program === undefined) return;
    life.generation++;
    life.progress = { ...newProgress(), owed: life.progress.owed };
    if (resetState()) life.carry = { generation: life.generation, reason };
  }

  function skip(): void {
    if (program === undefined || life.state === undefined) return;
    // What has committed stays committed; what of it cannot be published is the event.
    if (life.progress.phase === 'publishing') transaction.dropPublication();
    else life.progress = { ...newProgress(), owed: life.progress.owed };
    life.carry = { ...(life.carry as object), reply: undefined };
  }

  function load(text: string, sameProgram: boolean): string {
    const saved = decode(text, sameProgram ? constants : undefined) as Life;
    if (program !== undefined && saved.stateVersion !== program.stateVersion) {
      if (saved.progress.results.length > 0)
        return 'The realm is in the middle of a handler: its state cannot be migrated';
      if (program.migrate === undefined)
        return `No migration from state version ${saved.stateVersion} to ${program.stateVersion}`;
      meter.start(limits.units, limits.bytes);
      weigh(saved.state, true);
      saved.state = program.migrate(saved.state, saved.stateVersion);
      saved.stateVersion = program.stateVersion;
    }
    meter.pause();
    weigh(saved.state, !mutable);
    if (!mutable) weigh(saved.carry, true);
    for (const result of saved.progress.results) freezeResult(result);
    life = saved;
    return '';
  }

  function enter(which: number, text: string): string {
    try {
      meter.pause();
      switch (which) {
        case command.start:
          return start(text);
        case command.resume:
          turn();
          return '';
        case command.save:
          return encode(life, constants);
        case command.load:
          return load(text, true);
        case command.adopt:
          return load(text, false);
        case command.restart:
          restart(Number(text));
          return '';
        case command.skip:
          skip();
          return '';
        default:
          return 'unknown command';
      }
    } catch (error) {
      if (error instanceof HostStackError || meter.overflowed(error)) return `failed: ${messages.stack}`;
      return `failed: ${describe(error, meter.reason()).message}`;
    }
  }
  return freeze(enter);
}

/** Ends the run: what happens from here on would depend on the host. */
class HostStackError extends Error {}

function freezeResult(result: unknown): void {
  if (typeof result !== 'object' || result === null) return;
  if (hasOwn(result, 'words')) freeze((result as { words: unknown }).words);
  freeze(result);
}

/** A regular expression literal. */
export const regexp = (source: string, flags: string): RealmRegExp => new RealmRegExp(source, flags);
