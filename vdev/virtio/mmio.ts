// Virtio over MMIO, version 2 register interface (virtio 1.3, section 4.2): puts a virtio device on a bus.

import type { DeviceBus, DeviceModel } from '../../hw/device.ts';
import {
  deviceStatus,
  featureWord,
  isRunning,
  needsReset,
  offeredFeatures,
  resetVirtio,
  type VirtioDevice,
  type VirtioState,
} from './transport.ts';
import { layoutFault, type VirtqueueState } from './virtqueue.ts';

const register = {
  magicValue: 0x000,
  version: 0x004,
  deviceId: 0x008,
  vendorId: 0x00c,
  deviceFeatures: 0x010,
  deviceFeaturesSel: 0x014,
  driverFeatures: 0x020,
  driverFeaturesSel: 0x024,
  queueSel: 0x030,
  queueNumMax: 0x034,
  queueNum: 0x038,
  queueReady: 0x044,
  queueNotify: 0x050,
  interruptStatus: 0x060,
  interruptAck: 0x064,
  status: 0x070,
  queueDescLow: 0x080,
  queueDescHigh: 0x084,
  queueDriverLow: 0x090,
  queueDriverHigh: 0x094,
  queueDeviceLow: 0x0a0,
  queueDeviceHigh: 0x0a4,
  shmLenLow: 0x0b0,
  shmBaseHigh: 0x0bc,
  configGeneration: 0x0fc,
  config: 0x100,
};

/** "virt" in little-endian ASCII. */
const magic = 0x74726976;
const version = 2;
/** "QEMU" in little-endian ASCII: some systems for the `virt` machine, xv6 among them, insist on it. */
const vendorId = 0x554d4551;

/** The model of a virtio device behind MMIO registers; its state begins as `virtioState(device, …)`. */
export function virtioMmio<D>(device: VirtioDevice<D>): DeviceModel<VirtioState<D>> {
  return {
    name: device.name,
    size: 0x1000,
    read(state, _bus, offset, size) {
      if (offset >= register.config) return readConfig(device.config(state.device), offset - register.config, size);
      return size === 4 ? readRegister(device, state, offset) : 0;
    },
    write(state, bus, offset, size, value) {
      if (offset >= register.config) device.writeConfig?.(state, bus, offset - register.config, value);
      else if (size === 4) writeRegister(device, state, bus, offset, value);
    },
    input(state, bus, port, bytes) {
      return isRunning(state) ? (device.input?.(state, bus, port, bytes) ?? 0) : 0;
    },
    reset(state, bus) {
      resetVirtio(device, state, bus);
    },
  };
}

/** The registers of a slot without a device: device id 0, so drivers pass over it. */
export const virtioMmioEmpty: DeviceModel<null> = {
  name: 'virtio-mmio-empty',
  size: 0x1000,
  read(_state, _bus, offset, size) {
    if (size !== 4) return 0;
    if (offset === register.magicValue) return magic;
    return offset === register.version ? version : 0;
  },
  write() {},
  reset() {},
};

function readConfig(config: Uint8Array, offset: number, size: number): number {
  let value = 0;
  for (let i = size - 1; i >= 0; i--) value = value * 256 + (config[offset + i] ?? 0);
  return value;
}

function readRegister<D>(device: VirtioDevice<D>, state: VirtioState<D>, offset: number): number {
  const queue = state.queues[state.queueSelect];
  switch (offset) {
    case register.magicValue:
      return magic;
    case register.version:
      return version;
    case register.deviceId:
      return device.deviceId;
    case register.vendorId:
      return vendorId;
    case register.deviceFeatures:
      return featureWord(offeredFeatures(device, state), state.deviceFeaturesSelect);
    case register.queueNumMax:
      return queue?.maxSize ?? 0;
    case register.queueReady:
      return queue?.ready ? 1 : 0;
    case register.interruptStatus:
      return state.interruptStatus;
    case register.status:
      return state.status;
    case register.configGeneration:
      return state.configGeneration;
    default:
      // No shared memory region exists: length and base read as all ones.
      return offset >= register.shmLenLow && offset <= register.shmBaseHigh ? 0xffff_ffff : 0;
  }
}

function writeRegister<D>(
  device: VirtioDevice<D>,
  state: VirtioState<D>,
  bus: DeviceBus,
  offset: number,
  value: number,
): void {
  switch (offset) {
    case register.deviceFeaturesSel:
      state.deviceFeaturesSelect = value;
      break;
    case register.driverFeaturesSel:
      state.driverFeaturesSelect = value;
      break;
    case register.driverFeatures:
      // Features are settled once FEATURES_OK is set.
      if (state.driverFeaturesSelect < 2 && (state.status & deviceStatus.featuresOk) === 0) {
        state.driverFeatures[state.driverFeaturesSelect] = value;
      }
      break;
    case register.queueSel:
      state.queueSelect = value;
      break;
    case register.queueNotify:
      if (isRunning(state) && state.queues[value]?.ready) device.notified(state, bus, value);
      break;
    case register.interruptAck:
      state.interruptStatus &= ~value;
      bus.setInterrupt(state.interruptStatus !== 0);
      break;
    case register.status:
      writeStatus(device, state, bus, value);
      break;
    case register.queueReady:
      writeQueueReady(device, state, bus, value);
      break;
    default: {
      const queue = state.queues[state.queueSelect];
      if (queue !== undefined && !queue.ready) writeQueueLayout(queue, offset, value);
    }
  }
}

function writeStatus<D>(device: VirtioDevice<D>, state: VirtioState<D>, bus: DeviceBus, value: number): void {
  if (value === 0) {
    resetVirtio(device, state, bus);
    return;
  }
  let status = (value & 0xff & ~deviceStatus.needsReset) | (state.status & deviceStatus.needsReset);
  const settles = (status & ~state.status & deviceStatus.featuresOk) !== 0;
  if (settles && !featuresAcceptable(device, state)) status &= ~deviceStatus.featuresOk;
  // Without FEATURES_OK there is no DRIVER_OK (section 3.1.1).
  if ((status & deviceStatus.featuresOk) === 0) status &= ~deviceStatus.driverOk;
  state.status = status;
}

/**
 * A subset of what is offered. VERSION_1 may be missing: drivers that look only at the low features (xv6) work with this
 * interface all the same, and a device may let them (section 6.2).
 */
function featuresAcceptable<D>(device: VirtioDevice<D>, state: VirtioState<D>): boolean {
  const offered = offeredFeatures(device, state);
  return state.driverFeatures.every((word, i) => (word & ~featureWord(offered, i)) === 0);
}

function writeQueueReady<D>(device: VirtioDevice<D>, state: VirtioState<D>, bus: DeviceBus, value: number): void {
  const queue = state.queues[state.queueSelect];
  if (queue === undefined || queue.ready === (value === 1)) return;
  if (value !== 1) {
    queue.ready = false;
    device.queueStopped?.(state.device, state.queueSelect);
    return;
  }
  const fault = layoutFault(queue);
  if (fault !== undefined) {
    needsReset(state, bus, `queue ${state.queueSelect}: ${fault}`);
    return;
  }
  queue.ready = true;
  queue.nextAvailable = 0;
  queue.nextUsed = 0;
}

function writeQueueLayout(queue: VirtqueueState, offset: number, value: number): void {
  switch (offset) {
    case register.queueNum:
      queue.size = value;
      break;
    case register.queueDescLow:
      queue.descriptors = withLow(queue.descriptors, value);
      break;
    case register.queueDescHigh:
      queue.descriptors = withHigh(queue.descriptors, value);
      break;
    case register.queueDriverLow:
      queue.driver = withLow(queue.driver, value);
      break;
    case register.queueDriverHigh:
      queue.driver = withHigh(queue.driver, value);
      break;
    case register.queueDeviceLow:
      queue.device = withLow(queue.device, value);
      break;
    case register.queueDeviceHigh:
      queue.device = withHigh(queue.device, value);
      break;
  }
}

// Addresses beyond 2^53 lose low bits, and are no memory either way.
function withLow(address: number, low: number): number {
  return Math.floor(address / 2 ** 32) * 2 ** 32 + low;
}

function withHigh(address: number, high: number): number {
  return (address % 2 ** 32) + high * 2 ** 32;
}
