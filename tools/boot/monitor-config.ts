// The bytes of a cell's configuration page. A monitor is also told where its guest's images were put.

import type { CellConfig } from '../../guests/sdk/config.ts';
import type { VmConfig } from '../../guests/vmm/vm.ts';
import { guestLayout } from '../plan/conventions.ts';
import type { Plan, Server } from '../plan/plan.ts';

const megabyte = 2 ** 20;

/** Where a virtual machine's monitor finds what was put into its guest's RAM: guest physical addresses. */
export interface GuestImages {
  entry: number;
  initrd: { start: number; end: number } | undefined;
}

/** A u32 length, then JSON. */
export function configPage(config: CellConfig): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(config));
  const bytes = new Uint8Array(4 + json.length);
  new DataView(bytes.buffer).setUint32(0, json.length, true);
  bytes.set(json, 4);
  return bytes;
}

export function vmConfig({ cell, guest, channels }: Server, plan: Plan, { entry, initrd }: GuestImages): VmConfig {
  const { ram, bootargs, vcpus, devices, ports } = guest!;
  return {
    name: cell,
    vcpus: vcpus.length,
    ram: { base: guestLayout.ram, bytes: ram.bytes },
    entry,
    initrd: initrd ?? null,
    treeAt: guestLayout.ram + ram.bytes - 2 * megabyte,
    bootargs,
    timebaseHz: plan.machine.timebaseHz,
    seed: plan.system.seed,
    epochSeconds: 0,
    devices: devices.map(({ virtio, number }) => ({ virtio, channel: number ?? null })),
    ports,
    channels: channels.map(({ number, channel, type, sends, receives, messageBytes, full }) => ({
      number,
      name: channel,
      type,
      sends,
      receives,
      messageBytes,
      full,
    })),
  };
}
