// The driver of a 16550 UART: carries bytes between the device and the stream channel `terminal`.

import { type Cell, type DeviceChannel, server } from '../sdk/index.ts';

/** Registers (National Semiconductor PC16550D). */
const register = { data: 0, interruptEnable: 1, fifoControl: 2, lineStatus: 5 };
const receivedData = 1;
const enableFifos = 1;
const dataReady = 1;
/** Bytes that pass in one handler; what is left waits for the next. */
const batch = 1024;

function uart(cell: Cell<object>): DeviceChannel {
  return cell.device((cell.config['device'] as string | undefined) ?? 'uart');
}

/** From the device to the terminal, as long as that has room: the device holds the rest, and its interrupt stays masked. */
function receive(cell: Cell<object>): void {
  const device = uart(cell);
  const terminal = cell.stream('terminal');
  const bytes: number[] = [];
  const room = Math.min(terminal.room, batch);
  while (bytes.length < room && (device.load(register.lineStatus, 1) & dataReady) !== 0) {
    bytes.push(device.load(register.data, 1));
  }
  terminal.write(Uint8Array.from(bytes));
  if (bytes.length < room) device.acknowledge();
}

function transmit(cell: Cell<object>): void {
  const device = uart(cell);
  // THR is always empty again before the next instruction.
  for (const byte of cell.stream('terminal').read(batch)) device.store(register.data, 1, byte);
}

export default server({
  init(cell) {
    const device = uart(cell);
    device.store(register.fifoControl, 1, enableFifos);
    device.store(register.interruptEnable, 1, receivedData);
    device.acknowledge();
  },

  notified(cell, channel) {
    // Room in the terminal may be what input has been waiting for.
    receive(cell);
    if (channel.name === 'terminal') transmit(cell);
  },
});
