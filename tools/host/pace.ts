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
}

/** Virtual time per piece. */
const pieceNs = 5e6;

const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function runPaced(machine: Machine, pace: Pace): Promise<StopReason> {
  const piece = (pieceNs * machine.clockHz) / 1e9;
  const start = performance.now() - machine.nowNs / 1e6;
  // The machine's own clock stands still inside of a quantum, which may be longer than a piece.
  let until = machine.now;
  for (;;) {
    if (pace.ended()) return 'stopped';
    until = Math.max(until, machine.now) + piece;
    const limit = Math.min(pace.limit, until);
    const reason = machine.run(limit);
    if (pace.ended()) return 'stopped';
    if (reason === 'limit' && limit === pace.limit) return 'limit';
    // Asked first: the last input and its end may both come while the host breathes.
    const waits = reason !== 'idle' || pace.inputMayCome();
    await breathe();
    if (!waits) return 'idle';
    if (reason === 'idle') {
      if (performance.now() - start >= (pace.limit / machine.clockHz) * 1e3) return 'limit';
      await sleep(10);
    } else if (pace.realTime) {
      const ahead = machine.nowNs / 1e6 - (performance.now() - start);
      if (ahead > 1) await sleep(Math.min(ahead, 50));
    }
  }
}
