// A client of the counter: adds to it, makes it fail, and finds it again at its start.

import { type Cell, peerDied, server } from 'microvisor/sdk';

function add(cell: Cell<object>, amount: bigint): void {
  const answer = cell.rpc('counter').call({ label: 0, words: [amount] });
  if (answer.label === peerDied) cell.log(`adding ${amount}: the counter died before it could answer`);
  else cell.log(`adding ${amount}: the counter is at ${answer.words[0]}`);
}

export default server({
  init(cell) {
    add(cell, 1n);
    add(cell, 2n);
    // No number that a server can count with: the counter throws, and its supervisor starts it again.
    add(cell, 2n ** 60n);
    add(cell, 3n);
  },
});
