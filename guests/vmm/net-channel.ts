// A virtio network device on a queue: a message is an Ethernet frame. A full queue drops frames, as networks do.

import type { DeviceBus } from '../../hw/device.ts';
import { virtioMmio } from '../../vdev/virtio/mmio.ts';
import { virtioNet } from '../../vdev/virtio/net.ts';
import { bytesOf, textOf } from './byte-text.ts';
import type { NetSlot, Vm } from './vm.ts';

export const netModel = virtioMmio(virtioNet);

/** Ethernet header with one VLAN tag: what is longer, no guest takes. */
const frameOverhead = 18;

/** The guest has sent a frame. */
export function emitFrame(vm: Vm, slot: NetSlot, frame: Uint8Array): void {
  const { messageBytes } = vm.config.channels.find(({ number }) => number === slot.channel)!;
  if (frame.length > messageBytes || !vm.port.sendMessage(slot.channel, frame, false)) slot.virtio.device.dropped++;
}

/** Takes in frames as far as the guest has buffers. One more is kept here; the others wait in the queue. */
export function pumpNet(vm: Vm, slot: NetSlot, bus: DeviceBus): void {
  while (slot.inputDue) {
    if (slot.frame === '') slot.frame = textOf(vm.port.receiveMessage(slot.channel) ?? new Uint8Array(0));
    if (slot.frame === '') slot.inputDue = false;
    else if (slot.frame.length > slot.virtio.device.mtu + frameOverhead) slot.frame = '';
    else if (netModel.input!(slot.virtio, bus, 0, bytesOf(slot.frame)) === 0) return;
    else slot.frame = '';
  }
}
