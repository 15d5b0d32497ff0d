// How many messages are under way between the worker and the command. A port holds whatever is posted: without a bound, a guest that
// writes faster than the terminal shows would fill the host's memory.

/** Messages that the command has not taken yet, of at most a piece of console text each. */
const mostUnderWay = 64;

/** One i32, shared: how many messages the command has taken. */
export const flowBytes = 4;

/** The worker's side: it stands still while the command is too far behind. Virtual time knows nothing of it. */
export class Outflow {
  private readonly taken: Int32Array;
  private sent = 0;

  constructor(
    shared: SharedArrayBuffer,
    /** Returns when `taken[0]` is not `value` any more. */
    private readonly wait: (taken: Int32Array, value: number) => void = (array, value) => {
      Atomics.wait(array, 0, value);
    },
  ) {
    this.taken = new Int32Array(shared);
  }

  /** A message has been posted. */
  posted(): void {
    this.sent = (this.sent + 1) | 0;
    for (;;) {
      const taken = Atomics.load(this.taken, 0);
      if (((this.sent - taken) | 0) <= mostUnderWay) return;
      this.wait(this.taken, taken);
    }
  }
}

/** The command's side: a message has been dealt with. */
export function taken(shared: SharedArrayBuffer): void {
  const count = new Int32Array(shared);
  Atomics.add(count, 0, 1);
  Atomics.notify(count, 0);
}
