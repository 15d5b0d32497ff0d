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
  retired: number;
  deadline: number;
  timerRise: number;
  arrivals: Arrival[];
}

export class Lane {
  /** Instructions retired, up to the end of the current slice as `sliceEnd` is. */
  retired = 0;
  /** The cycle from which on mtimecmp has been reached. */
  timerRise = Infinity;
  /** By time, and by order of sending among equals. */
  private arrivals: Arrival[] = [];
  /** The cycle of the next effect under way; Infinity: there is none. */
  nextArrival = Infinity;

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

  send(arrival: Arrival): void {
    const { arrivals } = this;
    let at = arrivals.length;
    while (at > 0 && arrivals[at - 1]!.cycle > arrival.cycle) at--;
    arrivals.splice(at, 0, arrival);
    this.look();
  }

  /** Drops what is under way for these lines. */
  supersede(lines: number): void {
    this.arrivals = this.arrivals.flatMap((arrival) => {
      if (arrival.lines === 0) return [arrival];
      const rest = arrival.lines & ~lines;
      return rest === 0 ? [] : [{ ...arrival, lines: rest }];
    });
    this.look();
  }

  /** The next effect that has arrived by now. */
  takeArrival(): Arrival | undefined {
    if (this.nextArrival > this.sliceEnd) return undefined;
    const arrival = this.arrivals.shift();
    this.look();
    return arrival;
  }

  private look(): void {
    this.nextArrival = this.arrivals[0]?.cycle ?? Infinity;
  }

  save(): SavedLane {
    const { sliceEnd, retired, deadline, timerRise, arrivals } = this;
    return { sliceEnd, retired, deadline, timerRise, arrivals: structuredClone(arrivals) };
  }
  load(saved: SavedLane): void {
    Object.assign(this, structuredClone(saved));
    this.look();
  }
}
