// A sample port in the memory of a channel: one writer, readers see the last whole value (ARINC 653's sampling port).
//
// Layout, 32-bit little-endian words: offset 0 sequence (values ever written), then two buffers, each a length and the
// value: value n lies in buffer n mod 2, so a reader of value n is disturbed only by value n + 2.

import { machine } from './machine.ts';

const buffersAt = 64;

function bufferAddress(address: number, size: number, sequence: number): number {
  const bufferSize = Math.floor((size - buffersAt) / 2) & ~7;
  return address + buffersAt + (sequence & 1) * bufferSize;
}

/** Longest value of a port in `size` bytes. */
export function sampleCapacity(size: number): number {
  return (Math.floor((size - buffersAt) / 2) & ~7) - 4;
}

export interface Sample {
  readonly bytes: Uint8Array;
  /** Values ever written: two reads with the same number saw the same value. */
  readonly sequence: number;
}

export class SamplePort {
  readonly capacity: number;
  private readonly address: number;
  private readonly size: number;
  private pending: number | undefined;

  constructor(address: number, size: number) {
    this.address = address;
    this.size = size;
    this.capacity = sampleCapacity(size);
  }

  /** Replaces the value when the handler commits. Throws RangeError when it is longer than `capacity`. */
  write(bytes: Uint8Array): void {
    if (bytes.length > this.capacity)
      throw new RangeError(`The port holds ${this.capacity} bytes, not ${bytes.length}`);
    // A second write in one handler replaces the first: the readers' buffer must stay as it is.
    this.pending ??= (Number(machine.load(this.address, 4)) + 1) >>> 0;
    const buffer = bufferAddress(this.address, this.size, this.pending);
    machine.store(buffer, 4, BigInt(bytes.length));
    machine.storeBytes(buffer + 4, bytes);
    machine.publish(this.address, 4, BigInt(this.pending));
  }

  /** The last value. undefined: nothing was written yet. */
  read(): Sample | undefined {
    for (;;) {
      const sequence = Number(machine.load(this.address, 4));
      if (sequence === 0) return undefined;
      const buffer = bufferAddress(this.address, this.size, sequence);
      const length = Math.min(Number(machine.load(buffer, 4)), this.capacity);
      const bytes = machine.loadBytes(buffer + 4, length);
      const overtaken = (Number(machine.load(this.address, 4)) - sequence) >>> 0;
      if (overtaken < 2) return { bytes, sequence };
    }
  }
}
