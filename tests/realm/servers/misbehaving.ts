// Answers honestly to `state`, and misbehaves on demand.

import { messageText, server, textMessage } from '../../../guests/sdk/index.ts';

interface State {
  answered: number;
}

function recurse(depth: number): number {
  return recurse(depth + 1) + 1;
}

const misdeeds: Record<string, () => void> = {
  throws() {
    throw new Error('on demand');
  },
  spins() {
    for (;;);
  },
  recurses() {
    recurse(0);
  },
  allocates() {
    const kept: string[][] = [];
    for (;;) kept.push(['x'.repeat(1000)]);
  },
  explodes() {
    /^(\w+\s?)*$/.test('aaaa aaaa aaaa aaaa aaaa aaaa aaaa!');
  },
  dereferences() {
    const nothing = JSON.parse('null') as { field: string };
    nothing.field.trim();
  },
};

export default server<State>({
  state: () => ({ answered: 0 }),
  protected(cell, _channel, message) {
    cell.draft().answered += 1;
    misdeeds[messageText(message)]?.();
    return textMessage(0, `${cell.state.answered}`);
  },
});
