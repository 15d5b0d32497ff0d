// What a cell finds where. The servers' side of it is guests/sdk/layout.ts; here is what only the plan decides.

import { address, badge, channelLimit, slot } from '../../guests/sdk/layout.ts';
import { ringField } from '../../guests/sdk/ring-layout.ts';

/** Slots of a server's CSpace: one CNode of 2^9 slots, its guard the rest of the 64 bits. */
export const cspaceRadix = 9;
export const slots = {
  ...slot,
} as const;

/** The most channels of a cell; interrupts and heartbeats take one each as well. */
export const maxChannels = channelLimit;
/** The most threads that a cell supervises. */
export const maxChildren = 62;

/** Badges: a signal carries bit `channel`, a message on the endpoint a mark and the number of the channel or child. */
export const signalBadge = (channel: number): bigint => 1n << BigInt(channel);
export const callBadge = (channel: number): bigint => badge.call | BigInt(channel);
export const faultBadge = (child: number): bigint => badge.fault | BigInt(child);

/** Virtual addresses of a server, Sv39. */
export const nativeLayout = {
  /** Segments of an ELF lie between these, and not in what is reserved. */
  image: 0x1_0000,
  imageEnd: address.shared,
  reserved: address.config,
  reservedEnd: 0x20_0000,
  config: address.config,
  configLimit: address.configLimit,
  ipcBuffer: address.ipcBuffer,
  /** Private memory, `memory` bytes. */
  heap: address.shared,
  /** Regions that the manifest maps. */
  mapped: 0x5000_0000,
  mappedEnd: 0x8_0000_0000,
  /** Guest RAM in a monitor: guest physical address plus this. */
  guest: 0x8_0000_0000,
  /** Memory of channel n: `channels + n * channelStride`. */
  channels: 0x20_0000_0000,
  channelStride: 0x1000_0000,
  /** Registers of owned devices, in the order of `owns`. */
  devices: 0x30_0000_0000,
  deviceStride: 0x10_0000,
  /** End of the stack of an ELF; below its beginning lies a guard page. */
  stackTop: 0x3f_0000_0000,
} as const;

/** Guest physical addresses of VM and RTOS cells: those of the `virt` machine. */
export const guestLayout = {
  ram: 0x8000_0000,
  /** Regions may be mapped from here up to RAM, and above RAM. */
  mapped: 0x4000_0000,
  end: 2 ** 38,
} as const;

/** Bytes of a ring's header, of a sample port's header, and before each message (guests/sdk). */
export const ringHeader = ringField.data;
export const sampleHeader = 64;
export const messageHeader = 4;

/** Physical addresses of the registers of declared devices: the platform bus of the `virt` machine, a page each. */
export const platformBus = 0x400_0000;

/** RAM that the kernel, its contexts and the boot task keep for themselves. */
export const bootReserve = 4 * 2 ** 20;

/** Period of threads without a budget: seL4's time slice, round robin. */
export const timesliceNs = 5_000_000;

/** The scheduling context on which a monitor takes signals of back ends while no vCPU waits for it. */
export const completionBudget = { cpu: 50_000, period: 1_000_000 } as const;
