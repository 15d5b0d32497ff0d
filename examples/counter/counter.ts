// A counter that others share: it counts for callers over rpc, and for whoever types at its console.
//
// rpc, by label: 0 adds words[0] and answers the new value; 1 answers the value; 2 fails, to show what happens then. The
// answer's label is 0, or 1 for a request that is refused. Streams, a line each: `add N`, `show`, `fail`.

import { type Cell, type Message, StreamChannel, server } from 'microvisor/sdk';

interface Counter {
  value: number;
  /** Additions so far, by the cell that asked. */
  additions: Record<string, number>;
}

const request = { add: 0, show: 1, fail: 2 };
const refused: Message = { label: 1, words: [] };

/** The new value. undefined: nobody can count that far, and nothing has changed. */
function add(cell: Cell<Counter>, amount: number, by: string): number | undefined {
  const value = cell.state.value + amount;
  if (!Number.isSafeInteger(value) || value < 0) return undefined;
  const draft = cell.draft();
  draft.value = value;
  draft.additions[by] = (draft.additions[by] ?? 0) + 1;
  return value;
}

function fail(by: string): never {
  throw new Error(`${by} wants to see a failure`);
}

function answerLine(cell: Cell<Counter>, line: string, by: string): string {
  const [verb, amount] = line.trim().split(' ');
  if (verb === 'add') return `${add(cell, Number(amount), by) ?? 'no such number'}`;
  if (verb === 'show') return `${cell.state.value}`;
  if (verb === 'fail') fail(by);
  return 'add N, show, or fail';
}

export default server<Counter>({
  state: () => ({ value: 0, additions: {} }),

  init(cell) {
    const { start } = cell.config;
    if (typeof start === 'number') cell.draft().value = start;
  },

  protected(cell, channel, { label, words }) {
    switch (label) {
      case request.add: {
        const value = add(cell, Number(words[0] ?? 0n), channel.peer);
        return value === undefined ? refused : { label: 0, words: [BigInt(value)] };
      }
      case request.show:
        return { label: 0, words: [BigInt(cell.state.value)] };
      case request.fail:
        return fail(channel.peer);
      default:
        return refused;
    }
  },

  notified(cell, channel) {
    if (!(channel instanceof StreamChannel)) return;
    for (const line of channel.readLines()) channel.print(`${answerLine(cell, line, channel.peer)}\n`);
  },

  restarted(cell, reason) {
    cell.log(`started again after ${reason}, from ${cell.state.value}`);
  },
});
