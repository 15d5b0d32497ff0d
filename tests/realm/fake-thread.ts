// A thread without a kernel: memory in a map of pages, system calls answered by a script.

import type { ChannelConfig } from '../../guests/sdk/config.ts';
import { address, badge } from '../../guests/sdk/layout.ts';
import { messageInfoFromWord, messageInfoWord } from '../../microvisor/abi/message-info.ts';
import { systemCall } from '../../microvisor/abi/system-calls.ts';
import type { RealmThread } from '../../microvisor/realm.ts';

export interface FakeMessage {
  badge: bigint;
  label?: number;
  words?: readonly bigint[];
}

export interface CallRecord {
  number: number;
  capability: number;
  label: number;
  words: bigint[];
}

/** Answers a call, or lets it block. */
export type Answer = (call: CallRecord) => FakeMessage | 'block';

export class FakeThread implements RealmThread {
  readonly memory = new Map<number, Uint8Array>();
  readonly registers = new BigInt64Array(32);
  /** Events for the next receives. Empty: they block. */
  readonly events: FakeMessage[] = [];
  readonly replies: { label: number; words: bigint[] }[] = [];
  readonly signals: number[] = [];
  readonly faults: { number: number; code: number }[] = [];
  readonly calls: CallRecord[] = [];
  readonly payments: number[] = [];
  debug = '';
  /** How many payments succeed before one is interrupted. */
  paymentsUntilInterrupted = Number.POSITIVE_INFINITY;
  answer: Answer = () => ({ badge: 0n });
  /** A receive or call that has blocked. */
  blocked: 'receive' | 'call' | undefined;

  constructor(
    config: { cell?: string; channels?: Partial<ChannelConfig>[]; children?: string[]; config?: unknown } = {},
  ) {
    const channels = (config.channels ?? []).map((channel, number) => ({
      name: `c${number}`,
      number,
      type: 'notify',
      end: 0,
      peer: 'peer',
      address: address.shared + number * 0x10000,
      size: 8192,
      ...channel,
    }));
    const json = new TextEncoder().encode(JSON.stringify({ ...config, cell: config.cell ?? 'test', channels }));
    this.map(address.config, 4 + json.length);
    this.storeBytes(address.config, new Uint8Array(new Uint32Array([json.length]).buffer));
    this.storeBytes(address.config + 4, json);
    this.map(address.ipcBuffer, 1024);
    for (const channel of channels) this.map(channel.address, channel.size);
  }

  map(start: number, length: number): void {
    for (let page = start >>> 12; page <= (start + length - 1) >>> 12; page++) {
      if (!this.memory.has(page)) this.memory.set(page, new Uint8Array(4096));
    }
  }
  pay(ticks: number): boolean {
    this.payments.push(ticks);
    return this.paymentsUntilInterrupted-- > 0;
  }
  register(index: number): bigint {
    return this.registers[index]!;
  }
  setRegister(index: number, value: bigint): void {
    this.registers[index] = value;
  }
  load(at: number, size: 1 | 2 | 4 | 8): bigint | undefined {
    const bytes = this.loadBytes(at, size);
    return bytes?.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  }
  store(at: number, size: 1 | 2 | 4 | 8, value: bigint): boolean {
    return this.storeBytes(
      at,
      Uint8Array.from({ length: size }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn)),
    );
  }
  loadBytes(at: number, length: number): Uint8Array | undefined {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) {
      const page = this.memory.get((at + i) >>> 12);
      if (page === undefined) return undefined;
      bytes[i] = page[(at + i) & 4095]!;
    }
    return bytes;
  }
  storeBytes(at: number, bytes: Uint8Array): boolean {
    for (let i = 0; i < bytes.length; i++) {
      const page = this.memory.get((at + i) >>> 12);
      if (page === undefined) return false;
      page[(at + i) & 4095] = bytes[i]!;
    }
    return true;
  }
  fault(number: number, code: number): void {
    this.faults.push({ number, code });
  }

  private words(length: number): bigint[] {
    return Array.from({ length }, (_, i) =>
      i < 4 ? BigInt.asUintN(64, this.registers[12 + i]!) : this.load(address.ipcBuffer + 8 * (1 + i), 8)!,
    );
  }
  /** Puts a message where the thread's system call finds it. */
  deliver({ badge: from, label = 0, words = [] }: FakeMessage): void {
    this.registers[10] = BigInt.asIntN(64, from);
    this.registers[11] = messageInfoWord({ label, length: words.length });
    words.forEach((word, i) => {
      if (i < 4) this.registers[12 + i] = BigInt.asIntN(64, word);
      else this.store(address.ipcBuffer + 8 * (1 + i), 8, word);
    });
    this.blocked = undefined;
  }
  systemCall(): boolean {
    const number = Number(this.registers[17]!);
    const { label, length } = messageInfoFromWord(this.registers[11]!);
    const capability = Number(this.registers[10]!);
    switch (number) {
      case systemCall.send:
        this.signals.push(capability);
        return true;
      case systemCall.debugPutChar:
        this.debug += String.fromCharCode(capability);
        return true;
      case systemCall.call: {
        const record = { number, capability, label, words: this.words(length) };
        this.calls.push(record);
        const answer = this.answer(record);
        if (answer === 'block') {
          this.blocked = 'call';
          return false;
        }
        this.deliver(answer);
        return true;
      }
      case systemCall.replyRecv:
        this.replies.push({ label, words: this.words(length) });
        break;
      default:
    }
    const event = this.events.shift();
    if (event === undefined) {
      this.blocked = 'receive';
      return false;
    }
    this.deliver(event);
    return true;
  }
}

/** The badge of a call over a channel. */
export function callBadge(channel: number): bigint {
  return badge.call | BigInt(channel);
}
