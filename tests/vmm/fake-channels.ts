// Channels of a monitor without peers: what was sent is remembered, what is to come is queued.

import type { MonitorPort } from '../../guests/vmm/monitor-port.ts';

type ChannelPort = Pick<
  MonitorPort,
  | 'writeStream'
  | 'peekStream'
  | 'consumeStream'
  | 'sendMessage'
  | 'receiveMessage'
  | 'peerGeneration'
  | 'signal'
  | 'log'
>;

export class FakeChannels {
  /** Bytes that went out on streams, by channel. */
  readonly written = new Map<number, number[]>();
  readonly sent = new Map<number, Uint8Array[]>();
  readonly signals: number[] = [];
  logged = '';
  /** Bytes or messages that a channel still takes. */
  room = new Map<number, number>();
  generation = 1;
  dropped = 0;
  private readonly incoming = new Map<number, Uint8Array[]>();

  deliver(channel: number, bytes: Uint8Array): void {
    listOf(this.incoming, channel).push(bytes);
  }

  /** Output of a stream as text. */
  text(channel: number): string {
    return Buffer.from(this.written.get(channel) ?? []).toString('latin1');
  }

  /** Bytes that have come in and were not taken. */
  waiting(channel: number): number {
    return listOf(this.incoming, channel).reduce((sum, bytes) => sum + bytes.length, 0);
  }

  port(): ChannelPort {
    return {
      writeStream: (channel, bytes) => {
        const room = this.room.get(channel) ?? Infinity;
        const taken = Math.min(room, bytes.length);
        if (room !== Infinity) this.room.set(channel, room - taken);
        listOf(this.written, channel).push(...bytes.subarray(0, taken));
        return taken;
      },
      peekStream: (channel, limit) => {
        const all = Uint8Array.from(listOf(this.incoming, channel).flatMap((bytes) => [...bytes]));
        return all.subarray(0, limit);
      },
      consumeStream: (channel, count) => {
        const all = listOf(this.incoming, channel).flatMap((bytes) => [...bytes]);
        this.incoming.set(channel, [Uint8Array.from(all.slice(count))]);
      },
      sendMessage: (channel, message, mayDrop) => {
        const room = this.room.get(channel) ?? Infinity;
        if (room < 1 && mayDrop) this.dropped++;
        if (room < 1) return mayDrop;
        this.room.set(channel, room - 1);
        listOf(this.sent, channel).push(message.slice());
        return true;
      },
      receiveMessage: (channel) => listOf(this.incoming, channel).shift(),
      peerGeneration: () => this.generation,
      signal: (channel) => void this.signals.push(channel),
      log: (bytes) => {
        this.logged += Buffer.from(bytes).toString('latin1');
      },
    };
  }
}

function listOf<T>(map: Map<number, T[]>, key: number): T[] {
  let list = map.get(key);
  if (list === undefined) {
    list = [];
    map.set(key, list);
  }
  return list;
}
