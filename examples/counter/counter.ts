// A counter that others share: it counts for callers, and for whoever types at its console.
//
// rpc channels: label 0 adds words[0] to the counter and answers its new value; label 1 answers its value; any other label
// is answered with label 1. Streams, a line each: `add N`, `show`.

import { type Cell, type Message, StreamChannel, server } from 'microvisor/sdk';

interface Counter {
  value: number;
  /** Changes by each channel. */
  changes: Record<string, number>;
}

const add = 0;
const show = 1;
const refused = 1;

function step(cell: Cell<Counter>, amount: number, by: string): number {
  if (!Number.isSafeInteger(amount)) throw new RangeError(`${by} wants to add ${amount}`);
  const draft = cell.draft();
  draft.value += amount;
  draft.changes[by] = (draft.changes[by] ?? 0) + 1;
  return draft.value;
}

function answerLine(cell: Cell<Counter>, line: string, by: string): string {
  const [verb, amount] = line.trim().split(' ');
  if (verb === 'add') return `${step(cell, Number(amount ?? 1), by)}`;
  if (verb === 'show') return `${cell.state.value}`;
  return 'add N, or show';
}

export default server<Counter>({
  state: () => ({ value: 0, changes: {} }),

  init(cell) {
    const { start } = cell.config;
    if (typeof start === 'number') cell.draft().value = start;
  },

  protected(cell, channel, { label, words }): Message {
    if (label === add) return { label: 0, words: [BigInt(step(cell, Number(words[0] ?? 1n), channel.peer))] };
    if (label === show) return { label: 0, words: [BigInt(cell.state.value)] };
    return { label: refused, words: [] };
  },

  notified(cell, channel) {
    if (!(channel instanceof StreamChannel)) return;
    for (const line of channel.readLines()) channel.print(`${answerLine(cell, line, channel.peer)}\n`);
  },

  restarted(cell, reason) {
    cell.log(`started again after ${reason}, from ${cell.state.value}`);
  },
});
