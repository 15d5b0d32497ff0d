// Drives a 16550 UART: takes each byte as it comes.

import { type Cell, server } from '../../../guests/sdk/index.ts';

const register = { data: 0, interruptEnable: 1, lineStatus: 5 };

function receive(cell: Cell<object>): void {
  const device = cell.device('serial');
  while ((device.load(register.lineStatus, 1) & 1) !== 0) cell.log(`a byte: ${device.load(register.data, 1)}`);
  device.acknowledge();
}

export default server({
  init(cell) {
    cell.device('serial').store(register.interruptEnable, 1, 1);
    receive(cell);
  },
  notified(cell) {
    receive(cell);
  },
});
