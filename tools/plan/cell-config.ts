// What a server is told about itself, from what the plan knows: the text of its configuration page.

import type { CellConfig, ChannelConfig, RestartPolicy } from '../../guests/sdk/config.ts';
import { pageBytes } from './builder.ts';
import type { ChannelEnd, Server } from './plan.ts';

/** A monitor's `config` is filled in at boot, when its guest's images are known (tools/boot/monitor-config.ts). */
export function cellConfigOf(server: Server): CellConfig {
  const children: string[] = [];
  const restart: Record<string, RestartPolicy> = {};
  for (const child of server.children) {
    children[child.number] = child.cell;
    if (child.restart !== undefined) restart[child.cell] = child.restart;
  }
  return {
    cell: server.cell,
    channels: [...server.channels.map(channelConfig), ...server.interrupts.map(deviceConfig)],
    ...(server.passive && { passive: true }),
    children,
    restart,
    config: server.guest === undefined ? { ...server.config } : {},
  };
}

function deviceConfig({ device, number, registersAt }: Server['interrupts'][number]): ChannelConfig {
  return { name: device, number, type: 'device', end: 0, peer: '', address: registersAt, size: pageBytes };
}

function channelConfig(end: ChannelEnd): ChannelConfig {
  return {
    name: end.channel,
    number: end.number,
    type: end.type,
    end: end.end,
    peer: end.peer,
    address: end.address,
    size: end.size,
    ...(end.messageBytes === 0 ? {} : { message: end.messageBytes }),
  };
}
