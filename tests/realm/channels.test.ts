// Channels of the SDK between two servers that share memory.

import { expect, test } from 'vitest';
import { callBadge, FakeThread } from './fake-thread.ts';
import { bodies, RunningServer, realmOf } from './inline-server.ts';

/** Two servers at the two ends of channel 0. */
function pair(type: 'queue' | 'sample', first: string, second: string): [RunningServer, RunningServer] {
  const end = (end: 0 | 1): FakeThread =>
    new FakeThread({
      channels: [
        { name: 'shared', type, end, message: 16 },
        { name: 'rpc', type: 'rpc' },
      ],
    });
  const threads = [end(0), end(1)] as const;
  for (const [page, bytes] of threads[0].memory) if (page >= 0x10000) threads[1].memory.set(page, bytes);
  const make = (source: string, thread: FakeThread): RunningServer =>
    new RunningServer(
      realmOf(`export default server<{ seen: number[] }>({ state: () => ({ seen: [] }), ${source} });`),
      thread,
    );
  return [make(first, threads[0]), make(second, threads[1])];
}
const seen = ({ realm }: RunningServer): unknown =>
  (realm.save() as { realm: { state: { seen: number[] } } }).realm.state.seen;

test('A queue delivers whole messages in order, and says when it is full', () => {
  const [sender, receiver] = pair(
    'queue',
    `protected(cell, channel, message) {
       let sent = 0n;
       for (let i = 0; i < message.label; i++) if (cell.queue('shared').send(Uint8Array.of(i, i + 1, i + 2))) sent++;
       return { label: 0, words: [sent] };
     }`,
    `notified(cell) {
       const queue = cell.queue('shared');
       for (let message = queue.receive(); message; message = queue.receive()) cell.draft().seen.push(message.length * 100 + message[0]!);
     }`,
  );
  sender.deliver({ badge: (1n << 63n) | 1n, label: 3 });
  receiver.deliver({ badge: 1n });
  expect(seen(receiver)).toEqual([300, 301, 302]);
  expect(sender.thread.replies.at(-1)!.words).toEqual([3n]);
  expect(sender.thread.signals).toHaveLength(1);
  sender.deliver({ badge: (1n << 63n) | 1n, label: 1000 });
  expect(sender.thread.replies.at(-1)!.words[0]).toBeLessThan(1000n);
  expect(sender.realm.fault).toBeUndefined();
});

test('Whoever takes something signals a producer that was short of room, and no other', () => {
  const [sender, receiver] = pair(
    'queue',
    `protected(cell, channel, message) {
       let sent = 0n;
       for (let i = 0; i < message.label; i++) if (cell.queue('shared').send(new Uint8Array(16))) sent++;
       return { label: 0, words: [sent] };
     }`,
    `notified(cell) { cell.queue('shared').receive(); },
     protected(cell) {
       cell.queue('shared').receive();
       throw new Error('not this one');
     }`,
  );
  const send = (count: number): void => sender.deliver({ badge: (1n << 63n) | 1n, label: count });
  const take = (badge = 1n): number => {
    receiver.deliver({ badge });
    return receiver.thread.signals.splice(0).length;
  };
  send(4);
  expect(take()).toBe(0);
  send(1000);
  expect(take()).toBe(1);
  send(1000);
  const { thread } = receiver;
  expect(take(callBadge(1))).toBe(0); // the handler fails: it has taken nothing
  expect(thread.faults).toHaveLength(1);
  receiver.realm.skip();
  receiver.realm.resume(thread);
  expect(take()).toBe(1);
  expect(take()).toBe(0);
});

test('A producer that says that it waits for room looks again before it does', () => {
  const [sender, receiver] = pair(
    'queue',
    `protected(cell) { return { label: 0, words: [BigInt(cell.queue('shared').send(new Uint8Array(16)))] }; }`,
    `notified(cell) { for (const queue = cell.queue('shared'); queue.receive(); ); }`,
  );
  const send = (): bigint => {
    sender.deliver({ badge: (1n << 63n) | 1n });
    return sender.thread.replies.at(-1)!.words[0]!;
  };
  while (send() === 1n);
  receiver.deliver({ badge: 1n });
  while (send() === 1n);
  receiver.thread.signals.splice(0);
  // The consumer empties the ring between the producer's two looks.
  const { thread } = sender;
  const store = thread.store.bind(thread);
  let waits = 0;
  thread.store = (at, size, value) => {
    const done = store(at, size, value);
    if (size === 4 && value === 1n && waits++ === 0) receiver.deliver({ badge: 1n });
    return done;
  };
  expect(send()).toBe(1n);
  expect(waits).toBe(1);
  expect(receiver.thread.signals).toHaveLength(1);
});

test('A message that is too long for its queue is refused', () => {
  const [sender] = pair('queue', `notified(cell) { cell.queue('shared').send(new Uint8Array(17)); }`, '');
  sender.deliver({ badge: 1n });
  expect(sender.realm.fault?.message).toContain('takes messages of 16 bytes');
});

test('A sample port shows the last value that was committed', () => {
  const [writer, reader] = pair(
    'sample',
    `notified(cell) {
       cell.draft().seen.push(1);
       const value = cell.state.seen.length;
       cell.sample('shared').write(Uint8Array.of(99));
       cell.sample('shared').write(Uint8Array.of(value));
       if (value === 3) throw new Error('not this one');
     }`,
    `notified(cell) {
       const sample = cell.sample('shared').read();
       cell.draft().seen.push(sample === undefined ? -1 : sample.bytes[0]! * 10 + sample.sequence);
     }`,
  );
  const read = (): void => reader.deliver({ badge: 1n });
  read();
  writer.deliver({ badge: 1n });
  read();
  read();
  writer.deliver({ badge: 1n });
  read();
  writer.deliver({ badge: 1n });
  expect(writer.realm.fault?.message).toBe('Error: not this one');
  read();
  expect(seen(reader)).toEqual([-1, 11, 11, 22, 22]);
});

test('Text travels as UTF-8, and malformed bytes become U+FFFD as in the encoding standard', () => {
  const samples = ['aé€😀', '\ud800x', ''];
  const broken = [
    [0xff],
    [0xc0, 0x80],
    [0xe2, 0x82],
    [0xed, 0xa0, 0x80],
    [0xf4, 0x90, 0x80, 0x80],
    [0x61, 0xe2, 0x28, 0x62],
  ];
  const program = bodies(
    [
      ...samples.map(
        (text) => `const bytes = encodeUtf8(${JSON.stringify(text)}); return bytes.length + ':' + [...bytes].join()`,
      ),
      ...broken.map((bytes) => `return decodeUtf8(Uint8Array.of(${bytes.join()}))`),
    ],
    `import { decodeUtf8, encodeUtf8 } from '../../../guests/sdk/index.ts';`,
  );
  samples.forEach((text, index) => {
    const bytes = new TextEncoder().encode(text);
    expect(program(index)).toBe(`${bytes.length}:${bytes.join()}`);
  });
  broken.forEach((bytes, index) => {
    expect(program(samples.length + index)).toBe(new TextDecoder().decode(Uint8Array.from(bytes)));
  });
});
