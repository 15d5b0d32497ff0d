// Counts calls; answers with the count.

import { server } from '../../../guests/sdk/index.ts';

interface State {
  count: number;
}

export default server<State>({
  state: () => ({ count: 0 }),
  protected(cell, _channel, message) {
    if (message.label === 1) cell.draft().count += 1;
    return { label: 0, words: [BigInt(cell.state.count)] };
  },
});
