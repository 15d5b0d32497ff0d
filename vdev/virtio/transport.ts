// What every virtio device has in common, whatever bus it sits on: status, features, queues, notifications (virtio 1.3,
// chapters 2 and 3).

import type { DeviceBus } from '../../hw/device.ts';
import {
  type DescriptorChain,
  popChain,
  pushUsed,
  type VirtqueueState,
  virtqueueState,
  wantsInterrupt,
} from './virtqueue.ts';

/** Bits of the device status field. */
export const deviceStatus = {
  acknowledge: 1,
  driver: 2,
  driverOk: 4,
  featuresOk: 8,
  needsReset: 64,
  failed: 128,
} as const;

/** Feature bits that belong to no device type. */
export const transportFeature = { indirectDescriptors: 28, eventIndex: 29, version1: 32 } as const;

/** Bits of the interrupt status. */
export const interruptCause = { usedBuffer: 1, configuration: 2 } as const;

/** A device and its transport, as plain data. `D` is what the device type adds. */
export interface VirtioState<D> {
  status: number;
  deviceFeaturesSelect: number;
  driverFeaturesSelect: number;
  /** Words 0 and 1 of what the driver accepted. */
  driverFeatures: number[];
  queueSelect: number;
  interruptStatus: number;
  configGeneration: number;
  queues: VirtqueueState[];
  /** Why the device needs a reset; null: it doesn't. */
  fault: string | null;
  device: D;
}

/** A device type. Its functions run only when the driver is ready (DRIVER_OK), except for the configuration's. */
export interface VirtioDevice<D> {
  readonly name: string;
  /** Virtio device id (chapter 5). */
  readonly deviceId: number;
  /** Largest size of each queue. */
  queueSizes(device: D): number[];
  /** Feature bits offered besides those of the transport. */
  features(device: D): number[];
  /** The configuration space. */
  config(device: D): Uint8Array;
  writeConfig?(virtio: VirtioState<D>, bus: DeviceBus, offset: number, value: number): void;
  /** The driver has put buffers into a queue. */
  notified(virtio: VirtioState<D>, bus: DeviceBus, queue: number): void;
  /** Bytes from the outside; returns how many were taken. */
  input?(virtio: VirtioState<D>, bus: DeviceBus, port: number, bytes: Uint8Array): number;
  /** The driver has taken a queue away: what is in progress on it ends without an answer. */
  queueStopped?(device: D, queue: number): void;
  /** The driver has reset the device: what is in progress ends without an answer. Configuration stays. */
  reset(device: D): void;
}

export function virtioState<D>(type: VirtioDevice<D>, device: D): VirtioState<D> {
  return { ...initialState(type.queueSizes(device)), device };
}

function initialState(queueSizes: number[]): Omit<VirtioState<unknown>, 'device'> {
  return {
    status: 0,
    deviceFeaturesSelect: 0,
    driverFeaturesSelect: 0,
    driverFeatures: [0, 0],
    queueSelect: 0,
    interruptStatus: 0,
    configGeneration: 0,
    queues: queueSizes.map(virtqueueState),
    fault: null,
  };
}

/** Back to where the driver can begin (section 2.4). */
export function resetVirtio<D>(type: VirtioDevice<D>, virtio: VirtioState<D>, bus: DeviceBus): void {
  type.reset(virtio.device);
  Object.assign(virtio, initialState(type.queueSizes(virtio.device)));
  bus.setInterrupt(false);
}

/** Whether buffers may be taken and returned: the driver is ready and hasn't broken anything. */
export function isRunning(virtio: VirtioState<unknown>): boolean {
  const { driverOk, needsReset, failed } = deviceStatus;
  return (virtio.status & (driverOk | needsReset | failed)) === driverOk;
}

/** Whether the driver has accepted a feature bit. */
export function isAccepted(virtio: VirtioState<unknown>, bit: number): boolean {
  return ((virtio.driverFeatures[bit >>> 5]! >>> (bit & 31)) & 1) !== 0;
}

/** A 32-bit word of a set of feature bits. */
export function featureWord(bits: readonly number[], word: number): number {
  let value = 0;
  for (const bit of bits) if (bit >>> 5 === word) value |= 1 << (bit & 31);
  return value >>> 0;
}

/** All bits that a device offers. */
export function offeredFeatures<D>(type: VirtioDevice<D>, virtio: VirtioState<D>): number[] {
  return [...Object.values(transportFeature), ...type.features(virtio.device)];
}

/** The driver has broken the protocol: nothing works until it resets the device (section 2.1.2). */
export function needsReset(virtio: VirtioState<unknown>, bus: DeviceBus, reason: string): void {
  if (virtio.fault !== null) return;
  virtio.fault = reason;
  const running = isRunning(virtio);
  virtio.status |= deviceStatus.needsReset;
  if (running) raise(virtio, bus, interruptCause.configuration);
}

/** Tells the driver that the configuration space has changed. */
export function configChanged(virtio: VirtioState<unknown>, bus: DeviceBus): void {
  virtio.configGeneration = (virtio.configGeneration + 1) >>> 0;
  if (isRunning(virtio)) raise(virtio, bus, interruptCause.configuration);
}

/** The next chain of a queue; undefined if there is none, or if the driver broke the ring (then the device needs a reset). */
export function takeChain(virtio: VirtioState<unknown>, bus: DeviceBus, queue: number): DescriptorChain | undefined {
  const ring = virtio.queues[queue];
  if (ring === undefined || !ring.ready || !isRunning(virtio)) return undefined;
  const popped = popChain(ring, bus, isAccepted(virtio, transportFeature.eventIndex));
  if (popped.kind === 'chain') return popped.chain;
  if (popped.kind === 'broken') needsReset(virtio, bus, popped.reason);
  return undefined;
}

/** Returns a chain to the driver. `written`: how many bytes the device has put into its writable buffers. */
export function returnChain(
  virtio: VirtioState<unknown>,
  bus: DeviceBus,
  queue: number,
  chain: DescriptorChain,
  written: number,
): void {
  const ring = virtio.queues[queue];
  if (ring === undefined || !ring.ready || !isRunning(virtio)) return;
  if (!pushUsed(ring, bus, chain.head, written)) needsReset(virtio, bus, 'the used ring is not in memory');
  else if (wantsInterrupt(ring, bus, isAccepted(virtio, transportFeature.eventIndex))) {
    raise(virtio, bus, interruptCause.usedBuffer);
  }
}

function raise(virtio: VirtioState<unknown>, bus: DeviceBus, cause: number): void {
  virtio.interruptStatus |= cause;
  bus.setInterrupt(true);
}
