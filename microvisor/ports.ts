// What the kernel needs of the machine around it, besides harts and memory.

import type { Realm } from './realm.ts';

/**
 * Time is counted in cycles of a hart's clock. The machine calls the supervisor's (`Microvisor`) `trap` for traps, `timer` when a
 * deadline is reached, `reschedule` when a request to choose again arrives; it calls `runRealm` whenever `runsRealm` says so.
 */
export interface KernelPort {
  /** Each hart's clock. That of the hart in the kernel stands where the trapping instruction ended; the kernel adds what it takes. */
  readonly clocks: Float64Array;
  /** `timer` is due when the hart's clock reaches this; Infinity: never. The kernel's to set; taken down when it is due. */
  readonly deadlines: Float64Array;
  /** Asks for `reschedule` on a hart, which arrives one lookahead later. */
  sendReschedule(hart: number): void;
  /** Whether an interrupt or the deadline waits for the hart: long operations are preempted then. */
  interruptPending(hart: number): boolean;
  /** Claims the most urgent PLIC interrupt for the hart; 0: none. */
  claimInterrupt(hart: number): number;
  completeInterrupt(irq: number): void;
  maskInterrupt(irq: number, masked: boolean): void;
  /** Gives an interrupt to a hart; `latched`: it stays pending there until it is placed anew. Before that all are hart 0's. */
  placeInterrupt(irq: number, hart: number, latched: boolean): void;
  /** Prepares a line for edges (true) or levels. */
  setInterruptTrigger(irq: number, edge: boolean): void;
  /** An entry into the kernel on this hart is over: an event of the trace. */
  traceEntry(hart: number): void;
  /** Memory in this physical range was written by the kernel, and a page of it holds predecoded code. */
  codeWritten(physical: number, length: number): void;
  /** An access of a realm thread to a device that is mapped into its address space. undefined or false: no device is there. */
  loadDevice(hart: number, physical: number, size: 1 | 2 | 4 | 8): bigint | undefined;
  storeDevice(hart: number, physical: number, size: 1 | 2 | 4 | 8, value: bigint): boolean;
  /** Debug output, one byte at a time. */
  putChar(byte: number): void;
  /** A thread called DebugHalt, or the kernel cannot go on because of one. */
  halt(reason: string): void;
  /** A line for the log of the run: faults without handler and the like. */
  log(line: string): void;
}

/** The realms of an embedder, by the number that RealmControlBind names. */
export interface RealmDirectory {
  /** Makes a realm in its initial state; undefined: no such number. Called once for each binding. */
  create(number: number): Realm | undefined;
}
