// A memory-mapped device: plain state, and functions over (state, bus). Whoever hosts it holds the state: the machine,
// or a virtual machine monitor.

/** What a device may do to the world around it. Addresses are physical: the machine's, or the guest's. */
export interface DeviceBus {
  /** mtime's clock: virtual nanoseconds since boot. */
  nowNs(): number;
  /** Drives the device's level-triggered interrupt line. */
  setInterrupt(raised: boolean): void;
  /** Reads memory as the device would (DMA). undefined: some of it is not memory. */
  readMemory(address: number, length: number): Uint8Array | undefined;
  /** Writes memory (DMA). false: some of it is not memory, and nothing was written. */
  writeMemory(address: number, bytes: Uint8Array): boolean;
  /** Passes bytes to the outside: terminal output, a packet, a port of a console. */
  emit(port: number, bytes: Uint8Array): void;
  /** Asks for `device.tick` at a virtual time; a later call replaces an earlier one; Infinity cancels. */
  wakeAt(timeNs: number): void;
}

/**
 * A device model. `S` must be plain data: objects, arrays, strings, numbers, booleans, null.
 * Registers are read and written in 1, 2 or 4 bytes; hosts split wider accesses, low half first.
 */
export interface DeviceModel<S> {
  /** Name in device trees and diagnostics. */
  readonly name: string;
  /** Size of its register window in bytes. */
  readonly size: number;
  /** Reads `size` bytes at `offset`; unsigned. Reserved registers read as zero. */
  read(state: S, bus: DeviceBus, offset: number, size: 1 | 2 | 4): number;
  write(state: S, bus: DeviceBus, offset: number, size: 1 | 2 | 4, value: number): void;
  /** Bytes from the outside: keys, a packet. Returns how many were taken. */
  input?(state: S, bus: DeviceBus, port: number, bytes: Uint8Array): number;
  /** The moment that `wakeAt` asked for has come. */
  tick?(state: S, bus: DeviceBus): void;
  /** Back to the state after power-on; configuration stays. */
  reset(state: S, bus: DeviceBus): void;
}
