// What a cell finds where: capability slots, badges and addresses of native servers and of virtual machine monitors. The
// plan places objects by these numbers, and the servers' side of the runtime is written against the same.

/** Slots of a server's CSpace: one CNode of 2^9 slots, its guard the rest of the 64 bits. */
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
  /** The server's own thread, for its TLS and its registers. */
  tcb: 5,
  /** Bases: plus the number of the channel, interrupt or child, 0 to 62. */
  channelNotification: 64,
  channelEndpoint: 128,
  irqHandler: 192,
  childTcb: 256,
  childSchedContext: 320,
  /** Reply objects of children, to answer their callers when they die. */
  childReply: 384,
  /** Of a monitor: vCPU n; its TCB and scheduling context are child n. */
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

/** Virtual addresses of a server, Sv39. */
export const nativeLayout = {
  /** Segments of an ELF lie between these. */
  image: 0x1_0000,
  imageEnd: 0x1000_0000,
  /** Private memory, `memory` bytes. */
  heap: 0x1000_0000,
  /** Regions that the manifest maps. */
  mapped: 0x5000_0000,
  mappedEnd: 0x8_0000_0000,
  /** Guest RAM in a monitor: guest physical address plus this. */
  guest: 0x8_0000_0000,
  /** Memory of channel n: `channels + n * channelStride`; a second direction lies half a stride above the first. */
  channels: 0x20_0000_0000,
  channelStride: 0x1000_0000,
  /** Registers of owned devices, in the order of `owns`. */
  devices: 0x30_0000_0000,
  deviceStride: 0x10_0000,
  /** End of the stack of an ELF; below its beginning lies a guard page. */
  stackTop: 0x3f_0000_0000,
  ipcBuffer: 0x3f_8000_0000,
} as const;

/** Guest physical addresses of VM and RTOS cells: those of the `virt` machine. */
export const guestLayout = {
  ram: 0x8000_0000,
  /** Regions may be mapped from here up to RAM, and above RAM. */
  mapped: 0x4000_0000,
  end: 2 ** 38,
} as const;

/**
 * Memory of one direction of a stream or queue: a page that only its writer writes (its index, generation), a page that only
 * its reader writes (its index), then data that only its writer writes. A sample has the writer's page and data alone.
 */
export const ringLayout = { writerPage: 0, readerPage: 0x1000, data: 0x2000 } as const;
export const sampleLayout = { writerPage: 0, data: 0x1000, copies: 2 } as const;
/** Bytes before each message of a queue: its length. */
export const messageHeader = 8;

/** Physical addresses of the registers of declared devices: the platform bus of the `virt` machine, a page each. */
export const platformBus = 0x400_0000;

/** RAM that the kernel, its contexts and the boot task keep for themselves. */
export const bootReserve = 4 * 2 ** 20;

/** Period of threads without a budget: seL4's time slice, round robin. */
export const timesliceNs = 5_000_000;

/** The scheduling context on which a monitor takes signals of back ends while no vCPU waits for it. */
export const completionBudget = { cpu: 50_000, period: 1_000_000 } as const;
