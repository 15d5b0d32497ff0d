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
import { decode, encode, NotPlainError, weigh, weighed } from './plain-data.ts';
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

/** All that a realm is between two turns. */
interface Saved {
  stateVersion: number;
  state: unknown;
  carry: unknown;
  progress: Progress;
  generation: number;
  /** Commits that changed a mutable state: it is weighed, and paid for, at some of them. */
  changes: number;
}

/** UserException numbers of a realm's faults. scause never has these values. */
export const faultNumber = 0x5245414c;
export const faultCode: Record<Exclude<StopKind, 'unwind'> | 'throw' | 'state', number> = {
  throw: 1,
  budget: 2,
  memory: 3,
  depth: 4,
  regexp: 5,
  state: 6,
  'module-state': 7,
  machine: 8,
};

const messages: Record<Exclude<StopKind, 'unwind'>, string> = {
  budget: "The handler's budget is exhausted",
  memory: 'The handler allocates more memory than its cell has',
  depth: 'Calls nest too deeply',
  regexp: "A regular expression has exhausted the handler's budget",
  'module-state': 'A module keeps something that can change: only the state may',
  machine: 'The machine failed',
};

const a0 = 10;

export function boot(evaluate: (globals: object, machine: object) => { default: Program }, mutable: boolean): unknown {
  meter.pause();
  $immer.setAutoFreeze(false);
  const transaction = new Transaction();
  const undo = new UndoLog();
  let program: Program | undefined;
  let limits: Limits = { units: 0, bytes: 0, stateBytes: 0 };
  let state: unknown;
  let draft: unknown;
  let carry: unknown;
  let generation = 0;
  let handler = 'module';
  let changes = 0;

  const machine = machineFor(
    transaction,
    {
      state: () => draft ?? state,
      draft: () => {
        if (mutable) return state;
        draft ??= $immer.createDraft(state);
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
    meter.pause();
    return { cause: 'throw', message: message.length > 1000 ? message.slice(0, 1000) : message };
  }

  function report(error: unknown): void {
    const reason = meter.reason() ?? (isOverflow(error) ? 'depth' : null);
    meter.pause();
    const where = meter.where();
    const { cause, message } = describe(error, reason);
    lastCode = faultCode[cause as keyof typeof faultCode] ?? faultCode.throw;
    gate(gateOperation.report, JSON.stringify({ cause, message, handler: handler.slice(0, 100), where }));
  }
  let lastCode: number = faultCode.throw;

  function weighState(next: unknown): void {
    const before = weighed();
    const weight = weigh(next, !mutable);
    meter.charge(weighed() - before);
    if (weight > limits.stateBytes) meter.kill('memory');
  }

  function start(text: string): string {
    limits = JSON.parse(text) as Limits;
    meter.startLoading();
    try {
      meter.start(limits.units, limits.bytes);
      program = evaluate(globals, machine).default;
      if (typeof program?.step !== 'function') throw new TypeError('A server exports server({…}) by default');
      meter.pause();
      freezeBorn();
      resetState();
    } catch (error) {
      report(error);
      meter.stopLoading();
      transaction.progress.phase = 'faulting';
      return 'failed';
    }
    return '';
  }

  function resetState(): void {
    handler = 'state';
    meter.start(limits.units, limits.bytes);
    const initial = program!.initialState();
    weighState(initial);
    state = initial;
    meter.pause();
    carry = { generation };
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
      const next = program!.step(carry);
      if (meter.reason() !== null) meter.kill('unwind');
      if (draft !== undefined) {
        const changed = $immer.finishDraft(draft);
        draft = undefined;
        if (changed !== state) weighState(changed);
        state = changed;
      } else if (mutable && !undo.empty && (++changes & 63) === 0) weighState(state);
      carry = next;
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
      const { progress } = transaction;
      try {
        switch (progress.phase) {
          case 'running':
            if (!step()) return;
            break;
          case 'publishing':
            meter.pause();
            transaction.publish(signal);
            break;
          case 'faulting':
            meter.pause();
            transaction.settle(false);
            gate(gateOperation.setRegister, a0, 0n);
            progress.phase = 'stopped';
            gate(gateOperation.fault, faultNumber, lastCode);
            return;
          case 'stopped': {
            // The supervisor lets the thread go on: with a0 other than zero from the beginning, else without the event.
            const reason = gate(gateOperation.register, a0) as bigint;
            if (program === undefined) {
              progress.phase = 'faulting';
              break;
            }
            progress.phase = 'running';
            if (reason !== 0n) restart(`fault ${reason}`);
            else carry = { ...(carry as object), reply: undefined };
            break;
          }
        }
      } catch (error) {
        if (meter.reason() === 'unwind') return;
        throw error;
      }
    }
  }

  /** seL4_Signal. */
  function signal(capability: number): void {
    gate(gateOperation.setRegister, 17, -5n);
    gate(gateOperation.setRegister, 10, BigInt(capability));
    gate(gateOperation.setRegister, 11, 0n);
    if (gate(gateOperation.systemCall) !== true) meter.kill('unwind');
  }

  function restart(reason: string): void {
    generation++;
    transaction.progress = newProgress();
    resetState();
    carry = { generation, reason };
  }

  function load(text: string): string {
    const saved = decode(text) as Saved;
    if (program !== undefined && saved.stateVersion !== program.stateVersion) {
      if (saved.progress.results.length > 0)
        return 'The realm is in the middle of a handler: its state cannot be migrated';
      if (program!.migrate === undefined)
        return `No migration from state version ${saved.stateVersion} to ${program!.stateVersion}`;
      meter.start(limits.units, limits.bytes);
      weigh(saved.state, true);
      saved.state = program!.migrate(saved.state, saved.stateVersion);
    }
    meter.pause();
    weigh(saved.state, !mutable);
    ({ state, carry, generation, changes } = saved);
    transaction.progress = saved.progress;
    for (const result of saved.progress.results) freezeResult(result);
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
        case command.save: {
          weigh(carry, true, 'carry');
          const saved: Saved = {
            stateVersion: program?.stateVersion ?? 0,
            state,
            carry,
            progress: transaction.progress,
            generation,
            changes,
          };
          return encode(saved);
        }
        case command.load:
          return load(text);
        case command.restart:
          restart(text);
          return '';
        default:
          return 'unknown command';
      }
    } catch (error) {
      return `failed: ${describe(error, meter.reason()).message}`;
    }
  }
  return freeze(enter);
}

/** The engine's stack was exhausted before the meter said so. */
function isOverflow(error: unknown): boolean {
  return error instanceof RangeError && error.message === 'Maximum call stack size exceeded';
}

function freezeResult(result: unknown): void {
  if (typeof result !== 'object' || result === null) return;
  if (hasOwn(result, 'words')) freeze((result as { words: unknown }).words);
  freeze(result);
}

/** A regular expression literal. */
export const regexp = (source: string, flags: string): RealmRegExp => new RealmRegExp(source, flags);
