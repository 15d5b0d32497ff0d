// What the initial thread finds: fixed capabilities and the BootInfo page. Source: libsel4 sel4/bootinfo_types.h.

/** Slots of the root CNode that are the same on every boot. */
export const initialCap = {
  null: 0,
  tcb: 1,
  cNode: 2,
  vspace: 3,
  irqControl: 4,
  asidControl: 5,
  asidPool: 6,
  bootInfoFrame: 9,
  ipcBuffer: 10,
  domain: 11,
  schedContext: 14,
  /** Extension: only on a machine with realms; empty (SMC) otherwise. */
  realmControl: 15,
} as const;
export const numInitialCaps = 16;

/** Byte offsets of the fields; all are 64-bit words, regions are two words: first slot, and the one after the last. */
export const bootInfo = {
  extraLen: 0,
  nodeId: 8,
  numNodes: 16,
  numIoptLevels: 24,
  ipcBuffer: 32,
  empty: 40,
  sharedFrames: 56,
  userImageFrames: 72,
  userImagePaging: 88,
  ioSpaceCaps: 104,
  extraBiPages: 120,
  initThreadCNodeSizeBits: 136,
  initThreadDomain: 144,
  schedControl: 152,
  untyped: 168,
  /** 230 entries of 16 bytes: physical address (u64), size bits (u8), device (u8), padding. */
  untypedList: 184,
  size: 3864,
} as const;

/** Kinds of extra BootInfo; each record starts with its kind and its length in bytes, header included. */
export const bootInfoHeader = { padding: 0, fdt: 6 } as const;
