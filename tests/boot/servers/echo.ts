// Answers calls with label and words turned around, and counts them in its state. Words 13 make it fail.

import { server } from '../../../guests/sdk/index.ts';

interface State {
  calls: number;
}

export default server<State>({
  state: () => ({ calls: 0 }),
  protected(cell, channel, { label, words }) {
    cell.draft().calls++;
    if (words[0] === 13n) throw new Error('unlucky');
    cell.log(`call ${cell.draft().calls} from ${channel.peer}`);
    return { label: label + 1, words: [...words].reverse() };
  },
});
