// The servers that microvisor brings, and one that misbehaves, each in a realm over channel memory.

import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { address } from '../../guests/sdk/layout.ts';
import { ringCapacity } from '../../guests/sdk/ring-layout.ts';
import { type FaultCause, NodeRealm } from '../../tools/host/realm.ts';
import { loadServer } from '../../tools/host/server-source.ts';
import { callBadge, FakeThread } from './fake-thread.ts';
import { programOf, RunningServer } from './inline-server.ts';

const load = (path: string): NodeRealm =>
  new NodeRealm({ cell: path, program: programOf(loadServer(resolve(import.meta.dirname, '../..', path))) });

/** The other end of a stream channel: what a VMM does. */
class Peer {
  private readonly thread: FakeThread;
  private readonly input: number;
  private readonly output: number;
  private readonly capacity: number;

  /** The server is end `end` of channel `number`. */
  constructor(thread: FakeThread, number: number, end: 0 | 1 = 0) {
    this.thread = thread;
    const base = address.shared + number * 0x10000;
    this.input = base + (end === 0 ? 0 : 4096);
    this.output = base + (end === 0 ? 4096 : 0);
    this.capacity = ringCapacity(4096);
  }
  private word(at: number): number {
    return Number(this.thread.load(at, 4)!);
  }
  /** Answers a reset of the server's end. */
  acknowledge(): void {
    if (this.word(this.input) === this.word(this.input + 32)) return;
    this.thread.store(this.input + 36, 4, 0n);
    this.thread.store(this.input + 32, 4, BigInt(this.word(this.input)));
  }
  send(text: string): void {
    const tail = this.word(this.output + 4);
    const bytes = new TextEncoder().encode(text);
    bytes.forEach((byte, i) => {
      this.thread.store(this.output + 64 + ((tail + i) % this.capacity), 1, BigInt(byte));
    });
    this.thread.store(this.output + 4, 4, BigInt(tail + bytes.length));
  }
  receive(): string {
    const head = this.word(this.input + 36);
    const tail = this.word(this.input + 4);
    const bytes = Array.from({ length: tail - head }, (_, i) =>
      Number(this.thread.load(this.input + 64 + ((head + i) % this.capacity), 1)!),
    );
    this.thread.store(this.input + 36, 4, BigInt(tail));
    return new TextDecoder().decode(Uint8Array.from(bytes));
  }
}

function pack(text: string): bigint[] {
  const bytes = new TextEncoder().encode(text);
  const words = [BigInt(bytes.length)];
  for (let at = 0; at < bytes.length; at += 8) {
    words.push(bytes.slice(at, at + 8).reduceRight((word, byte) => (word << 8n) | BigInt(byte), 0n));
  }
  return words;
}
function unpack(words: readonly bigint[]): string {
  const bytes = Array.from({ length: Number(words[0]) }, (_, i) =>
    Number((words[1 + (i >> 3)]! >> BigInt(8 * (i & 7))) & 0xffn),
  );
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

describe('The key-value server', () => {
  const start = (): { running: RunningServer; peer: Peer; ask(text: string): string } => {
    const thread = new FakeThread({
      channels: [
        { name: 'shell', type: 'stream' },
        { name: 'rpc', type: 'rpc' },
      ],
    });
    const running = new RunningServer(load('guests/servers/key-value.ts'), thread);
    const peer = new Peer(thread, 0);
    peer.acknowledge();
    const ask = (text: string): string => {
      peer.send(text);
      running.deliver({ badge: 1n });
      return peer.receive();
    };
    return { running, peer, ask };
  };

  test('puts, gets, lists and deletes over a stream', () => {
    const { ask, running } = start();
    expect(ask('put a 1\n')).toBe('ok\n');
    expect(ask('put b two words\nget b\n')).toBe('ok\ntwo words\n');
    expect(ask('list\n')).toBe('a\nb\nok 2 keys\n');
    expect(ask('delete a\nget a\n')).toBe('ok\nerror: no such key\n');
    expect(ask('put\nnonsense\n')).toBe('error: put KEY VALUE\nerror: put, get, delete or list\n');
    expect(running.thread.signals.length).toBeGreaterThan(0);
    expect(running.realm.fault).toBeUndefined();
  });

  test('waits for the end of a line, and takes \\r\\n', () => {
    const { ask } = start();
    expect(ask('put a')).toBe('');
    expect(ask(' 1\r\nget a\r\n')).toBe('ok\n1\n');
  });

  test('answers calls', () => {
    const { running } = start();
    const ask = (text: string): [number, string] => {
      running.deliver({ badge: callBadge(1), words: pack(text) });
      const { label, words } = running.thread.replies.at(-1)!;
      return [label, unpack(words)];
    };
    expect(ask('put __proto__ x')).toEqual([0, 'ok']);
    expect(ask('get __proto__')).toEqual([0, 'x']);
    expect(ask('get toString')).toEqual([1, 'error: no such key']);
  });

  test('survives nonsense in the memory of its channel', () => {
    const { running, peer, ask } = start();
    running.thread.store(address.shared + 4096 + 4, 4, 0xffff_fff0n);
    running.deliver({ badge: 1n });
    expect(running.realm.fault).toBeUndefined();
    running.thread.store(address.shared + 4096 + 4, 4, 0n);
    expect(ask('list\n')).toBe('ok 0 keys\n');
    expect(peer.receive()).toBe('');
  });
});

describe('The console server', () => {
  test('marks lines with their cell, and passes input to the chosen one', () => {
    const thread = new FakeThread({
      channels: [
        { name: 'terminal', type: 'stream', peer: 'host' },
        { name: 'a', type: 'stream', peer: 'linux' },
        { name: 'b', type: 'stream', peer: 'kv' },
      ],
    });
    const running = new RunningServer(load('guests/servers/console.ts'), thread);
    const [terminal, linux, kv] = [0, 1, 2].map((number) => new Peer(thread, number)) as [Peer, Peer, Peer];
    for (const peer of [terminal, linux, kv]) peer.acknowledge();

    linux.send('boot\nlog');
    kv.send('\x1b[2Jready\n');
    running.deliver({ badge: 0b110n });
    expect(terminal.receive()).toBe('[linux] boot\r\n[linux] log\r\n[kv] ready\r\n');
    linux.send('in\n');
    running.deliver({ badge: 0b010n });
    expect(terminal.receive()).toBe('[linux] in\r\n');

    terminal.send('x');
    running.deliver({ badge: 1n });
    expect(linux.receive()).toBe('x');
    terminal.send('\x1d1y');
    running.deliver({ badge: 1n });
    expect(kv.receive()).toBe('y');
    expect(terminal.receive()).toContain('*1 kv');
    expect(running.realm.fault).toBeUndefined();
  });
});

describe('A server that misbehaves', () => {
  test.each<[string, FaultCause, string]>([
    ['throws', 'throw', 'throw new Error'],
    ['spins', 'budget', 'for (;;);'],
    ['recurses', 'depth', 'return recurse'],
    ['allocates', 'memory', 'for (;;) kept'],
    ['explodes', 'regexp', '.test('],
    ['dereferences', 'throw', 'nothing.field'],
  ])('when it %s, is stopped with its cause and line, and answers after a restart', async (misdeed, cause, line) => {
    const running = new RunningServer(load('tests/realm/servers/misbehaving.ts'));
    const ask = (text: string): string | undefined => {
      const words = running.call(0, ...pack(text));
      return words && unpack(words);
    };
    expect(ask('state')).toBe('1');
    expect(ask(misdeed)).toBeUndefined();
    const { fault } = running.realm;
    expect(fault).toMatchObject({ cause, handler: 'protected' });
    const { readFile } = await import('node:fs/promises');
    const place = fault!.places[0]!;
    expect(place.file).toBe('tests/realm/servers/misbehaving.ts');
    const source = (await readFile(resolve(import.meta.dirname, '../..', place.file), 'utf8')).split('\n');
    expect(source[place.line - 1]).toContain(line);
    expect(running.thread.faults).toHaveLength(1);

    running.realm.restart(3);
    running.realm.resume(running.thread);
    expect(ask('state')).toBe('1');
  });
});

describe('The driver of the UART', () => {
  const device = 0x30_0000;
  const start = (): { running: RunningServer; terminal: Peer; written: number[][]; received: number[] } => {
    const written: number[][] = [];
    const received: number[] = [];
    class Board extends FakeThread {
      override store(at: number, size: 1 | 2 | 4 | 8, value: bigint): boolean {
        if (at < device || at >= device + 8) return super.store(at, size, value);
        if (at === device) written.at(-1)?.push(Number(value));
        return true;
      }
      override load(at: number, size: 1 | 2 | 4 | 8): bigint | undefined {
        if (at === device) return BigInt(received.shift() ?? 0);
        if (at === device + 5) return BigInt(received.length > 0 ? 1 : 0);
        return super.load(at, size);
      }
      override pay(ticks: number): boolean {
        written.push([]);
        return super.pay(ticks);
      }
    }
    const thread = new Board({
      channels: [
        { name: 'terminal', type: 'stream' },
        { name: 'uart', type: 'device', address: device },
      ],
    });
    const running = new RunningServer(load('guests/servers/uart.ts'), thread);
    return { running, terminal: new Peer(thread, 0), written, received };
  };

  test('writes as many bytes at a time as the FIFO holds, in order', () => {
    const { running, terminal, written } = start();
    const text = 'a line of text that is longer than one FIFO\n';
    terminal.send(text);
    running.deliver({ badge: 1n });
    const bursts = written.filter(({ length }) => length > 0);
    expect(bursts.map(({ length }) => length)).toEqual([16, 16, 12]);
    expect(String.fromCharCode(...bursts.flat())).toBe(text);
  });

  test('takes what has come in when its interrupt or room in the terminal tells it to, and acknowledges what it was told', () => {
    const { running, terminal, received } = start();
    const acknowledged = running.thread.calls.length;
    received.push(0x68, 0x69);
    running.deliver({ badge: 2n });
    expect(terminal.receive()).toBe('hi');
    expect(running.thread.calls).toHaveLength(acknowledged + 1);
    running.deliver({ badge: 1n });
    expect(running.thread.calls).toHaveLength(acknowledged + 1);
    received.push(0x21);
    running.deliver({ badge: 1n });
    expect(terminal.receive()).toBe('!');
    expect(running.thread.calls).toHaveLength(acknowledged + 2);
  });
});

describe('A ring', () => {
  test('begins a new generation after a restart, and carries nothing until the consumer has answered', () => {
    const thread = new FakeThread({ channels: [{ name: 'shell', type: 'stream' }] });
    const running = new RunningServer(load('guests/servers/key-value.ts'), thread);
    const peer = new Peer(thread, 0);
    expect(thread.load(address.shared, 4)).toBe(0n);
    running.realm.restart(3);
    running.realm.resume(thread);
    expect(thread.load(address.shared, 4)).toBe(1n);
    peer.send('list\n');
    running.deliver({ badge: 1n });
    expect(peer.receive()).toBe('');
    peer.acknowledge();
    peer.send('list\n');
    running.deliver({ badge: 1n });
    expect(peer.receive()).toBe('ok 0 keys\n');
  });
});
