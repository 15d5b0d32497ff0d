// A client of the counter: adds to it, makes it fail, and finds it again where it began.

import { type Cell, type Message, peerDied, server } from 'microvisor/sdk';

function show(cell: Cell<object>, what: string, { label, words }: Message): void {
  if (label === peerDied) cell.log(`${what}: the counter died before it could answer`);
  else if (label !== 0) cell.log(`${what}: refused`);
  else cell.log(`${what}: the counter is at ${words[0]}`);
}

function add(cell: Cell<object>, amount: bigint): void {
  show(cell, `adding ${amount}`, cell.rpc('counter').call({ label: 0, words: [amount] }));
}

export default server({
  init(cell) {
    add(cell, 1n);
    add(cell, 2n);
    add(cell, 2n ** 60n);
    show(cell, 'failing', cell.rpc('counter').call({ label: 2, words: [] }));
    add(cell, 3n);
  },
});
