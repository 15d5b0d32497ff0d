// A small key-value store that misbehaves on demand: what a server can do wrong, and nobody else notices.
//
// On its stream channel, a line each: `put KEY VALUE`, `get KEY`; and `crash`, `spin`, `recurse`, `allocate`, `regexp`.

import { StreamChannel, server } from 'microvisor/sdk';

interface Store {
  entries: Record<string, string>;
}

function recurse(depth: number): number {
  return recurse(depth + 1) + 1;
}

const misdeeds: Record<string, () => void> = {
  crash() {
    throw new Error('the store is in a bad mood');
  },
  spin() {
    for (;;);
  },
  recurse() {
    recurse(0);
  },
  allocate() {
    const kept: string[][] = [];
    for (;;) kept.push(['x'.repeat(1000)]);
  },
  regexp() {
    /^(\w+\s?)*$/.test('words words words words words words words words!');
  },
};

export default server<Store>({
  state: () => ({ entries: {} }),

  notified(cell, channel) {
    if (!(channel instanceof StreamChannel) || channel.name === 'log') return;
    for (const line of channel.readLines()) {
      const [verb = '', key = '', ...rest] = line.trim().split(' ');
      if (Object.hasOwn(misdeeds, verb)) misdeeds[verb]!();
      if (verb === 'put') {
        cell.draft().entries[key] = rest.join(' ');
        channel.print('ok\n');
      } else if (verb === 'get') {
        const { entries } = cell.state;
        channel.print(`${Object.hasOwn(entries, key) ? entries[key] : 'no such key'}\n`);
      } else if (verb !== '' && !Object.hasOwn(misdeeds, verb)) channel.print('put KEY VALUE, or get KEY\n');
    }
  },

  restarted(cell, reason) {
    cell.log(`started again after ${reason}: the entries are gone`);
  },
});
