// Virtio network device (virtio 1.3, section 5.1): one queue pair, no offloads. Frames are Ethernet without FCS.

import type { DeviceBus } from '../../hw/device.ts';
import { configChanged, needsReset, returnChain, takeChain, type VirtioDevice, type VirtioState } from './transport.ts';
import { gather, scatter, totalLength } from './virtqueue.ts';

export interface NetState {
  /** Configuration: six bytes, and the largest payload of a frame. */
  readonly mac: number[];
  readonly mtu: number;
  linkUp: boolean;
  /** Frames from the guest that were longer than the MTU allows, and dropped. */
  dropped: number;
}

const receiveQueue = 0;
const transmitQueue = 1;
const queueSize = 256;
const feature = { mtu: 3, mac: 5, status: 16 };
const statusLinkUp = 1;
/** struct virtio_net_hdr with num_buffers. */
const headerSize = 12;
const numBuffersOffset = 10;
/** Ethernet header with one VLAN tag. */
const frameOverhead = 18;

export function netState(mac: readonly number[], mtu = 1500): NetState {
  return { mac: [...mac], mtu, linkUp: true, dropped: 0 };
}

/** Frames go out on port 0, one per emission. `input` takes one whole frame, or nothing if the guest has no buffer. */
export const virtioNet: VirtioDevice<NetState> = {
  name: 'virtio-net',
  deviceId: 1,
  queueSizes: () => [queueSize, queueSize],
  features: () => Object.values(feature),

  config({ mac, mtu, linkUp }) {
    const view = new DataView(new ArrayBuffer(12));
    for (let i = 0; i < 6; i++) view.setUint8(i, mac[i]!);
    view.setUint16(6, linkUp ? statusLinkUp : 0, true);
    view.setUint16(8, 1, true);
    view.setUint16(10, mtu, true);
    return new Uint8Array(view.buffer);
  },

  notified(virtio, bus, queue) {
    if (queue !== transmitQueue) return;
    const { device } = virtio;
    for (let chain = takeChain(virtio, bus, queue); chain !== undefined; chain = takeChain(virtio, bus, queue)) {
      const length = totalLength(chain.readable) - headerSize;
      if (length < 0) {
        needsReset(virtio, bus, 'a frame without header');
        return;
      }
      if (length > device.mtu + frameOverhead) device.dropped++;
      else {
        const frame = gather(bus, chain.readable, headerSize, length);
        if (frame === undefined) {
          needsReset(virtio, bus, 'a buffer is not in memory');
          return;
        }
        if (device.linkUp && length > 0) bus.emit(0, frame);
      }
      returnChain(virtio, bus, queue, chain, 0);
    }
  },

  input(virtio, bus, port, frame) {
    const { device } = virtio;
    if (port !== 0 || !device.linkUp || frame.length > device.mtu + frameOverhead) return 0;
    const chain = takeChain(virtio, bus, receiveQueue);
    if (chain === undefined) return 0;
    const bytes = new Uint8Array(headerSize + frame.length);
    bytes[numBuffersOffset] = 1;
    bytes.set(frame, headerSize);
    if (totalLength(chain.writable) < bytes.length || !scatter(bus, chain.writable, 0, bytes)) {
      needsReset(virtio, bus, 'a receive buffer is too small for a frame or not in memory');
      return 0;
    }
    returnChain(virtio, bus, receiveQueue, chain, bytes.length);
    return frame.length;
  },

  reset(device) {
    device.dropped = 0;
  },
};

/** Plugs or unplugs the cable. */
export function setLink(virtio: VirtioState<NetState>, bus: DeviceBus, up: boolean): void {
  if (virtio.device.linkUp === up) return;
  virtio.device.linkUp = up;
  configChanged(virtio, bus);
}
