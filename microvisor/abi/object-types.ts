// Object types that Untyped_Retype makes. Source: libsel4 objecttype.h (generic, riscv, riscv64). Ours follow the last.

export const objectType = {
  untyped: 0,
  tcb: 1,
  endpoint: 2,
  notification: 3,
  /** CNode: `size_bits` is the binary logarithm of its slots. */
  capTable: 4,
  /** Scheduling context: `size_bits` is the binary logarithm of its bytes. */
  schedContext: 5,
  reply: 6,
  gigaPage: 7,
  page: 8,
  megaPage: 9,
  pageTable: 10,
  /** Extension. The VS-mode state of a virtual hart: 4 KiB. */
  vcpu: 11,
  /** Extension. A root table of guest-physical addresses, 16 KiB: `size_bits` 0 or 39 makes Sv39x4, 48 makes Sv48x4. */
  guestRoot: 12,
} as const;

/** seL4's eleven types, and ours. */
export const objectTypeCount = 13;

/** Binary logarithms of the sizes of our object types. */
export const extensionSizeBits = { vcpu: 12, guestRoot: 14 } as const;
