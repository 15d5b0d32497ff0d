// Rings in the memory of a channel: one producer, one consumer, bytes in order. A stream or queue channel has two, one for
// each direction: the first half of its memory flows from end 0 to end 1, the second half back.
//
// Layout of a ring, 32-bit little-endian words:
//
//   offset  0  producerGeneration   written by the producer: grows by one whenever it starts anew
//           4  tail                 written by the producer: bytes ever put in, modulo 2^32
//           8  dropped              written by the producer: bytes or messages that found no room
//          32  consumerGeneration   written by the consumer: the producer's generation that it has taken notice of
//          36  head                 written by the consumer: bytes ever taken out, modulo 2^32
//          64  data                 a power of two of bytes: the largest that fits
//
// Reset handshake. A producer that starts (again) sets tail to 0, then adds one to its generation. Until the consumer
// has answered, the ring has no room. A consumer that sees a new generation sets head to 0, then copies the generation.
// A consumer that restarts goes on at head: what it had taken out is gone, what it hadn't is still there. Memory of
// zeros is a valid, empty ring.
//
// Order. Data are stored at once; indices are published when the handler commits, data before index. So a handler that
// fails has sent nothing and taken nothing.
//
// Neither side trusts the other: more than `capacity` bytes between head and tail count as an empty, and as a full ring.

import { machine } from './machine.ts';

const field = { producerGeneration: 0, tail: 4, dropped: 8, consumerGeneration: 32, head: 36, data: 64 } as const;

/** Header of a ring, in bytes. */
export const ringHeaderBytes = field.data;

/** Data bytes of a ring in `size` bytes of memory. */
export function ringCapacity(size: number): number {
  let capacity = 1;
  while (capacity * 2 <= size - field.data) capacity *= 2;
  return capacity;
}

function read(address: number): number {
  return Number(machine.load(address, 4));
}
function publish(address: number, value: number): void {
  machine.publish(address, 4, BigInt(value >>> 0));
}

/** The end of a ring that puts bytes in. */
export class RingProducer {
  readonly capacity: number;
  private readonly address: number;

  constructor(address: number, size: number) {
    this.address = address;
    this.capacity = ringCapacity(size);
  }

  /** Begins a new generation: once, when the server starts. */
  reset(): void {
    publish(this.address + field.tail, 0);
    publish(this.address + field.producerGeneration, read(this.address + field.producerGeneration) + 1);
  }

  /** Bytes that fit now. 0 while the consumer has not answered a reset. */
  free(): number {
    const { address } = this;
    if (read(address + field.producerGeneration) !== read(address + field.consumerGeneration)) return 0;
    const used = (read(address + field.tail) - read(address + field.head)) >>> 0;
    return used > this.capacity ? 0 : this.capacity - used;
  }

  /** Puts in as many bytes as fit, and returns how many those were. */
  write(bytes: Uint8Array): number {
    const count = Math.min(bytes.length, this.free());
    if (count === 0) return 0;
    const tail = read(this.address + field.tail);
    const at = tail & (this.capacity - 1);
    const first = Math.min(count, this.capacity - at);
    const data = this.address + field.data;
    machine.storeBytes(data + at, bytes.subarray(0, first));
    if (first < count) machine.storeBytes(data, bytes.subarray(first, count));
    publish(this.address + field.tail, tail + count);
    return count;
  }

  /** Counts what found no room. */
  drop(count: number): void {
    publish(this.address + field.dropped, read(this.address + field.dropped) + count);
  }
}

/** The end of a ring that takes bytes out. */
export class RingConsumer {
  readonly capacity: number;
  private readonly address: number;

  constructor(address: number, size: number) {
    this.address = address;
    this.capacity = ringCapacity(size);
  }

  /** Answers a reset of the producer, if there was one. */
  acknowledge(): void {
    const generation = read(this.address + field.producerGeneration);
    if (generation === read(this.address + field.consumerGeneration)) return;
    publish(this.address + field.head, 0);
    publish(this.address + field.consumerGeneration, generation);
  }

  /** Bytes that wait. */
  available(): number {
    this.acknowledge();
    const used = (read(this.address + field.tail) - read(this.address + field.head)) >>> 0;
    return used > this.capacity ? 0 : used;
  }

  /** Up to `limit` bytes, which stay in the ring. */
  peek(limit: number): Uint8Array {
    const count = Math.min(limit, this.available());
    const at = read(this.address + field.head) & (this.capacity - 1);
    const first = Math.min(count, this.capacity - at);
    const data = this.address + field.data;
    const start = machine.loadBytes(data + at, first);
    if (first === count) return start;
    const bytes = new Uint8Array(count);
    bytes.set(start);
    bytes.set(machine.loadBytes(data, count - first), first);
    return bytes;
  }

  /** Takes `count` bytes out, which `peek` has returned. */
  skip(count: number): void {
    publish(this.address + field.head, read(this.address + field.head) + count);
  }

  /** Takes up to `limit` bytes out. */
  read(limit: number): Uint8Array {
    const bytes = this.peek(limit);
    if (bytes.length > 0) this.skip(bytes.length);
    return bytes;
  }

  /** What the producer has dropped so far. */
  dropped(): number {
    return read(this.address + field.dropped);
  }
}
