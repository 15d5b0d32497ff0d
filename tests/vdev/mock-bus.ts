// A bus whose clock is advanced by hand, with memory at a base, and which remembers what a device did.

import type { DeviceBus } from '../../hw/device.ts';

export interface MockBus extends DeviceBus {
  now: number;
  interrupt: boolean;
  wakeTime: number;
  readonly memory: Uint8Array;
  readonly view: DataView;
  readonly emitted: { port: number; bytes: number[] }[];
  /** Bytes moved by DMA so far. */
  traffic: number;
  /** Everything emitted on a port as text. */
  text(port?: number): string;
}

export function mockBus(memoryBase = 0x8000_0000, memorySize = 0x10_0000): MockBus {
  const memory = new Uint8Array(memorySize);
  const inside = (address: number, length: number): boolean =>
    Number.isSafeInteger(address) &&
    address >= memoryBase &&
    length >= 0 &&
    address + length <= memoryBase + memorySize;
  return {
    now: 0,
    interrupt: false,
    wakeTime: Infinity,
    memory,
    view: new DataView(memory.buffer),
    emitted: [],
    traffic: 0,
    text(port = 0) {
      return this.emitted
        .filter((entry) => entry.port === port)
        .map((entry) => String.fromCharCode(...entry.bytes))
        .join('');
    },
    nowNs() {
      return this.now;
    },
    setInterrupt(raised) {
      this.interrupt = raised;
    },
    readMemory(address, length) {
      if (!inside(address, length)) return undefined;
      this.traffic += length;
      return memory.subarray(address - memoryBase, address - memoryBase + length);
    },
    writeMemory(address, bytes) {
      if (!inside(address, bytes.length)) return false;
      this.traffic += bytes.length;
      memory.set(bytes, address - memoryBase);
      return true;
    },
    emit(port, bytes) {
      this.emitted.push({ port, bytes: [...bytes] });
    },
    wakeAt(timeNs) {
      this.wakeTime = timeNs;
    },
  };
}

/** ASCII bytes of a text. */
export function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
