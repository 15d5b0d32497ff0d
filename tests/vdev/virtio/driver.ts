// A small virtio driver for tests: sets up a device over MMIO and lays chains into its rings.

import type { DeviceModel } from '../../../hw/device.ts';
import { virtioMmio } from '../../../vdev/virtio/mmio.ts';
import { type VirtioDevice, type VirtioState, virtioState } from '../../../vdev/virtio/transport.ts';
import { type MockBus, mockBus } from '../mock-bus.ts';

export const ramBase = 0x8000_0000;
/** Ring memory of queue n begins at ramBase + n * ringStride; buffers lie above. */
const ringStride = 0x2000;
const bufferBase = ramBase + 0x4_0000;

export const reg = {
  deviceFeatures: 0x10,
  deviceFeaturesSel: 0x14,
  driverFeatures: 0x20,
  driverFeaturesSel: 0x24,
  queueSel: 0x30,
  queueNumMax: 0x34,
  queueNum: 0x38,
  queueReady: 0x44,
  queueNotify: 0x50,
  interruptStatus: 0x60,
  interruptAck: 0x64,
  status: 0x70,
  queueDesc: 0x80,
  queueDriver: 0x90,
  queueDevice: 0xa0,
  configGeneration: 0xfc,
  config: 0x100,
};

export const VERSION_1 = 32;
export const EVENT_IDX = 29;
export const NEEDS_RESET = 64;
const F = { next: 1, write: 2, indirect: 4 };

export type Piece = { out: Uint8Array } | { in: number };

export interface Chain {
  head: number;
  /** Addresses of the pieces, in order. */
  addresses: number[];
}

export class Driver<D> {
  readonly bus: MockBus = mockBus(ramBase, 0x10_0000);
  readonly model: DeviceModel<VirtioState<D>>;
  readonly state: VirtioState<D>;
  queueSize = 8;
  private nextBuffer = bufferBase;
  private readonly nextDescriptor: number[] = [];
  private readonly available: number[] = [];
  private readonly seenUsed: number[] = [];

  constructor(device: VirtioDevice<D>, deviceState: D) {
    this.model = virtioMmio(device);
    this.state = virtioState(device, deviceState);
  }

  read(offset: number, size: 1 | 2 | 4 = 4): number {
    return this.model.read(this.state, this.bus, offset, size);
  }
  write(offset: number, value: number, size: 1 | 2 | 4 = 4): void {
    this.model.write(this.state, this.bus, offset, size, value);
  }
  input(bytes: Uint8Array, port = 0): number {
    return this.model.input!(this.state, this.bus, port, bytes);
  }

  /** Negotiates the given feature bits, sets up all queues and says DRIVER_OK. */
  start(features: number[] = [VERSION_1]): void {
    this.write(reg.status, 0);
    this.write(reg.status, 3);
    for (const word of [0, 1]) {
      this.write(reg.driverFeaturesSel, word);
      this.write(
        reg.driverFeatures,
        features.filter((bit) => bit >>> 5 === word).reduce((sum, bit) => sum + 2 ** (bit & 31), 0),
      );
    }
    this.write(reg.status, 11);
    for (let queue = 0; queue < this.state.queues.length; queue++) this.setUpQueue(queue);
    this.write(reg.status, 15);
  }

  setUpQueue(queue: number): void {
    this.bus.memory.fill(0, queue * ringStride, (queue + 1) * ringStride);
    this.nextDescriptor[queue] = this.available[queue] = this.seenUsed[queue] = 0;
    this.write(reg.queueSel, queue);
    this.write(reg.queueNum, this.queueSize);
    for (const [register, address] of [
      [reg.queueDesc, this.descriptorTable(queue)],
      [reg.queueDriver, this.availableRing(queue)],
      [reg.queueDevice, this.usedRing(queue)],
    ] as const) {
      this.write(register, address >>> 0);
      this.write(register + 4, 0);
    }
    this.write(reg.queueReady, 1);
  }

  descriptorTable(queue: number): number {
    return ramBase + queue * ringStride;
  }
  availableRing(queue: number): number {
    return ramBase + queue * ringStride + 0x800;
  }
  usedRing(queue: number): number {
    return ramBase + queue * ringStride + 0x1000;
  }

  at(address: number): number {
    return address - ramBase;
  }

  allocate(length: number): number {
    const address = this.nextBuffer;
    this.nextBuffer += (length + 15) & ~15;
    return address;
  }

  /** Writes one descriptor; anything may be wrong with it. */
  describe(table: number, index: number, address: number, length: number, flags: number, next: number): void {
    const { view } = this.bus;
    const at = this.at(table + 16 * index);
    view.setBigUint64(at, BigInt(address), true);
    view.setUint32(at + 8, length, true);
    view.setUint16(at + 12, flags, true);
    view.setUint16(at + 14, next, true);
  }

  /** Lays a chain into descriptors (an indirect table if asked) without making it available. */
  lay(queue: number, pieces: readonly Piece[], indirect = false): Chain {
    const table = indirect ? this.allocate(16 * pieces.length) : this.descriptorTable(queue);
    const first = this.nextDescriptor[queue]!;
    const size = this.queueSize;
    const slot = (i: number) => (indirect ? i : (first + i) % size);
    const addresses = pieces.map((piece, i) => {
      const length = 'out' in piece ? piece.out.length : piece.in;
      const address = this.allocate(length);
      if ('out' in piece) this.bus.memory.set(piece.out, this.at(address));
      const last = i === pieces.length - 1;
      this.describe(table, slot(i), address, length, ('in' in piece ? F.write : 0) | (last ? 0 : F.next), slot(i + 1));
      return address;
    });
    if (indirect) this.describe(this.descriptorTable(queue), first, table, 16 * pieces.length, F.indirect, 0);
    this.nextDescriptor[queue] = (first + (indirect ? 1 : pieces.length)) % size;
    return { head: first, addresses };
  }

  /** Makes a head available, without notifying. */
  offer(queue: number, head: number): void {
    const ring = this.at(this.availableRing(queue));
    const index = this.available[queue]!;
    this.bus.view.setUint16(ring + 4 + 2 * (index % this.queueSize), head, true);
    this.available[queue] = (index + 1) & 0xffff;
    this.bus.view.setUint16(ring + 2, this.available[queue]!, true);
  }

  send(queue: number, pieces: readonly Piece[], indirect = false): Chain {
    const chain = this.lay(queue, pieces, indirect);
    this.offer(queue, chain.head);
    return chain;
  }

  notify(queue: number): void {
    this.write(reg.queueNotify, queue);
  }

  /** Used entries that have come since the last call. */
  used(queue: number): { head: number; length: number }[] {
    const ring = this.at(this.usedRing(queue));
    const { view } = this.bus;
    const entries = [];
    const end = view.getUint16(ring + 2, true);
    while (this.seenUsed[queue] !== end) {
      const at = ring + 4 + 8 * (this.seenUsed[queue]! % this.queueSize);
      entries.push({ head: view.getUint32(at, true), length: view.getUint32(at + 4, true) });
      this.seenUsed[queue] = (this.seenUsed[queue]! + 1) & 0xffff;
    }
    return entries;
  }

  bytes(address: number, length: number): number[] {
    return [...this.bus.memory.subarray(this.at(address), this.at(address) + length)];
  }

  acknowledge(): number {
    const status = this.read(reg.interruptStatus);
    this.write(reg.interruptAck, status);
    return status;
  }

  get needsReset(): boolean {
    return (this.read(reg.status) & NEEDS_RESET) !== 0;
  }
}
