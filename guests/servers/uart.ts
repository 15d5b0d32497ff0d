// The driver of a 16550 UART: carries bytes between the device and the stream channel `terminal`.

import { type Cell, type DeviceChannel, server } from '../sdk/index.ts';

/** Registers (National Semiconductor PC16550D). */
const register = { data: 0, interruptEnable: 1, fifoControl: 2, lineStatus: 5 };
const receivedData = 1;
const enableFifos = 1;
const dataReady = 1;
/** Bytes that the transmitter takes at once. */
const fifoBytes = 16;
/** Bytes that pass in one handler; what is left waits for the next. */
const batch = 1024;

function uart(cell: Cell<object>): DeviceChannel {
  return cell.device((cell.config['device'] as string | undefined) ?? 'uart');
}

const holdsData = (device: DeviceChannel): boolean => (device.load(register.lineStatus, 1) & dataReady) !== 0;

/** From the device to the terminal, as long as that has room: the device holds the rest, and its interrupt stays masked. */
function receive(cell: Cell<object>): void {
  const device = uart(cell);
  const terminal = cell.stream('terminal');
  const bytes: number[] = [];
  const room = Math.min(terminal.room, batch);
  while (bytes.length < room && holdsData(device)) bytes.push(device.load(register.data, 1));
  terminal.write(Uint8Array.from(bytes));
  if (bytes.length < room) device.acknowledge();
}

function transmit(cell: Cell<object>): void {
  const device = uart(cell);
  // THR is always empty again before the next instruction.
  const bytes = cell.stream('terminal').read(batch);
  for (let at = 0; at < bytes.length; at += fifoBytes)
    device.storeEach(register.data, bytes.subarray(at, at + fifoBytes));
}

export default server({
  init(cell) {
    const device = uart(cell);
    device.store(register.fifoControl, 1, enableFifos);
    device.store(register.interruptEnable, 1, receivedData);
    device.acknowledge();
  },

  notified(cell, channel) {
    if (channel.name !== 'terminal') receive(cell);
    else {
      // Room in the terminal may be what input has been waiting for.
      if (holdsData(uart(cell))) receive(cell);
      transmit(cell);
    }
  },
});
