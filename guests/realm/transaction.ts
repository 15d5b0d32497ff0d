// A step of a server as a transaction: evaluated at once, paid before each operation takes effect, run again from its start
// with the recorded results when an operation could not finish. Everything that survives a turn is in `Progress`.

import { gate } from './gate.ts';
import { gateOperation, type Primitive } from './gate-operation.ts';
import { meter } from './meter.ts';
import { charCodeAt } from './natives.ts';

/** An operation that waits for the commit. */
export type Deferred = { signal: number } | { address: number; size: 1 | 2 | 4 | 8; value: bigint };

/** Plain data: where the server is. */
export interface Progress {
  phase: 'running' | 'publishing' | 'faulting';
  /** Results of the operations that the step has finished. */
  results: unknown[];
  /** The next operation is a system call that the kernel has accepted: what is missing is its results. */
  inCall: boolean;
  /** Fuel of this step that is paid for, and fuel of earlier ones that isn't. */
  paid: number;
  owed: number;
  /** What the last step left to publish. */
  outbox: Deferred[];
}

export function newProgress(): Progress {
  return { phase: 'running', results: [], inCall: false, paid: 0, owed: 0, outbox: [] };
}

const register = { badge: 10, info: 11, message: 12, reply: 16, number: 17, destination: 5 };
const wordsInRegisters = 4;
const operationUnits = 12;

export interface CallResult {
  badge: bigint;
  info: bigint;
  words: readonly bigint[];
}

export class Transaction {
  private budget = 0;
  private cursor = 0;
  private deferred: Deferred[] = [];
  private readonly current: () => Progress;

  /** `current`: where the server is, whoever keeps that. */
  constructor(current: () => Progress) {
    this.current = current;
  }

  private get progress(): Progress {
    return this.current();
  }

  /** Begins the step, or begins it again. */
  begin(units: number, bytes: number): void {
    this.budget = units;
    this.cursor = 0;
    this.deferred = [];
    meter.start(units, bytes);
  }

  /** The step is done: what it deferred goes to the outbox. */
  commit(): void {
    const { progress } = this;
    this.close();
    progress.outbox = signalsLast(this.deferred);
    progress.phase = this.deferred.length > 0 ? 'publishing' : 'running';
  }

  /** The step has failed: what it deferred never happens. */
  fail(): void {
    this.close();
    this.progress.outbox = [];
    this.progress.phase = 'faulting';
  }

  private close(): void {
    const { progress } = this;
    progress.owed += this.budget - meter.left() - progress.paid;
    progress.paid = 0;
    progress.results = [];
    progress.inCall = false;
  }

  /** Pays what is owed. Ends the turn when something else is due first. */
  settle(running: boolean): void {
    const { progress } = this;
    const spent = running ? this.budget - meter.left() : progress.paid;
    const due = progress.owed + spent - progress.paid;
    if (due <= 0) return;
    progress.paid = spent;
    progress.owed = 0;
    if (gate(gateOperation.pay, due) !== true) meter.kill('unwind');
  }

  /** An operation with one result. The result of `perform` is recorded; it ends the turn itself when it cannot finish. */
  private operation<T>(perform: () => T): T {
    meter.charge(operationUnits);
    const { results } = this.progress;
    if (this.cursor < results.length) return results[this.cursor++] as T;
    this.settle(true);
    const result = perform();
    results[this.cursor++] = result;
    return result;
  }

  /**
   * Makes a system call. Words beyond the fourth travel in the IPC buffer.
   * Blocks as the call does; the results are recorded.
   */
  systemCall(
    number: number,
    capability: number,
    info: bigint,
    words: readonly bigint[],
    reply: number,
    buffer: number,
    destination: number,
  ): CallResult {
    meter.charge(words.length);
    const result = this.operation(() => {
      if (!this.progress.inCall) {
        if (words.length > wordsInRegisters) {
          const rest = textOfWords(words, wordsInRegisters);
          finished(gate(gateOperation.storeBytes, buffer + 8 * (1 + wordsInRegisters), rest));
        }
        gate(gateOperation.setRegister, register.number, BigInt(number));
        gate(gateOperation.setRegister, register.badge, BigInt(capability));
        gate(gateOperation.setRegister, register.info, info);
        gate(gateOperation.setRegister, register.reply, BigInt(reply));
        gate(gateOperation.setRegister, register.destination, BigInt(destination));
        for (let i = 0; i < wordsInRegisters; i++)
          gate(gateOperation.setRegister, register.message + i, words[i] ?? 0n);
        this.progress.inCall = true;
        finished(gate(gateOperation.systemCall));
      }
      const received: bigint[] = [];
      const receivedInfo = BigInt.asUintN(64, gate(gateOperation.register, register.info) as bigint);
      const length = Math.min(Number(receivedInfo & 0x7fn), 120);
      for (let i = 0; i < length && i < wordsInRegisters; i++)
        received[i] = BigInt.asUintN(64, gate(gateOperation.register, register.message + i) as bigint);
      if (length > wordsInRegisters) {
        const [from, bytes] = [buffer + 8 * (1 + wordsInRegisters), 8 * (length - wordsInRegisters)];
        wordsOfText(finished(gate(gateOperation.loadBytes, from, bytes)) as string, received);
      }
      const badge = BigInt.asUintN(64, gate(gateOperation.register, register.badge) as bigint);
      this.progress.inCall = false;
      return Object.freeze({ badge, info: receivedInfo, words: Object.freeze(received) });
    });
    meter.charge(result.words.length);
    meter.grow(128 + 8 * result.words.length);
    return result;
  }

  load(address: number, size: 1 | 2 | 4 | 8): bigint {
    for (let i = this.deferred.length - 1; i >= 0; i--) {
      const other = this.deferred[i]!;
      if ('address' in other && other.address === address && other.size === size) return other.value;
    }
    meter.grow(16);
    return this.operation(() => finished(gate(gateOperation.load, address, size)) as bigint);
  }

  store(address: number, size: 1 | 2 | 4 | 8, value: bigint): void {
    this.operation(() => {
      finished(gate(gateOperation.store, address, size, value));
      return true;
    });
  }

  /** The bytes as a string of one character each. */
  loadBytes(address: number, length: number): string {
    meter.charge(length >> 3);
    meter.grow(64 + length);
    return this.operation(() => finished(gate(gateOperation.loadBytes, address, length)) as string);
  }

  storeBytes(address: number, bytes: string): void {
    meter.charge(bytes.length >> 3);
    this.operation(() => {
      finished(gate(gateOperation.storeBytes, address, bytes));
      return true;
    });
  }

  /** To be done when the step has committed. */
  defer(what: Deferred): void {
    meter.charge(operationUnits);
    meter.grow(64);
    this.deferred[this.deferred.length] = what;
  }

  /** Gives up the publication at which `publish` stands. */
  dropPublication(): void {
    const { progress } = this;
    progress.inCall = false;
    progress.outbox = progress.outbox.slice(1);
  }

  /** Publishes what the last step deferred, in its order. May end the turn between two operations. */
  publish(send: (capability: number) => void): void {
    const { progress } = this;
    while (progress.outbox.length > 0) {
      this.settle(false);
      const first = progress.outbox[0]!;
      if (progress.inCall) progress.inCall = false;
      else if ('signal' in first) {
        progress.inCall = true;
        send(first.signal);
        progress.inCall = false;
      } else finished(gate(gateOperation.store, first.address, first.size, first.value));
      progress.outbox = progress.outbox.slice(1);
    }
    progress.phase = 'running';
  }
}

const { fromCharCode } = String;
const word64 = new BigUint64Array(1);
const halves = new Uint32Array(word64.buffer);
const bytes = new Uint8Array(word64.buffer);

/** Words from one on as little-endian bytes, one character each. */
function textOfWords(words: readonly bigint[], from: number): string {
  let text = '';
  for (let i = from; i < words.length; i++) {
    word64[0] = words[i]!;
    text += fromCharCode(bytes[0]!, bytes[1]!, bytes[2]!, bytes[3]!, bytes[4]!, bytes[5]!, bytes[6]!, bytes[7]!);
  }
  return text;
}
/** Appends the words that such a text holds. */
function wordsOfText(text: string, words: bigint[]): void {
  for (let at = 0; at < text.length; at += 8) {
    halves[0] = halfAt(text, at);
    halves[1] = halfAt(text, at + 4);
    words[words.length] = word64[0]!;
  }
}
const halfAt = (text: string, at: number): number =>
  charCodeAt(text, at) |
  (charCodeAt(text, at + 1) << 8) |
  (charCodeAt(text, at + 2) << 16) |
  (charCodeAt(text, at + 3) << 24);

/** Whoever is woken may run at once: it must find everything that the step has published. */
function signalsLast(deferred: readonly Deferred[]): Deferred[] {
  const ordered: Deferred[] = [];
  for (let i = 0; i < deferred.length; i++) if (!('signal' in deferred[i]!)) ordered[ordered.length] = deferred[i]!;
  for (let i = 0; i < deferred.length; i++) if ('signal' in deferred[i]!) ordered[ordered.length] = deferred[i]!;
  return ordered;
}

/** Ends the turn when an operation of the machine has. */
export function finished(result: Primitive): Primitive {
  if (result === undefined || result === false) meter.kill('unwind');
  return result;
}
