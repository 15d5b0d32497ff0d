// What a server is told about itself, from what the plan knows: the text of its configuration page.

import type { CellConfig, ChannelConfig, RestartPolicy } from '../../guests/sdk/config.ts';
import { pageBytes } from './builder.ts';
import type { ChannelEnd, Server } from './plan.ts';

/** For a monitor, `config` is a `GuestConfig`; otherwise the manifest's. */
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
    config: server.guest === undefined ? { ...server.config } : { ...guestConfigOf(server.guest) },
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

/** What a monitor is told about its guest. */
export interface GuestConfig {
  /** Where guest physical 0x80000000 lies in the monitor's address space, and how much of it there is. */
  ram: { at: number; bytes: number };
  bootargs: string;
  vcpus: number;
  /** Virtio devices in order; `channel` is the number of the channel behind one. */
  devices: { virtio: 'blk' | 'console' | 'net' | 'rng'; channel?: number }[];
  /** Channels that are ports of the console, by number. */
  ports: number[];
}

function guestConfigOf(guest: NonNullable<Server['guest']>): GuestConfig {
  return {
    ram: guest.ram,
    bootargs: guest.bootargs,
    vcpus: guest.vcpus.length,
    devices: guest.devices.map(({ virtio, number }) =>
      number === undefined ? { virtio } : { virtio, channel: number },
    ),
    ports: guest.ports,
  };
}
