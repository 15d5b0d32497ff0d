// Counts calls in its state, and says how many. The second of its first life goes wrong in the way that its configuration says.

import { server } from '../../../guests/sdk/index.ts';
import { address } from '../../../guests/sdk/layout.ts';
import { machine } from '../../../guests/sdk/machine.ts';

interface State {
  calls: number;
}

const unknownCall = -100;
const noCapability = 1000;
/** seL4_Call. */
const callNumber = -1;

const ways: Record<string, () => void> = {
  throw() {
    throw new Error('clumsy');
  },
  budget() {
    for (;;);
  },
  'memory fault'() {
    machine.load(0x7000_0000, 8);
  },
  'capability fault'() {
    machine.systemCall(callNumber, noCapability, 0n, [], 0, address.ipcBuffer);
  },
  'unknown system call'() {
    machine.systemCall(unknownCall, 0, 0n, [], 0, address.ipcBuffer);
  },
};

export default server<State>({
  state: () => ({ calls: 0 }),
  init(cell) {
    cell.log(`generation ${cell.generation}`);
  },
  protected(cell) {
    const { calls } = cell.state;
    cell.draft().calls = calls + 1;
    if (calls === 1 && cell.generation === 0) ways[cell.config['how'] as string]!();
    cell.log(`call ${calls + 1}`);
    return undefined;
  },
  restarted(cell, reason) {
    cell.log(`after ${reason}`);
  },
});
