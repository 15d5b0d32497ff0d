// The two ends of a ring; ring-layout.ts says how they share it.

import { machine } from './machine.ts';
import { ringField as field, ringCapacity } from './ring-layout.ts';

export { ringCapacity };

/** What one end tells the other. */
interface Mark {
  readonly generation: number;
  /** Bytes ever put in (tail) or taken out (head), modulo 2^32. */
  readonly count: number;
}

function markAt(address: number): Mark {
  const word = machine.load(address, 8);
  return { generation: Number(word & 0xffff_ffffn), count: Number((word >> 32n) & 0xffff_ffffn) };
}
function publishMark(address: number, generation: number, count: number): void {
  machine.publish(address, 8, (BigInt(count >>> 0) << 32n) | BigInt(generation >>> 0));
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
    publishMark(this.address + field.producer, markAt(this.address + field.producer).generation + 1, 0);
  }

  /**
   * Bytes that fit now. If those are less than `wanted`, the consumer signals when it has taken some. 0 while it has not
   * answered a reset, which it answers with a signal.
   */
  room(wanted: number): number {
    return this.roomBehind(markAt(this.address + field.producer), wanted);
  }

  private roomBehind(own: Mark, wanted: number): number {
    const room = this.free(own);
    if (room >= wanted) return room;
    machine.store(this.address + field.roomWanted, 4, 1n);
    return this.free(own);
  }

  private free(own: Mark): number {
    const { generation, count } = markAt(this.address + field.consumer);
    if (generation !== own.generation) return 0;
    const used = (own.count - count) >>> 0;
    return used > this.capacity ? 0 : this.capacity - used;
  }

  /** Puts in as many bytes as fit, and returns how many those were. */
  write(bytes: Uint8Array): number {
    const own = markAt(this.address + field.producer);
    const count = Math.min(bytes.length, this.roomBehind(own, bytes.length));
    if (count === 0) return 0;
    const at = own.count & (this.capacity - 1);
    const first = Math.min(count, this.capacity - at);
    const data = this.address + field.data;
    machine.storeBytes(data + at, bytes.subarray(0, first));
    if (first < count) machine.storeBytes(data, bytes.subarray(first, count));
    publishMark(this.address + field.producer, own.generation, own.count + count);
    return count;
  }

  /** Counts what found no room. */
  drop(count: number): void {
    const at = this.address + field.dropped;
    machine.publish(at, 4, BigInt((Number(machine.load(at, 4)) + count) >>> 0));
  }
}

/** The end of a ring that takes bytes out. */
export class RingConsumer {
  readonly capacity: number;
  private readonly address: number;
  /** Called when a reset of the producer has been answered: it waits for that. */
  private readonly onAnswer: () => void;
  /** Called when bytes have been taken out, with the address of the word that says whether the producer waits for that. */
  private readonly onTaken: (wanted: number) => void;

  constructor(address: number, size: number, onAnswer: () => void, onTaken: (wanted: number) => void) {
    this.address = address;
    this.capacity = ringCapacity(size);
    this.onAnswer = onAnswer;
    this.onTaken = onTaken;
  }

  /** Answers a reset of the producer, if there was one. Returns where this end is, and the bytes that wait. */
  private look(): { readonly own: Mark; readonly available: number } {
    const { generation, count } = markAt(this.address + field.producer);
    let own = markAt(this.address + field.consumer);
    if (own.generation !== generation) {
      own = { generation, count: 0 };
      publishMark(this.address + field.consumer, generation, 0);
      this.onAnswer();
    }
    const used = (count - own.count) >>> 0;
    return { own, available: used > this.capacity ? 0 : used };
  }

  /** The producer's generation. */
  generation(): number {
    return markAt(this.address + field.producer).generation;
  }

  /** Drops what waits: a server that starts again begins with what comes from now on. */
  discard(): void {
    const { own, available } = this.look();
    this.take(own, available);
  }

  /** Up to `limit` bytes, which stay in the ring. */
  peek(limit: number): Uint8Array {
    const { own, available } = this.look();
    return this.copy(own, Math.min(limit, available));
  }

  private copy(own: Mark, count: number): Uint8Array {
    if (count === 0) return new Uint8Array(0);
    const at = own.count & (this.capacity - 1);
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
    this.take(markAt(this.address + field.consumer), count);
  }

  /** Takes up to `limit` bytes out. */
  read(limit: number): Uint8Array {
    const { own, available } = this.look();
    const bytes = this.copy(own, Math.min(limit, available));
    this.take(own, bytes.length);
    return bytes;
  }

  private take(own: Mark, count: number): void {
    if (count === 0) return;
    publishMark(this.address + field.consumer, own.generation, own.count + count);
    this.onTaken(this.address + field.roomWanted);
  }
}
