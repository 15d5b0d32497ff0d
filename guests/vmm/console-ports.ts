// Channels as ports of the virtio console. What a channel has no room for waits here and the guest's later buffers wait in its
// queue; what the guest has no buffers for waits in the channel. Nothing is lost on either side.
//
// A write of the guest is bytes of a stream, a message of a queue (several, if it is longer than one), the new value of a
// sample, a signal of a notify channel. The other way, a message begins in a buffer of its own; a signal is one byte 1.

import type { DeviceBus } from '../../hw/device.ts';
import { holdPort, virtioConsole } from '../../vdev/virtio/console.ts';
import { virtioMmio } from '../../vdev/virtio/mmio.ts';
import { bytesOf, textOf } from './byte-text.ts';
import type { ConsoleSlot, PortState, Vm } from './vm.ts';

export const consoleModel = virtioMmio(virtioConsole);

/** Bytes of a stream that are looked at together. */
const pieceBytes = 4096;

/** The guest has written. */
export function emitConsole(vm: Vm, slot: ConsoleSlot, bus: DeviceBus, number: number, bytes: Uint8Array): void {
  const port = slot.ports[number];
  if (port === undefined || !port.channel.sends || bytes.length === 0) return;
  // The usual way, without a detour through the state.
  const isStream = port.channel.type === 'stream' && port.backlog.length === 0;
  const taken = isStream ? vm.port.writeStream(port.channel.number, bytes) : 0;
  if (taken === bytes.length) return;
  append(port, bytes.subarray(taken));
  if (!drain(vm, port)) holdPort(slot.virtio, bus, number, true);
}

function append({ channel, backlog }: PortState, bytes: Uint8Array): void {
  switch (channel.type) {
    case 'queue':
      for (let at = 0; at < bytes.length; at += channel.messageBytes) {
        backlog.push(textOf(bytes.subarray(at, at + channel.messageBytes)));
      }
      break;
    case 'sample':
      backlog.push(textOf(bytes.subarray(0, channel.messageBytes)));
      break;
    default:
      backlog.push(textOf(bytes));
  }
}

/** Hands on what waits, as far as there is room. true: nothing waits any more. */
function drain({ port: outside }: Vm, port: PortState): boolean {
  const { channel, backlog } = port;
  while (backlog.length > 0) {
    const text = backlog[0]!;
    switch (channel.type) {
      case 'stream': {
        const taken = outside.writeStream(channel.number, bytesOf(text));
        if (taken < text.length) {
          backlog[0] = text.slice(taken);
          return false;
        }
        break;
      }
      case 'queue':
      case 'sample':
        // A guest cannot be told that its write has failed: whatever does not wait, drops.
        if (!outside.sendMessage(channel.number, bytesOf(text), (channel.full ?? 'block') !== 'block')) return false;
        break;
      default:
        outside.signal(channel.number);
    }
    backlog.shift();
  }
  return true;
}

/** Moves what can be moved, both ways, on every port. */
export function pumpConsole(vm: Vm, slot: ConsoleSlot, bus: DeviceBus): void {
  for (const [number, port] of slot.ports.entries()) {
    if (port.backlog.length > 0 && drain(vm, port)) holdPort(slot.virtio, bus, number, false);
    if (port.inputDue && port.channel.receives) port.inputDue = !receive(vm, slot, bus, number, port);
  }
}

/** Takes in what has come, as far as the guest has buffers. true: nothing waits any more. */
function receive(vm: Vm, slot: ConsoleSlot, bus: DeviceBus, number: number, port: PortState): boolean {
  const { channel } = port;
  const give = (bytes: Uint8Array): number => consoleModel.input!(slot.virtio, bus, number, bytes);
  switch (channel.type) {
    case 'stream':
      for (;;) {
        const bytes = vm.port.peekStream(channel.number, pieceBytes);
        if (bytes.length === 0) return true;
        const taken = give(bytes);
        if (taken > 0) vm.port.consumeStream(channel.number, taken);
        if (taken < bytes.length) return false;
      }
    case 'notify':
      if (!port.signalled) return true;
      if (give(Uint8Array.of(1)) === 0) return false;
      port.signalled = false;
      return true;
    case 'queue':
    case 'sample':
      for (;;) {
        if (port.message === '' || (channel.type === 'sample' && !port.messageBegun)) {
          const next = vm.port.receiveMessage(channel.number);
          if (next !== undefined) {
            port.message = textOf(next);
            port.messageBegun = false;
          } else if (port.message === '') return true;
        }
        const taken = give(bytesOf(port.message));
        port.messageBegun ||= taken > 0;
        port.message = port.message.slice(taken);
        if (port.message !== '') return false;
      }
    case 'rpc':
      return true;
    default:
      return channel.type satisfies never;
  }
}

/** Firmware output (SBI): goes where the terminal's does, in its order. Returns how many bytes were taken. */
export function writeTerminal(vm: Vm, bytes: Uint8Array): number {
  const port = terminalOf(vm);
  if (port === undefined) {
    vm.port.log(bytes);
    return bytes.length;
  }
  return port.backlog.length > 0 ? 0 : vm.port.writeStream(port.channel.number, bytes);
}

/** Takes terminal input for firmware (SBI), if no driver has the terminal. */
export function readTerminal(vm: Vm, limit: number): Uint8Array {
  const port = terminalOf(vm);
  if (port === undefined) return new Uint8Array(0);
  const bytes = vm.port.peekStream(port.channel.number, Math.min(limit, pieceBytes));
  if (bytes.length > 0) vm.port.consumeStream(port.channel.number, bytes.length);
  return bytes;
}

/** Port 0, when it is a terminal on a stream. */
function terminalOf({ state }: Vm): PortState | undefined {
  const slot = state.slots.find((each) => each.kind === 'console');
  return slot?.virtio.device.ports[0]?.console && slot.ports[0]!.channel.type === 'stream' ? slot.ports[0] : undefined;
}
