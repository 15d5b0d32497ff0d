// A shell of sorts on its stream channel: repeats what it is told, and does what it should not when told so.

import { type Cell, server } from '../../../guests/sdk/index.ts';

function recurse(depth: number): number {
  return recurse(depth + 1) + 1;
}

const misdeeds: Readonly<Record<string, () => void>> = {
  crash() {
    throw new Error('the shell was asked to crash');
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

interface State {
  greeted: boolean;
}

/** After a restart there is room only when the console has answered the new beginning. */
function greet(cell: Cell<State>): void {
  if (cell.state.greeted || cell.stream('tty').room === 0) return;
  cell.stream('tty').print('> ');
  cell.draft().greeted = true;
}

export default server<State>({
  state: () => ({ greeted: false }),
  init: greet,
  notified(cell) {
    greet(cell);
    const tty = cell.stream('tty');
    for (const line of tty.readLines()) {
      misdeeds[line]?.();
      tty.print(`you said: ${line}\n> `);
    }
  },
});
