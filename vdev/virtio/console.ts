// Virtio console with several ports (virtio 1.3, section 5.3). Port 0 is a terminal unless configured otherwise; others
// appear in the guest under their names.

import type { DeviceBus } from '../../hw/device.ts';
import {
  configChanged,
  isAccepted,
  isRunning,
  needsReset,
  returnChain,
  takeChain,
  type VirtioDevice,
  type VirtioState,
} from './transport.ts';
import { gather, scatter, totalLength } from './virtqueue.ts';

/** Control messages that a port is owed, in the order in which they are sent. */
const owedOrder = ['add', 'console', 'open', 'name', 'resize'] as const;
type Owed = (typeof owedOrder)[number];

export interface ConsolePort {
  /** Configuration: the name under which the guest finds the port (ASCII), and whether it is a terminal. */
  readonly name: string;
  readonly console: boolean;
  /** Whether the guest has the port open. Input waits until it has. */
  guestOpen: boolean;
  /** Whether the outside is connected: the guest sees end of file while it isn't. */
  hostOpen: boolean;
  /** Whoever takes the output has no room: the guest's buffers stay where they are. */
  held: boolean;
  /** The driver knows the port. */
  ready: boolean;
  owed: Record<Owed, boolean>;
}

export interface ConsoleState {
  columns: number;
  rows: number;
  ports: ConsolePort[];
}

const feature = { size: 0, multiport: 1, emergencyWrite: 2 };
const event = {
  deviceReady: 0,
  deviceAdd: 1,
  portReady: 3,
  consolePort: 4,
  resize: 5,
  portOpen: 6,
  portName: 7,
};
const controlReceive = 2;
const controlTransmit = 3;
const controlSize = 8;
const emergencyWriteOffset = 8;
const queueSize = 64;
/** The longest output in one chain. */
const outputLimit = 0x10_0000;

export function consoleState(
  ports: readonly { name: string; console: boolean }[],
  columns = 80,
  rows = 25,
): ConsoleState {
  return { columns, rows, ports: ports.map((port) => newPort({ ...port, hostOpen: true, held: false })) };
}

function newPort({
  name,
  console,
  hostOpen,
  held,
}: Pick<ConsolePort, 'name' | 'console' | 'hostOpen' | 'held'>): ConsolePort {
  const owed = { add: false, console: false, open: false, name: false, resize: false };
  return { name, console, hostOpen, held, guestOpen: false, ready: false, owed };
}

/** Output of port n is emitted on port n; `input` takes bytes when the guest has the port open and buffers for them. */
export const virtioConsole: VirtioDevice<ConsoleState> = {
  name: 'virtio-console',
  deviceId: 3,
  // Port 0, control, then the other ports: a receive and a transmit queue each.
  queueSizes: ({ ports }) => Array.from({ length: 2 * (ports.length + 1) }, () => queueSize),
  features: () => Object.values(feature),

  config({ columns, rows, ports }) {
    const view = new DataView(new ArrayBuffer(12));
    view.setUint16(0, columns, true);
    view.setUint16(2, rows, true);
    view.setUint32(4, ports.length, true);
    return new Uint8Array(view.buffer);
  },

  writeConfig(_virtio, bus, offset, value) {
    if (offset === emergencyWriteOffset) bus.emit(0, Uint8Array.of(value));
  },

  notified(virtio, bus, queue) {
    if (queue === controlTransmit) receiveControl(virtio, bus);
    else if (queue % 2 === 1) transmit(virtio, bus, queue === 1 ? 0 : (queue - 3) / 2);
    sendControl(virtio, bus);
  },

  input(virtio, bus, port, bytes) {
    const target = virtio.device.ports[port];
    if (target === undefined || (isMultiport(virtio) ? !target.guestOpen : port !== 0)) return 0;
    let taken = 0;
    while (taken < bytes.length) {
      const chain = takeChain(virtio, bus, receiveQueue(port));
      if (chain === undefined) break;
      const part = bytes.subarray(taken, taken + totalLength(chain.writable));
      if (!scatter(bus, chain.writable, 0, part)) {
        needsReset(virtio, bus, 'a buffer is not in memory');
        break;
      }
      returnChain(virtio, bus, receiveQueue(port), chain, part.length);
      taken += part.length;
    }
    return taken;
  },

  reset(device) {
    device.ports = device.ports.map(newPort);
  },
};

/** The terminal's size has changed. */
export function resizeConsole(virtio: VirtioState<ConsoleState>, bus: DeviceBus, columns: number, rows: number): void {
  const { device } = virtio;
  if (device.columns === columns && device.rows === rows) return;
  Object.assign(device, { columns, rows });
  for (const port of device.ports) if (port.ready && port.console) port.owed.resize = true;
  if (isMultiport(virtio)) sendControl(virtio, bus);
  else configChanged(virtio, bus);
}

/** The outside of a port has come or gone. */
export function connectPort(virtio: VirtioState<ConsoleState>, bus: DeviceBus, port: number, open: boolean): void {
  const target = virtio.device.ports[port];
  if (target === undefined || target.hostOpen === open) return;
  target.hostOpen = open;
  if (target.ready) target.owed.open = true;
  sendControl(virtio, bus);
}

/** Stops taking a port's output, also from within `emit`, or goes on with what has been waiting. */
export function holdPort(virtio: VirtioState<ConsoleState>, bus: DeviceBus, port: number, held: boolean): void {
  const target = virtio.device.ports[port];
  if (target === undefined || target.held === held) return;
  target.held = held;
  if (!held) transmit(virtio, bus, port);
}

function isMultiport(virtio: VirtioState<ConsoleState>): boolean {
  return isAccepted(virtio, feature.multiport);
}

function receiveQueue(port: number): number {
  return port === 0 ? 0 : 2 * port + 2;
}

function transmit(virtio: VirtioState<ConsoleState>, bus: DeviceBus, port: number): void {
  const queue = receiveQueue(port) + 1;
  // Looked at for every chain: whoever takes the output may hold the port while it does.
  while (!virtio.device.ports[port]!.held) {
    const chain = takeChain(virtio, bus, queue);
    if (chain === undefined) return;
    if (totalLength(chain.readable) > outputLimit) {
      needsReset(virtio, bus, `output of more than ${outputLimit} bytes at once`);
      return;
    }
    const bytes = gather(bus, chain.readable, 0, outputLimit);
    if (bytes === undefined) {
      needsReset(virtio, bus, 'a buffer is not in memory');
      return;
    }
    if (bytes.length > 0) bus.emit(port, bytes);
    returnChain(virtio, bus, queue, chain, 0);
  }
}

function receiveControl(virtio: VirtioState<ConsoleState>, bus: DeviceBus): void {
  const queue = controlTransmit;
  for (let chain = takeChain(virtio, bus, queue); chain !== undefined; chain = takeChain(virtio, bus, queue)) {
    const bytes = gather(bus, chain.readable, 0, controlSize);
    if (bytes === undefined) {
      needsReset(virtio, bus, 'a buffer is not in memory');
      return;
    }
    if (bytes.length === controlSize && isMultiport(virtio)) {
      const view = new DataView(bytes.buffer);
      handleControl(virtio.device, view.getUint32(0, true), view.getUint16(4, true), view.getUint16(6, true));
    }
    returnChain(virtio, bus, queue, chain, 0);
  }
}

/** Messages about ports that don't exist, and unknown ones, are ignored. */
function handleControl(device: ConsoleState, id: number, kind: number, value: number): void {
  if (kind === event.deviceReady) {
    for (const port of device.ports) port.owed.add = value === 1;
    return;
  }
  const port = device.ports[id];
  if (port === undefined) return;
  if (kind === event.portOpen) port.guestOpen = value === 1;
  if (kind === event.portReady) {
    port.ready = value === 1;
    Object.assign(port.owed, {
      console: port.ready && port.console,
      open: port.ready && port.hostOpen,
      name: port.ready && port.name !== '',
      resize: port.ready && port.console,
    });
  }
}

/** Sends what is owed, as far as the driver has given buffers. */
function sendControl(virtio: VirtioState<ConsoleState>, bus: DeviceBus): void {
  if (!isRunning(virtio)) return;
  for (const [id, port] of virtio.device.ports.entries()) {
    for (const kind of owedOrder) {
      if (!port.owed[kind]) continue;
      const chain = takeChain(virtio, bus, controlReceive);
      if (chain === undefined) return;
      const message = controlMessage(virtio.device, id, kind);
      if (totalLength(chain.writable) < message.length || !scatter(bus, chain.writable, 0, message)) {
        needsReset(virtio, bus, 'a control buffer is too small or not in memory');
        return;
      }
      returnChain(virtio, bus, controlReceive, chain, message.length);
      port.owed[kind] = false;
    }
  }
}

function controlMessage(device: ConsoleState, id: number, kind: Owed): Uint8Array {
  const { hostOpen, name } = device.ports[id]!;
  switch (kind) {
    case 'add':
      return encodeControl(id, event.deviceAdd, 1, []);
    case 'console':
      return encodeControl(id, event.consolePort, 1, []);
    case 'open':
      return encodeControl(id, event.portOpen, hostOpen ? 1 : 0, []);
    case 'name':
      return encodeControl(
        id,
        event.portName,
        1,
        Array.from(name, (character) => character.charCodeAt(0)),
      );
    case 'resize':
      // Columns first, as specified; some versions of Linux read them the other way round.
      return encodeControl(id, event.resize, 0, [
        device.columns & 0xff,
        device.columns >>> 8,
        device.rows & 0xff,
        device.rows >>> 8,
      ]);
    default:
      return kind satisfies never;
  }
}

function encodeControl(id: number, kind: number, value: number, payload: readonly number[]): Uint8Array {
  const message = new Uint8Array(controlSize + payload.length);
  const view = new DataView(message.buffer);
  view.setUint32(0, id, true);
  view.setUint16(4, kind, true);
  view.setUint16(6, value, true);
  message.set(payload, controlSize);
  return message;
}
