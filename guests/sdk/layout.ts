// Where a native server finds what its plan gives it: slots of its CSpace and addresses of its VSpace. The slots are those
// of the seL4 Microkit, so that its users feel at home; whoever builds a cell builds this.

/** Slots of the root CNode, which resolves a slot number directly (guard and radix make up 64 bits). */
export const slot = {
  /** Endpoint on which calls and faults arrive; the server's notification is bound to its TCB. */
  input: 1,
  /** The server's reply object. */
  reply: 4,
  /** Of a passive server: the notification by which it gives its scheduling context back, after `init`. */
  passive: 5,
  /** Notification of channel n. */
  notification: 10,
  /** Endpoint of channel n, for calls. */
  endpoint: 74,
  /** IRQ handler n. */
  irq: 138,
  /** TCB of child n. */
  childThread: 202,
  /** VCPU of child n. */
  childVcpu: 266,
  /** Scheduling context of child n. */
  childContext: 330,
  /** Reply object of child n: whoever waits for its answer is answered on it when it dies. */
  childReply: 394,
} as const;

/** Channels are numbered 0 to 61: their bits share a badge with the two marks below. */
export const channelLimit = 62;

export const badge = {
  /** Set: a call, from the channel in the low six bits. */
  call: 1n << 63n,
  /** Set: a fault, of the child in the low six bits. Neither: bit n says that channel n has signalled. */
  fault: 1n << 62n,
  number: 0x3fn,
} as const;

/** Virtual addresses. All pages are 4 KiB, readable and, but for the configuration, writable. */
export const address = {
  /** One or more pages: u32 length, then that many bytes of JSON, a `CellConfig`. Read only. */
  config: 0x10_0000,
  configLimit: 0x10_000,
  ipcBuffer: 0x12_0000,
  /** Channels, regions and devices lie from here on, where the configuration says. */
  shared: 0x1000_0000,
} as const;
