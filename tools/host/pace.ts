// Runs a machine piece by piece, so that the host can breathe; with a person at the terminal, virtual time keeps to the wall.

import type { Machine, StopReason } from '../../hw/machine/machine.ts';

export interface Pace {
  /** Cycles at which to end; Infinity: never. */
  limit: number;
  /** Keep virtual time at or below wall time. */
  realTime: boolean;
  /** Whether input may still come: then an idle machine waits for it. */
  inputMayCome(): boolean;
  /** The user or the guest wants the run to end. */
  ended(): boolean;
  /** Who sleeps, and by what clock. */
  nap?: Nap;
}

/** A clock, and sleep that ends early when something has come from outside. */
export class Nap {
  private wakeUp: (() => void) | undefined;
  /** Nobody slept when something came: the next sleep is none. */
  private missed = false;

  get nowMs(): number {
    return performance.now();
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.wakeUp = undefined;
        this.missed = false;
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.wakeUp = done;
      if (this.missed) done();
    });
  }

  /** Input has come, or the run is to end. */
  wake(): void {
    this.missed = true;
    this.wakeUp?.();
  }
}

/** Virtual time per piece. */
const pieceNs = 5e6;
/** What comes from outside while nothing happens is stamped with a time at most this much older. */
const longestNapMs = 50;
/** Whoever ends a run without waking it waits this long, at most. */
const longestIdleMs = 500;

const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export async function runPaced(machine: Machine, pace: Pace): Promise<StopReason> {
  const { nap = new Nap() } = pace;
  const piece = (pieceNs * machine.clockHz) / 1e9;
  const start = nap.nowMs - machine.nowNs / 1e6;
  const wallMs = (): number => nap.nowMs - start;
  // The machine's own clock stands still inside of a quantum, which may be longer than a piece.
  let until = machine.now;
  for (;;) {
    if (pace.ended()) return 'stopped';
    // Where nothing happens until then, the way to the present is one piece.
    const present = pace.realTime ? Math.min(machine.quietUntil, (wallMs() * machine.clockHz) / 1e3) : 0;
    until = Math.max(until, machine.now, present) + piece;
    const limit = Math.min(pace.limit, until);
    const reason = machine.run(limit);
    if (pace.ended()) return 'stopped';
    if (reason === 'limit' && limit === pace.limit) return 'limit';
    // Asked first: the last input and its end may both come while the host breathes.
    const waits = reason !== 'idle' || pace.inputMayCome();
    await breathe();
    if (!waits) return 'idle';
    if (reason === 'idle') {
      const left = (pace.limit / machine.clockHz) * 1e3 - wallMs();
      if (left <= 0) return 'limit';
      await nap.sleep(Math.min(left, longestIdleMs));
    } else if (pace.realTime) {
      const ahead = machine.nowNs / 1e6 - wallMs();
      const quiet = (machine.quietUntil * 1e3) / machine.clockHz - wallMs();
      if (ahead > 1) await nap.sleep(Math.min(Math.max(ahead, quiet), longestNapMs));
    }
  }
}
