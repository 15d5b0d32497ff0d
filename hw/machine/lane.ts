// A hart's progress along the machine's clock, and what is on its way to it.

import type { Hart } from '../hart/hart.ts';

/** An effect on a hart that is under way: it arrives when the hart's clock has reached `cycle`. */
export interface Arrival {
  cycle: number;
  /** Bits of mip to set or clear; 0: the resident kernel is to look again. */
  lines: number;
  raised: boolean;
}

export interface SavedLane {
  sliceEnd: number;
  overhead: number;
  deadline: number;
  timerRise: number;
  arrivals: Arrival[];
}

export class Lane {
  /** Cycles that were not retired instructions: traps, waiting, charges. */
  overhead = 0;
  /** The cycle from which on mtimecmp has been reached. */
  timerRise = Infinity;
  /** By time, and by order of sending among equals. */
  private arrivals: Arrival[] = [];

  constructor(
    readonly hart: Hart,
    private readonly clocks: Float64Array,
    private readonly deadlines: Float64Array,
  ) {
    this.deadline = Infinity;
  }

  /** Where the current slice ends; the hart's clock is this minus what the engine has left. */
  get sliceEnd(): number {
    return this.clocks[this.hart.id]!;
  }
  set sliceEnd(cycle: number) {
    this.clocks[this.hart.id] = cycle;
  }
  /** The resident kernel's deadline in cycles. */
  get deadline(): number {
    return this.deadlines[this.hart.id]!;
  }
  set deadline(cycle: number) {
    this.deadlines[this.hart.id] = cycle;
  }

  /** Passes cycles without instructions. */
  spend(cycles: number): void {
    this.sliceEnd += cycles;
    this.overhead += cycles;
  }

  send(arrival: Arrival): void {
    const { arrivals } = this;
    let at = arrivals.length;
    while (at > 0 && arrivals[at - 1]!.cycle > arrival.cycle) at--;
    arrivals.splice(at, 0, arrival);
  }

  /** Drops what is under way for these lines. */
  supersede(lines: number): void {
    this.arrivals = this.arrivals.flatMap((arrival) => {
      if (arrival.lines === 0) return [arrival];
      const rest = arrival.lines & ~lines;
      return rest === 0 ? [] : [{ ...arrival, lines: rest }];
    });
  }

  /** The next effect that has arrived by now. */
  takeArrival(): Arrival | undefined {
    return this.nextArrival <= this.sliceEnd ? this.arrivals.shift() : undefined;
  }

  /** The cycle of the next effect under way; Infinity: there is none. */
  get nextArrival(): number {
    return this.arrivals[0]?.cycle ?? Infinity;
  }

  save(): SavedLane {
    const { sliceEnd, overhead, deadline, timerRise, arrivals } = this;
    return { sliceEnd, overhead, deadline, timerRise, arrivals: structuredClone(arrivals) };
  }
  load(saved: SavedLane): void {
    Object.assign(this, structuredClone(saved));
  }
}
