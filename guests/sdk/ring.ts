// The two ends of a ring; ring-layout.ts says how they share it.

import { machine } from './machine.ts';
import { ringField as field, ringCapacity } from './ring-layout.ts';

export { ringCapacity };

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
  /** Called when a reset of the producer has been answered: it waits for that. */
  private readonly onAnswer: () => void;

  constructor(address: number, size: number, onAnswer: () => void) {
    this.address = address;
    this.capacity = ringCapacity(size);
    this.onAnswer = onAnswer;
  }

  /** Answers a reset of the producer, if there was one. */
  acknowledge(): void {
    const generation = read(this.address + field.producerGeneration);
    if (generation === read(this.address + field.consumerGeneration)) return;
    publish(this.address + field.head, 0);
    publish(this.address + field.consumerGeneration, generation);
    this.onAnswer();
  }

  /** The producer's generation. */
  generation(): number {
    return read(this.address + field.producerGeneration);
  }

  /** Drops what waits: a server that starts again begins with what comes from now on. */
  discard(): void {
    this.skip(this.available());
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
