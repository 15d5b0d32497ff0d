// Threads whose instructions are JavaScript. To the kernel such a thread is a TCB like any other: its registers, its
// IPC buffer and its system calls are the same; only what runs between two system calls differs.

/** A running thread as its realm sees it. Every operation may end the realm's turn: then `resume` must return at once. */
export interface RealmThread {
  /**
   * Pays for `ticks` of work. true: the time has passed. false: something else is due first; the realm unwinds, and is
   * resumed when the rest is paid.
   */
  pay(ticks: number): boolean;
  /** A register of the thread's context (x0 to x31), signed. */
  register(index: number): bigint;
  setRegister(index: number, value: bigint): void;
  /** The system call in the registers (a7, a0 …). true: it has returned. false: the thread waits, or another runs; unwind. */
  systemCall(): boolean;
  /** Memory through the thread's own page tables, 1 to 8 bytes, little-endian. undefined or false: it faulted; unwind. */
  load(address: number, size: 1 | 2 | 4 | 8): bigint | undefined;
  store(address: number, size: 1 | 2 | 4 | 8, value: bigint): boolean;
  loadBytes(address: number, length: number): Uint8Array | undefined;
  storeBytes(address: number, bytes: Uint8Array): boolean;
  /** The realm cannot go on: a UserException with this number and code goes to the fault handler; unwind. */
  fault(number: number, code: number): void;
}

/** What the kernel needs of a realm. */
export interface Realm {
  /** Runs until an operation ends the turn. Whatever was in progress when the last turn ended goes on. */
  resume(thread: RealmThread): void;
  /** What was in progress is over, and its event dropped. The state stays. Between two turns. */
  skip(): void;
  /** Back to the initial state, as another generation, which is told the reason: a fault type (abi/faults.ts), or another number. */
  restart(reason: number): void;
  /** The whole realm as plain data, between two turns, and back. */
  save(): unknown;
  load(saved: unknown): void;
}
