// The meter as the realm's own modules see it: `tools/realm/meter-source.ts` is the other side.

export interface Meter {
  /** Uses up fuel; ends the handler when there is none. */
  charge(units: number): void;
  /** Allocates bytes; ends the handler when it may have no more. */
  grow(bytes: number): void;
  /** Charges for a string that was built, and returns it. */
  text(text: string): string;
  /** Charges for a string that is compared or looked up, and returns the value. */
  compared<T>(value: T): T;
  /** Registers an object that was made while modules are evaluated, to be frozen afterwards. */
  born<T>(value: T): T;
  /** Ends the handler: nothing of the server runs any more before `start`. */
  kill(kind: StopKind): never;
  wide(value: bigint): bigint;
  noModuleState(): void;
  caught(error: unknown): void;
  /** Whether the engine's stack was exhausted before the depth was: a host's matter, and no fault. */
  overflowed(error: unknown): boolean;
  /** Remembers an error that the server has made, and returns it. */
  made<T>(error: T): T;
  start(units: number, bytes: number): void;
  /** Counts without end, for the realm's own work. */
  pause(): void;
  left(): number;
  bytesLeft(): number;
  reason(): StopKind | null;
  /** Places where the error passed, innermost first. */
  where(): readonly number[];
  /** What exhaustion is called from now on; returns what it was called. */
  setKind(kind: StopKind): StopKind;
  /** A native operation that may recur. */
  enter(weight?: number): void;
  leave(weight?: number): void;
  startLoading(): void;
  stopLoading(): unknown[];
  setJournal(journal: ((target: object, key: PropertyKey) => void) | null): void;
  /** A member is about to be written by one of the realm's own modules. */
  note(target: object, key: PropertyKey): void;
}

/** Why a handler stops: `unwind` when it only waits, `stack` when the run must end, otherwise a fault. */
export type StopKind = 'unwind' | 'budget' | 'memory' | 'depth' | 'regexp' | 'module-state' | 'stack';

declare const $meter: Meter;
export const meter: Meter = $meter;
