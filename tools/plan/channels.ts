// Channels become endpoints, badged notifications and shared memory; each end gets what its direction needs and no more.

import type { Channel } from '../manifest/model.ts';
import { type PlanBuilder, pageBytes, rights, roundUp } from './builder.ts';
import type { CellParts } from './cell-parts.ts';
import { callBadge, messageHeader, nativeLayout, ringHeader, sampleHeader, signalBadge, slots } from './conventions.ts';
import type { ChannelEnd, Mapping } from './plan.ts';

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
    const from = addEnd(channel, parts.get(channel.from)!, 0);
    const to = addEnd(channel, parts.get(channel.to)!, 1);
    switch (channel.type) {
      case 'rpc':
        builder.capability(
          from.parts.cspace,
          slots.endpoint + from.end.number,
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
        // The reader signals as well: there is room again. Both ends write: the reader its index.
        signal(builder, channel, from, to);
        signal(builder, channel, to, from);
        share(builder, channel, from, to, readWrite);
        break;
      case 'sample':
        signal(builder, channel, from, to);
        share(builder, channel, from, to, readOnly);
        break;
      default:
        channel satisfies never;
    }
  }
}

function addEnd(channel: Channel, parts: CellParts, end: 0 | 1): End {
  const number = parts.nextNumber++;
  const size = memoryBytes(channel);
  const config: ChannelEnd = {
    number,
    channel: channel.name,
    type: channel.type,
    end,
    peer: end === 0 ? channel.to : channel.from,
    sends: end === 0 || channel.duplex,
    receives: end === 1 || channel.duplex,
    address: size === 0 ? 0 : nativeLayout.channels + number * nativeLayout.channelStride,
    size,
    messageBytes: channel.type === 'queue' || channel.type === 'sample' ? channel.message : 0,
    full: channel.type === 'queue' ? channel.full : undefined,
    deadlineNs: channel.type === 'rpc' ? channel.deadline : undefined,
    refreshNs: channel.type === 'sample' ? channel.refresh : undefined,
  };
  parts.server.channels.push(config);
  return { parts, end: config };
}

/** Shared memory in whole pages: two rings, one for each direction, or one sample port. */
function memoryBytes(channel: Channel): number {
  switch (channel.type) {
    case 'stream':
      return roundUp(2 * (ringHeader + channel.buffer), pageBytes);
    case 'queue': {
      const data = 2 ** Math.ceil(Math.log2(channel.depth * (messageHeader + channel.message)));
      return roundUp(2 * (ringHeader + data), pageBytes);
    }
    case 'sample':
      return roundUp(sampleHeader + 2 * roundUp(messageHeader + channel.message, 8), pageBytes);
    default:
      return 0;
  }
}

function signal(builder: PlanBuilder, channel: Channel, from: End, to: End): void {
  const slot = slots.notification + from.end.number;
  const purpose = `signals '${to.parts.cell.name}' (${channel.id})`;
  builder.capability(from.parts.cspace, slot, to.parts.notification, rights.write, purpose, signalBadge(to.end.number));
}

function share(builder: PlanBuilder, channel: Channel, from: End, to: End, perms: Mapping['perms']): void {
  // Pages of 4 KiB whatever the size: what the SDK's channels ask for.
  const frames = builder.frames(`${channel.id}.memory`, from.end.size, `channel ${channel.id}`, [pageBytes]);
  builder.map(from.parts.space, from.end.address, frames, readWrite, `channel '${channel.id}'`);
  builder.map(to.parts.space, to.end.address, frames, perms, `channel '${channel.id}'`);
}
