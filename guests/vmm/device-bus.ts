// What a device of the virtual machine may do: guest RAM is the memory that it reaches, and nothing else is.

import type { DeviceBus } from '../../hw/device.ts';
import type { GuestRam, Vm } from './vm.ts';

/** Whether all of the range is guest RAM. */
export function isRam({ base, bytes }: GuestRam, address: number, length: number): boolean {
  return Number.isSafeInteger(address) && length >= 0 && address >= base && address + length <= base + bytes;
}

/** A bus without outside and without alarms. */
export function deviceBus({ config, port }: Vm, setInterrupt: (raised: boolean) => void): DeviceBus {
  const { ram } = config;
  return {
    nowNs: () => port.nowNs(),
    setInterrupt,
    readMemory(address, length) {
      if (!isRam(ram, address, length)) return undefined;
      return length === 0 ? new Uint8Array(0) : port.readRam(address, length);
    },
    writeMemory(address, bytes) {
      if (!isRam(ram, address, bytes.length)) return false;
      if (bytes.length > 0) port.writeRam(address, bytes);
      return true;
    },
    emit() {},
    wakeAt() {},
  };
}
