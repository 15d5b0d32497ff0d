// Channels as a server sees them: each end of each type, made from the cell's configuration when a handler asks for it.

import { label as invocation } from '../../microvisor/abi/invocation-labels.ts';
import type { ChannelConfig } from './config.ts';
import { slot } from './layout.ts';
import { machine } from './machine.ts';
import { RingConsumer, RingProducer } from './ring.ts';
import { SamplePort } from './sample-port.ts';
import { call, type Message } from './system-call.ts';
import { decodeUtf8, encodeUtf8 } from './text.ts';

/** What all channels can do. */
export class Channel {
  readonly config: ChannelConfig;
  private signalled = false;
  private offered = false;

  constructor(config: ChannelConfig) {
    this.config = config;
  }
  /** Its name in the manifest. */
  get name(): string {
    return this.config.name;
  }
  /** The cell at the other end. */
  get peer(): string {
    return this.config.peer;
  }
  /** Signals the other end when the handler commits, once however often it is called. Never blocks. seL4_Signal. */
  notify(): void {
    if (!this.signalled) machine.signal(slot.notification + this.config.number);
    this.signalled = true;
  }
  /** As `notify`, if the word at this address says that the other end waits for it when the handler commits. */
  protected offer(wanted: number): void {
    if (!this.signalled && !this.offered) machine.signal(slot.notification + this.config.number, wanted);
    this.offered = true;
  }
  /** What the end must do when its server starts. */
  start(): void {}
}

/** A protected procedure call. */
export class RpcChannel extends Channel {
  /**
   * Calls the server at the other end and returns its answer. Blocks until it answers; the caller's time pays for it.
   * The answer counts even if this handler fails later. Only end 0 of an `rpc` channel has the right: a fault otherwise.
   */
  call(message: Message): Message {
    const { label, words } = call(slot.endpoint + this.config.number, message);
    return { label, words };
  }
}

/** The two rings of a channel: this end's output and input. */
class RingChannel extends Channel {
  protected readonly output: RingProducer;
  protected readonly input: RingConsumer;

  constructor(config: ChannelConfig) {
    super(config);
    const half = config.size / 2;
    this.output = new RingProducer(config.address + (config.end === 0 ? 0 : half), half);
    const input = config.address + (config.end === 0 ? half : 0);
    this.input = new RingConsumer(
      input,
      half,
      () => this.notify(),
      (wanted) => this.offer(wanted),
    );
  }
  override start(): void {
    this.output.reset();
    this.input.discard();
    this.notify();
  }
  /**
   * Bytes that can be written now. 0 while the other end has not answered the start of this one. Unless that is all that the
   * channel holds, `notified` comes when the other end has taken something.
   */
  get room(): number {
    return this.output.room(this.output.capacity);
  }
  /** Which life of the other end writes: grows by one whenever its server starts. 0: it has not started yet. */
  get peerGeneration(): number {
    return this.input.generation();
  }
}

/** A stream: bytes in order, both ways. */
export class StreamChannel extends RingChannel {
  /** Whether there is room for `count` bytes. If not, `notified` comes when the other end has taken something. Never blocks. */
  fits(count: number): boolean {
    return this.output.room(count) >= count;
  }
  /**
   * Writes as many bytes as there is room for, notifies, and returns their number; if that is not all, `notified` comes when
   * the other end has taken something. Takes effect at commit. Never blocks.
   */
  write(bytes: Uint8Array): number {
    const written = this.output.write(bytes);
    if (written > 0) this.notify();
    return written;
  }
  /** Writes a text as UTF-8. Returns bytes written; what finds no room is dropped and counted. */
  print(text: string): number {
    const bytes = encodeUtf8(text);
    const written = this.write(bytes);
    if (written < bytes.length) this.output.drop(bytes.length - written);
    return written;
  }
  /** Takes up to `limit` bytes that have arrived, and signals the other end if it waits for room. Never blocks. */
  read(limit = 4096): Uint8Array {
    return this.input.read(limit);
  }
  /** Up to `limit` bytes that have arrived; they stay until `skip` takes them. Never blocks. */
  peek(limit = 4096): Uint8Array {
    return this.input.peek(limit);
  }
  /** Takes `count` of the bytes that `peek` has returned, and signals the other end if it waits for room. */
  skip(count: number): void {
    this.input.skip(count);
  }
  /**
   * Takes whole lines, without their ends (\n or \r\n). A line that isn't complete stays, unless it fills the ring: then it
   * is taken as it is.
   */
  readLines(): string[] {
    const bytes = this.input.peek(this.input.capacity);
    const lines: string[] = [];
    let start = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      lines.push(decodeUtf8(bytes.subarray(start, bytes[end - 1] === 13 && end > start ? end - 1 : end)));
      start = end + 1;
    }
    if (start === 0 && bytes.length === this.input.capacity) {
      lines.push(decodeUtf8(bytes));
      start = bytes.length;
    }
    this.input.skip(start);
    return lines;
  }
}

/** In the ring of a queue, before each message: its length. */
const messageHeader = 4;

/** A queue: messages of at most `config.message` bytes, whole and in order, both ways. */
export class QueueChannel extends RingChannel {
  /** Whether there is room for a message of `length` bytes. If not, `notified` comes when the other end has taken something. */
  fits(length: number): boolean {
    return this.output.room(length + messageHeader) >= length + messageHeader;
  }
  /**
   * Puts a message in and notifies. false: there is no room, nothing was put in, and `notified` comes when the other end has
   * taken something. Takes effect at commit. Never blocks.
   */
  send(bytes: Uint8Array): boolean {
    if (bytes.length > (this.config.message ?? this.output.capacity - messageHeader)) {
      throw new RangeError(`${this.name} takes messages of ${this.config.message} bytes, not ${bytes.length}`);
    }
    if (!this.fits(bytes.length)) {
      this.output.drop(1);
      return false;
    }
    const framed = new Uint8Array(bytes.length + messageHeader);
    for (let i = 0; i < 4; i++) framed[i] = (bytes.length >>> (8 * i)) & 255;
    framed.set(bytes, messageHeader);
    this.output.write(framed);
    this.notify();
    return true;
  }
  /** Takes the next message. undefined: none has arrived. Throws RangeError when the other end wrote nonsense. Never blocks. */
  receive(): Uint8Array | undefined {
    const header = this.input.peek(messageHeader);
    if (header.length < messageHeader) return undefined;
    const length = (header[0]! | (header[1]! << 8) | (header[2]! << 16) | (header[3]! << 24)) >>> 0;
    if (length > this.input.capacity - messageHeader)
      throw new RangeError(`${this.peer} claims a message of ${length} bytes`);
    const framed = this.input.peek(messageHeader + length);
    if (framed.length < messageHeader + length) return undefined;
    this.input.skip(messageHeader + length);
    return framed.subarray(messageHeader);
  }
}

/** A sample: end 0 writes, end 1 reads the last value. */
export class SampleChannel extends Channel {
  private readonly port: SamplePort;
  constructor(config: ChannelConfig) {
    super(config);
    this.port = new SamplePort(config.address, config.size);
  }
  /** Replaces the value and notifies, at commit. Throws RangeError when it is too long. Never blocks. */
  write(bytes: Uint8Array): void {
    this.port.write(bytes);
    this.notify();
  }
  /** The last value and its number. undefined: none yet. Never blocks. */
  read(): { readonly bytes: Uint8Array; readonly sequence: number } | undefined {
    return this.port.read();
  }
}

/**
 * A device that the cell owns: its registers, and its interrupt. The interrupt arrives as `notified` and stays masked until
 * it is acknowledged.
 */
export class DeviceChannel extends Channel {
  /** Reads a register of 1, 2 or 4 bytes at an offset; unsigned. Faults when the device has no such register. */
  load(offset: number, size: 1 | 2 | 4): number {
    return Number(machine.load(this.config.address + offset, size));
  }
  /** Writes a register, at once: a fact even if the handler fails. */
  store(offset: number, size: 1 | 2 | 4, value: number): void {
    machine.store(this.config.address + offset, size, BigInt(value));
  }
  /**
   * Writes bytes one after the other to a register of one byte, as a FIFO takes them; at most 64. A fact even if the handler
   * fails.
   */
  storeEach(offset: number, bytes: Uint8Array): void {
    machine.storeEach(this.config.address + offset, bytes);
  }
  /** seL4_IRQHandler_Ack: the next interrupt may come. */
  acknowledge(): void {
    call(slot.irq + this.config.number, { label: invocation.IRQAckIRQ, words: [] });
  }
}

const kinds = {
  rpc: RpcChannel,
  notify: Channel,
  device: DeviceChannel,
  stream: StreamChannel,
  queue: QueueChannel,
  sample: SampleChannel,
};

/** The end that a configuration describes. */
export function openChannel(config: ChannelConfig): Channel {
  return new kinds[config.type](config);
}
