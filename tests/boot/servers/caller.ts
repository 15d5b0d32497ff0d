// Calls over `ask` with each of the words of its configuration, one after the other, and says what came back.

import { server } from '../../../guests/sdk/index.ts';

export default server({
  init(cell) {
    const words = cell.config['words'] as number[];
    for (const word of words) {
      const answer = cell.rpc('ask').call({ label: 7, words: [BigInt(word), 1n, 2n, 3n, 4n, 5n] });
      cell.log(`${answer.label}: ${answer.words.join(' ')}`);
    }
  },
});
