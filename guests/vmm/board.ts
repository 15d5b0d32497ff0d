// The virtual board: which device answers where, and where its interrupt goes. Addresses are those of the `virt` machine.

import type { DeviceBus, DeviceModel } from '../../hw/device.ts';
import { goldfishRtc } from '../../vdev/goldfish-rtc.ts';
import { isInterrupting, plic, setSource } from '../../vdev/plic.ts';
import { virtioSlot, virtMap } from '../../vdev/virt-map.ts';
import { consoleModel, emitConsole, pumpConsole } from './console-ports.ts';
import { deviceBus } from './device-bus.ts';
import { diskModel, pumpDisk } from './disk-channel.ts';
import { emitFrame, netModel, pumpNet } from './net-channel.ts';
import { rngModel } from './rng.ts';
import type { Slot, Vm } from './vm.ts';

type Size = 1 | 2 | 4;

/** A device at its place, ready to be accessed once. */
interface Placed {
  base: number;
  read(offset: number, size: Size): number;
  write(offset: number, size: Size, value: number): void;
}

/** Loads from a device, zero-extended; undefined: there is none. Eight bytes are two accesses, low half first. */
export function loadDevice(vm: Vm, address: number, size: Size | 8): bigint | undefined {
  const device = deviceAt(vm, address, size);
  if (device === undefined) return undefined;
  const offset = address - device.base;
  if (size !== 8) return BigInt(device.read(offset, size) >>> 0);
  const low = device.read(offset, 4) >>> 0;
  return (BigInt(device.read(offset + 4, 4) >>> 0) << 32n) | BigInt(low);
}

/** Stores to a device; false: there is none. */
export function storeDevice(vm: Vm, address: number, size: Size | 8, value: bigint): boolean {
  const device = deviceAt(vm, address, size);
  if (device === undefined) return false;
  const offset = address - device.base;
  if (size !== 8) {
    device.write(offset, size, Number(BigInt.asUintN(8 * size, value)));
    return true;
  }
  device.write(offset, 4, Number(value & 0xffff_ffffn));
  device.write(offset + 4, 4, Number((value >> 32n) & 0xffff_ffffn));
  return true;
}

function deviceAt(vm: Vm, address: number, size: number): Placed | undefined {
  const inside = ({ base, size: length }: { base: number; size: number }): boolean =>
    address >= base && address + size <= base + length;
  const first = virtioSlot(0);
  const index = Math.floor((address - first.base) / first.size);
  const slot = index >= 0 ? vm.state.slots[index] : undefined;
  if (slot !== undefined) return inside(virtioSlot(index)) ? placedSlot(vm, slot, index) : undefined;
  if (inside(virtMap.plic)) return placedPlic(vm);
  return inside(virtMap.rtc) ? placedRtc(vm) : undefined;
}

function placedPlic(vm: Vm): Placed {
  const { plic: state } = vm.state;
  return {
    base: virtMap.plic.base,
    read(offset, size) {
      const value = plic.read(state, unwired, offset, size);
      followPlic(vm);
      return value;
    },
    write(offset, size, value) {
      plic.write(state, unwired, offset, size, value);
      followPlic(vm);
    },
  };
}

/** The controller touches nothing but its own state. */
const unwired: DeviceBus = {
  nowNs: () => 0,
  setInterrupt() {},
  readMemory: () => undefined,
  writeMemory: () => false,
  emit() {},
  wakeAt() {},
};

function placedRtc(vm: Vm): Placed {
  return placed(virtMap.rtc.base, goldfishRtc, vm.state.rtc, rtcBus(vm));
}

function rtcBus(vm: Vm): DeviceBus {
  return {
    ...deviceBus(vm, driveLine(vm, virtMap.rtc.irq)),
    wakeAt(timeNs) {
      vm.state.alarmNs = timeNs === Infinity ? null : timeNs;
    },
  };
}

function placedSlot(vm: Vm, slot: Slot, index: number): Placed {
  const { base } = virtioSlot(index);
  const bus = slotBus(vm, slot, index);
  switch (slot.kind) {
    case 'console':
      return pumped(placed(base, consoleModel, slot.virtio, bus), () => pumpConsole(vm, slot, bus));
    case 'net':
      return pumped(placed(base, netModel, slot.virtio, bus), () => pumpNet(vm, slot, bus));
    case 'rng':
      return placed(base, rngModel, slot.virtio, bus);
    case 'blk':
      return pumped(placed(base, diskModel(slot), slot.virtio, bus), () => pumpDisk(vm, slot, bus));
    default:
      return slot satisfies never;
  }
}

function placed<S>(base: number, model: DeviceModel<S>, state: S, bus: DeviceBus): Placed {
  return {
    base,
    read: (offset, size) => model.read(state, bus, offset, size),
    write: (offset, size, value) => model.write(state, bus, offset, size, value),
  };
}

/** A register write may have given buffers that something waits for. */
function pumped(device: Placed, pump: () => void): Placed {
  return {
    ...device,
    write(offset, size, value) {
      device.write(offset, size, value);
      pump();
    },
  };
}

function slotBus(vm: Vm, slot: Slot, index: number): DeviceBus {
  const bus: DeviceBus = {
    ...deviceBus(vm, driveLine(vm, virtioSlot(index).irq)),
    emit(port, bytes) {
      if (slot.kind === 'console') emitConsole(vm, slot, bus, port, bytes);
      else if (slot.kind === 'net') emitFrame(vm, slot, bytes);
    },
  };
  return bus;
}

function driveLine(vm: Vm, irq: number): (raised: boolean) => void {
  return (raised) => {
    setSource(vm.state.plic, irq, raised);
    followPlic(vm);
  };
}

const vseip = 1 << 10;

/** Passes the interrupt controller's outputs on to the vCPUs. */
function followPlic({ state, port }: Vm): void {
  for (let vcpu = 0; vcpu < state.external.length; vcpu++) {
    const raised = isInterrupting(state.plic, vcpu);
    if (raised === state.external[vcpu]) continue;
    state.external[vcpu] = raised;
    port.inject(vcpu, raised ? vseip : 0, raised ? 0 : vseip);
  }
}

/** The peers of these channels have signalled. */
export function signalDevices(vm: Vm, channels: readonly number[]): void {
  for (const [index, slot] of vm.state.slots.entries()) {
    switch (slot.kind) {
      case 'console': {
        const ports = slot.ports.filter(({ channel }) => channels.includes(channel.number));
        if (ports.length === 0) break;
        for (const port of ports) {
          port.inputDue = true;
          port.signalled = true;
        }
        pumpConsole(vm, slot, slotBus(vm, slot, index));
        break;
      }
      case 'net':
        if (!channels.includes(slot.channel)) break;
        slot.inputDue = true;
        pumpNet(vm, slot, slotBus(vm, slot, index));
        break;
      case 'blk':
        if (!channels.includes(slot.channel.number)) break;
        slot.answersDue = true;
        pumpDisk(vm, slot, slotBus(vm, slot, index));
        break;
      case 'rng':
        break;
      default:
        slot satisfies never;
    }
  }
}

/** Lets the clock's alarm fire if its time has come. A monitor has no clock of its own: it looks at every exit. */
export function fireAlarm(vm: Vm): void {
  const { state, port } = vm;
  if (state.alarmNs === null || port.nowNs() < state.alarmNs) return;
  state.alarmNs = null;
  goldfishRtc.tick!(state.rtc, rtcBus(vm));
}
