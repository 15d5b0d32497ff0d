// What a cell finds where: capability slots, badges and addresses of native servers and of virtual machine monitors. The
// plan places objects by these numbers, and the servers' side of the runtime is written against the same.

/** Slots of a native server's CSpace: one CNode of 2^9 slots, addressed with depth 64. */
export const cspaceRadix = 9;
export const slots = {
  null: 0,
  /** The endpoint on which calls and the faults of children arrive. */
  endpoint: 1,
  /** The reply object of whoever is being answered. */
  reply: 2,
  /** The notification bound to the server's TCB: signals of channels, interrupts, heartbeats. */
  notification: 3,
  vspace: 4,
  /** Bases: plus the number of the channel, interrupt or child, 0 to 62. */
  channelNotification: 64,
  channelEndpoint: 128,
  irqHandler: 192,
  childTcb: 256,
  childSchedContext: 320,
  /** Reply objects of children, to answer their callers when they die. */
  childReply: 384,
  vcpu: 448,
} as const;

/** The most channels, and the most children, of a cell. */
export const maxChannels = 63;

/**
 * Badges. A signal carries bit `channel`, so that several merge. A message on the endpoint carries bit 63 and the channel's
 * number; a fault bits 63 and 62 and the child's.
 */
export const signalBadge = (channel: number): bigint => 1n << BigInt(channel);
export const callBadge = (channel: number): bigint => (1n << 63n) | BigInt(channel);
export const faultBadge = (child: number): bigint => (3n << 62n) | BigInt(child);

/** Virtual addresses of a native server, Sv39. Between `image` and `mapped` nothing else is placed. */
export const nativeLayout = {
  image: 0x1_0000,
  imageEnd: 0x1000_0000,
  /** Private memory, `memory` bytes. */
  heap: 0x1000_0000,
  /** Regions that the manifest maps. */
  mapped: 0x5000_0000,
  mappedEnd: 0x8_0000_0000,
  /** Guest RAM in a monitor: guest physical address plus this. */
  guest: 0x8_0000_0000,
  guestEnd: 0x10_0000_0000,
  /** Memory of channel n: `channels + n * channelStride`; the reader's half of a duplex channel follows the writer's. */
  channels: 0x20_0000_0000,
  channelStride: 0x1000_0000,
  /** Registers of owned devices, 1 MiB apart. */
  devices: 0x30_0000_0000,
  deviceStride: 0x10_0000,
  /** Top of the stack; a guard page lies below its end. */
  stackTop: 0x3f_0000_0000,
  ipcBuffer: 0x3f_8000_0000,
} as const;

/** Guest physical addresses of VM and RTOS cells: those of the `virt` machine. */
export const guestLayout = {
  ram: 0x8000_0000,
  /** Regions may be mapped here, and above RAM. */
  mapped: 0x4000_0000,
  end: 2 ** 40,
} as const;

/** RAM that the kernel, its contexts and the boot task keep for themselves. */
export const bootReserve = 4 * 2 ** 20;

/** Bits of kernel objects (seL4 16.0.0, riscv64, MCS; docs/abi.md). */
export const sizeBits = {
  slot: 5,
  endpoint: 4,
  notification: 6,
  reply: 5,
  tcb: 11,
  schedContext: 8,
  pageTable: 12,
  guestRoot: 14,
  vcpu: 12,
  page: 12,
  megaPage: 21,
} as const;

/** Period of threads without a budget: seL4's boot time slice, round robin. */
export const defaultTimesliceNs = 5_000_000;
