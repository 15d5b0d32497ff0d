// Channels become endpoints, badged notifications and shared memory; each end gets what its direction needs and no more.

import type { Channel } from '../manifest/model.ts';
import { type PlanBuilder, pageBytes, rights, roundUp } from './builder.ts';
import type { CellParts } from './cell-parts.ts';
import { callBadge, messageHeader, nativeLayout, ringLayout, sampleLayout, signalBadge, slots } from './conventions.ts';
import type { ChannelEnd } from './plan.ts';

const readOnly = { read: true, write: false, execute: false };
const readWrite = { read: true, write: true, execute: false };

interface End {
  parts: CellParts;
  end: ChannelEnd;
}

export function placeChannels(
  builder: PlanBuilder,
  channels: readonly Channel[],
  parts: ReadonlyMap<string, CellParts>,
): void {
  for (const channel of channels) {
    const from = addEnd(channel, parts.get(channel.from)!, channel.to, true);
    const to = addEnd(channel, parts.get(channel.to)!, channel.from, channel.duplex);
    to.end.receives = true;
    from.end.receives = channel.duplex;
    switch (channel.type) {
      case 'rpc':
        builder.capability(
          from.parts.cspace,
          slots.channelEndpoint + from.end.number,
          to.parts.endpoint,
          rights.call,
          `calls '${channel.to}' (${channel.id})`,
          callBadge(to.end.number),
        );
        break;
      case 'notify':
        signal(builder, channel, from, to);
        if (channel.duplex) signal(builder, channel, to, from);
        break;
      case 'stream':
      case 'queue':
        // The reader signals as well: there is room again.
        signal(builder, channel, from, to);
        signal(builder, channel, to, from);
        placeRing(builder, channel, from, to, 0);
        if (channel.duplex) placeRing(builder, channel, to, from, 1);
        break;
      case 'sample':
        signal(builder, channel, from, to);
        placeSample(builder, channel, from, to, 0);
        if (channel.duplex) {
          signal(builder, channel, to, from);
          placeSample(builder, channel, to, from, 1);
        }
        break;
      default:
        channel satisfies never;
    }
  }
}

function addEnd(channel: Channel, parts: CellParts, peer: string, sends: boolean): End {
  const end: ChannelEnd = {
    number: parts.nextNumber++,
    channel: channel.name,
    type: channel.type,
    peer,
    sends,
    receives: false,
    writeAt: undefined,
    readAt: undefined,
    dataBytes: dataBytes(channel),
    messageBytes: channel.type === 'queue' || channel.type === 'sample' ? channel.message : 0,
    full: channel.type === 'queue' ? channel.full : undefined,
    deadlineNs: channel.type === 'rpc' ? channel.deadline : undefined,
    refreshNs: channel.type === 'sample' ? channel.refresh : undefined,
  };
  parts.server.channels.push(end);
  return { parts, end };
}

function dataBytes(channel: Channel): number {
  switch (channel.type) {
    case 'stream':
      return channel.buffer;
    case 'queue':
      return channel.depth * (messageHeader + roundUp(channel.message, 8));
    case 'sample':
      return sampleLayout.copies * roundUp(channel.message, 8);
    default:
      return 0;
  }
}

function signal(builder: PlanBuilder, channel: Channel, from: End, to: End): void {
  const slot = slots.channelNotification + from.end.number;
  const purpose = `signals '${to.parts.cell.name}' (${channel.id})`;
  builder.capability(from.parts.cspace, slot, to.parts.notification, rights.write, purpose, signalBadge(to.end.number));
}

const address = (end: End, direction: 0 | 1): number =>
  nativeLayout.channels + end.end.number * nativeLayout.channelStride + direction * (nativeLayout.channelStride / 2);

/** Writer's page, reader's page, data: each side can write only what is its own. */
function placeRing(builder: PlanBuilder, channel: Channel, writer: End, reader: End, direction: 0 | 1): void {
  const name = `${channel.id}${channel.duplex ? `.${writer.parts.cell.name}` : ''}`;
  const owner = `channel ${channel.id}`;
  const writerPage = builder.frames(`${name}.writer`, pageBytes, owner, []);
  const readerPage = builder.frames(`${name}.reader`, pageBytes, owner, []);
  const [atWriter, atReader] = [address(writer, direction), address(reader, direction)];
  const data = builder.frames(`${name}.data`, roundUp(writer.end.dataBytes, pageBytes), owner, [
    atWriter + ringLayout.data,
  ]);
  const what = `channel '${channel.id}'`;
  for (const [end, at] of [
    [writer, atWriter],
    [reader, atReader],
  ] as const) {
    const [own, other] = end === writer ? [readWrite, readOnly] : [readOnly, readWrite];
    builder.map(end.parts.space, at + ringLayout.writerPage, writerPage, own, `${what}: the writer's index`);
    builder.map(end.parts.space, at + ringLayout.readerPage, readerPage, other, `${what}: the reader's index`);
    builder.map(end.parts.space, at + ringLayout.data, data, own, `${what}: data`);
  }
  writer.end.writeAt = atWriter;
  reader.end.readAt = atReader;
}

function placeSample(builder: PlanBuilder, channel: Channel, writer: End, reader: End, direction: 0 | 1): void {
  const name = `${channel.id}${channel.duplex ? `.${writer.parts.cell.name}` : ''}`;
  const owner = `channel ${channel.id}`;
  const bytes = sampleLayout.data + roundUp(writer.end.dataBytes, pageBytes);
  const frames = builder.frames(`${name}.sample`, bytes, owner, []);
  writer.end.writeAt = address(writer, direction);
  reader.end.readAt = address(reader, direction);
  builder.map(writer.parts.space, writer.end.writeAt, frames, readWrite, `channel '${channel.id}': the sample`);
  builder.map(reader.parts.space, reader.end.readAt, frames, readOnly, `channel '${channel.id}': the sample`);
}
