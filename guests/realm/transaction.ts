// A step of a server as a transaction: evaluated at once, paid before each operation takes effect, run again from its start
// with the recorded results when an operation could not finish. Everything that survives a turn is in `Progress`.

import { gate, gateCall } from './gate.ts';
import { gateOperation, type Primitive } from './gate-operation.ts';
import { meter } from './meter.ts';
import { charCodeAt } from './natives.ts';

/** An operation that waits for the commit. */
export type Deferred =
  /** With `wanted`, only if the word there is not 0, which becomes 0. */
  { signal: number; wanted?: number } | { address: number; size: 1 | 2 | 4 | 8; value: bigint };

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

const register = { badge: 10, info: 11, message: 12 };
const wordsInRegisters = 4;
const operationUnits = 12;
/** seL4_Send: so notifications are signalled. */
const send = -5;

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

  /** What is owed. The next operation of the gate pays it, or ends the turn when something else is due first. */
  private due(running: boolean): number {
    const { progress } = this;
    const spent = running ? this.budget - meter.left() : progress.paid;
    const due = progress.owed + spent - progress.paid;
    if (due <= 0) return 0;
    progress.paid = spent;
    progress.owed = 0;
    return due;
  }

  /** Pays what is owed between two steps. Ends the turn when something else is due first. */
  settle(): void {
    const due = this.due(false);
    if (due > 0) finished(gate(gateOperation.pay, due));
  }

  /**
   * An operation with one result, which is recorded. `perform` pays the units that it is given; it ends the turn itself when
   * it cannot finish.
   */
  private operation<T>(perform: (units: number) => T): T {
    meter.charge(operationUnits);
    const { results } = this.progress;
    if (this.cursor < results.length) return results[this.cursor++] as T;
    const result = perform(this.due(true));
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
    const result = this.operation((units) => {
      let due = units;
      if (!this.progress.inCall) {
        if (words.length > wordsInRegisters) {
          const rest = textOfWords(words, wordsInRegisters);
          finished(gate(gateOperation.storeBytes, due, buffer + 8 * (1 + wordsInRegisters), rest));
          due = 0;
        }
        this.makeCall(due, number, capability, info, reply, destination, words);
      } else if (due > 0) finished(gate(gateOperation.pay, due));
      const received: bigint[] = [];
      const receivedInfo = BigInt.asUintN(64, gate(gateOperation.register, 0, register.info) as bigint);
      const length = Math.min(Number(receivedInfo & 0x7fn), 120);
      for (let i = 0; i < length && i < wordsInRegisters; i++)
        received[i] = BigInt.asUintN(64, gate(gateOperation.register, 0, register.message + i) as bigint);
      if (length > wordsInRegisters) {
        const [from, bytes] = [buffer + 8 * (1 + wordsInRegisters), 8 * (length - wordsInRegisters)];
        wordsOfText(finished(gate(gateOperation.loadBytes, 0, from, bytes)) as string, received);
      }
      const badge = BigInt.asUintN(64, gate(gateOperation.register, 0, register.badge) as bigint);
      this.progress.inCall = false;
      return Object.freeze({ badge, info: receivedInfo, words: Object.freeze(received) });
    });
    meter.charge(result.words.length);
    meter.grow(128 + 8 * result.words.length);
    return result;
  }

  private makeCall(...call: Parameters<typeof gateCall>): void {
    const { progress } = this;
    progress.inCall = true;
    const returned = gateCall(...call);
    // Something else was due before: the call has not been made.
    if (returned === undefined) progress.inCall = false;
    finished(returned);
  }

  load(address: number, size: 1 | 2 | 4 | 8): bigint {
    for (let i = this.deferred.length - 1; i >= 0; i--) {
      const other = this.deferred[i]!;
      if ('address' in other && other.address === address && other.size === size) return other.value;
    }
    meter.grow(16);
    return this.operation((units) => finished(gate(gateOperation.load, units, address, size)) as bigint);
  }

  store(address: number, size: 1 | 2 | 4 | 8, value: bigint): void {
    this.operation((units) => finished(gate(gateOperation.store, units, address, size, value)));
  }

  /** One byte after the other to the same address, one character each. */
  storeEach(address: number, bytes: string): void {
    meter.charge(bytes.length);
    this.operation((units) => finished(gate(gateOperation.storeEach, units, address, bytes)));
  }

  /** The bytes as a string of one character each. */
  loadBytes(address: number, length: number): string {
    meter.charge(length >> 3);
    meter.grow(64 + length);
    return this.operation((units) => finished(gate(gateOperation.loadBytes, units, address, length)) as string);
  }

  storeBytes(address: number, bytes: string): void {
    meter.charge(bytes.length >> 3);
    this.operation((units) => finished(gate(gateOperation.storeBytes, units, address, bytes)));
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
  publish(): void {
    const { progress } = this;
    while (progress.outbox.length > 0) {
      const first = progress.outbox[0]!;
      if (progress.inCall) {
        this.settle();
        progress.inCall = false;
      } else if ('address' in first)
        finished(gate(gateOperation.store, this.due(false), first.address, first.size, first.value));
      else if (first.wanted === undefined || this.takeWord(first.wanted)) {
        this.makeCall(this.due(false), send, first.signal, 0n, 0, 0, []);
        progress.inCall = false;
      }
      progress.outbox = progress.outbox.slice(1);
    }
    progress.phase = 'running';
  }

  /** Whether the 32-bit word at an address was not 0. It is then. */
  private takeWord(address: number): boolean {
    if (finished(gate(gateOperation.load, this.due(false), address, 4)) === 0n) return false;
    finished(gate(gateOperation.store, 0, address, 4, 0n));
    return true;
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

/**
 * Whoever is woken may run at once: it must find everything that the step has published. A signal that depends on a word is
 * not needed beside one that doesn't.
 */
function signalsLast(deferred: readonly Deferred[]): Deferred[] {
  const ordered: Deferred[] = [];
  for (let i = 0; i < deferred.length; i++) if ('address' in deferred[i]!) ordered[ordered.length] = deferred[i]!;
  for (let i = 0; i < deferred.length; i++) {
    const each = deferred[i]!;
    if ('signal' in each && !(each.wanted !== undefined && signals(deferred, each.signal)))
      ordered[ordered.length] = each;
  }
  return ordered;
}
function signals(deferred: readonly Deferred[], capability: number): boolean {
  for (let i = 0; i < deferred.length; i++) {
    const each = deferred[i]!;
    if ('signal' in each && each.signal === capability && each.wanted === undefined) return true;
  }
  return false;
}

/** Ends the turn when an operation of the machine has. */
export function finished(result: Primitive): Primitive {
  if (result === undefined || result === false) meter.kill('unwind');
  return result;
}
