// Sends on every channel that it has, and says what arrives: streams and queues both ways, samples one way, bare signals.

import {
  type Cell,
  type Channel,
  decodeUtf8,
  encodeUtf8,
  QueueChannel,
  SampleChannel,
  StreamChannel,
  server,
} from '../../../guests/sdk/index.ts';

interface State {
  heard: number;
}

function greet(cell: Cell<State>, channel: Channel): void {
  const text = `hello from ${cell.name}`;
  if (channel instanceof StreamChannel) channel.print(`${text}\n`);
  else if (channel instanceof QueueChannel) {
    channel.send(encodeUtf8(`${text}, first`));
    channel.send(encodeUtf8(`${text}, second`));
  } else if (channel instanceof SampleChannel) {
    if (cell.config['samples'] === true) channel.write(encodeUtf8(text));
  } else if (cell.config['signals'] === true) channel.notify();
}

function hear(channel: Channel): string[] {
  if (channel instanceof StreamChannel) return channel.readLines();
  if (channel instanceof SampleChannel) {
    const value = channel.read();
    return value ? [`${decodeUtf8(value.bytes)} #${value.sequence}`] : [];
  }
  if (!(channel instanceof QueueChannel)) return ['a signal'];
  const messages: string[] = [];
  for (let next = channel.receive(); next; next = channel.receive()) messages.push(decodeUtf8(next));
  return messages;
}

export default server<State>({
  state: () => ({ heard: 0 }),
  init(cell) {
    for (const channel of cell.channels) greet(cell, channel);
  },
  notified(cell, channel) {
    for (const text of hear(channel)) {
      cell.draft().heard++;
      cell.log(`${channel.name}: ${text}`);
    }
  },
});
