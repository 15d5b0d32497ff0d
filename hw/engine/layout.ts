// The map of machine memory: one WebAssembly.Memory that holds contexts, TLB banks, what is known of pages, and guest RAM.
//
//   0x0000_0000  control block: what the engine and its embedder tell each other (one 64 KiB page)
//   0x0001_0000  flags, then slots of predecoded code, of all pages of machine memory; most are never touched
//   0x0031_0000  contexts, 2 KiB each; those that nobody uses are never touched
//   …            spaces: which banks belong to which address space
//   …            TLB banks
//   …            what the interpreter knows of translated regions, 64 bytes each
//   …            how often jumps arrived where
//   …            predecoded code, 32 KiB for each guest page that has been executed
//   …            ROM, one page
//   …            guest RAM, 64 KiB aligned
//
// Everything here is an offset in bytes. Hot code addresses a context by its base offset, so that switching contexts
// changes one number.

export const pageSize = 4096;

/** Fields of the control block. */
export const control = {
  /** u32: set by slow paths: 0, or one of `signals`. */
  signal: 0x00,
  /** i64: the cause (mcause without its interrupt bit), tval, tval2 (shifted as the CSR holds it) and tinst of the trap in `exit`. */
  cause: 0x08,
  tval: 0x10,
  tval2: 0x18,
  tinst: 0x20,
  /** u32: 1 if tval holds a guest virtual address (hstatus.GVA, mstatus.GVA). */
  gva: 0x28,
  /** u32: cycles that were left when control passed to the embedder. */
  left: 0x30,
  /** u32: cycles set aside because the loop must be left after the current instruction. */
  stash: 0x34,
  /** i64: the value of an MMIO access, in either direction. */
  mmioValue: 0x38,
  /** u32: the record of the instruction that trapped. */
  record: 0x40,
  /** u32: bits of the offset in a superpage or NAPOT page that the last walk used in its first or only stage; 0: it used none. */
  large: 0x44,
  /** i64: what the trace hash has made of the registers. */
  digest: 0x48,
  /** i64: the last stamp that was given to a bank. */
  stamps: 0x50,
  /** u32: the hart that runs, and its `space` of M-mode. */
  hart: 0x58,
  machineSpace: 0x5c,
  /** u32: the modes (`targets`) whose traps are delivered without leaving the loop; 0 unless a machine runs the engine. */
  delivered: 0x60,
  /** u32: traps that were delivered so in this slice: instructions that have not retired. */
  traps: 0x64,
  /** u32: non-zero while no interrupt that mie enables is pending; then no change of mode makes one takeable. */
  quiet: 0x68,
  /** f64: cycles at the end of the slice, and instructions retired by then if none traps. */
  sliceEnd: 0x70,
  sliceRetired: 0x78,
  /** f64: cycles in a tick of mtime; i64: what mtime is ahead of the clock's ticks. */
  cyclesPerTick: 0x80,
  timeOffset: 0x88,
  /** f64: counts the uses of spaces. */
  spaceClock: 0x90,
  /** `foundPage` × 64: the pages that the region that runs has found last, by loads with each base register, then by stores. */
  foundPages: 0x100,
  /** u8 × 4096: for each CSR number an index into the `csrEntry` that follow; 0: only TypeScript knows it. */
  csrIndex: 0x1000,
  csrEntries: 0x2000,
  /** Where indirect jumps went: `jumpTargets.ways` addresses (i64) for each of `jumpTargets.sets`, the latest first. */
  jumpTargets: 0x4000,
  size: 0x1_0000,
} as const;

/**
 * A page that a region has found in the TLB, as the TLB holds it: the tag (i64), and what to add to an address in it (u32). In machine
 * memory, not in locals: these would be live all over a region, and V8 would move others out of registers for them.
 */
export const foundPage = { tag: 0, addend: 8, size: 16 } as const;

/** What is known of each page of machine memory, by its number: the host address divided by the page size. */
export const pages = {
  /** u8 × 2^20: `pageFlags`. */
  flags: 0x1_0000,
  /** u16 × 2^20: with `code` the slot of its predecoded code, with `storable` the number of an entry in write TLBs. */
  slots: 0x11_0000,
  end: 0x31_0000,
} as const;
export const pageFlags = {
  /** Has predecoded code: stores must invalidate it. */
  code: 1,
  /** Stores are reported to the embedder (HTIF, watchpoints). */
  watched: 2,
  /** Write TLBs may hold the page, at this entry. Never with `code`, outside of `CodePages`. */
  storable: 4,
  /** At other entries, too. */
  elsewhere: 8,
} as const;

/** Sizes of the tables that tell which code is hot. Different places may share an entry. */
export const arrivals = { entries: 0x2_0000, entrySize: 2 } as const;
export const jumpTargets = { sets: 0x200, ways: 4 } as const;

/** Why a slow path wants the dispatch loop to be left. */
export const signals = {
  none: 0,
  /** An exception: cause, tval, tval2, tinst are set, and the context's `pc` is that of the instruction. */
  trap: 1,
  /** An access had effects (MMIO) that may have changed interrupts: leave once the instruction is complete. */
  leave: 2,
} as const;

/** Modes that traps go to, as a set of bits. */
export const targets = { m: 1, hs: 2, vs: 4 } as const;

/** What machine code knows of a CSR; see `hw/engine/privileged/csr-table.ts`. */
export const csrEntry = {
  /** u8: a kind of access. */
  kind: 0,
  /** u8: index of the entry that holds when V=1. */
  guest: 1,
  /** u16: offset in the context. */
  at: 2,
  /** u32: the counter's bit in mcounteren, hcounteren and scounteren; 0: any mode may read it. */
  counter: 4,
  /** i64: bits that can be read, and written. */
  view: 8,
  writable: 16,
  size: 24,
} as const;

/** The CSRs that a context stores, in the order of their slots. */
export const csrSlots = [
  'mstatus',
  'medeleg',
  'mideleg',
  'mie',
  'mip',
  'mtvec',
  'mcounteren',
  'mcountinhibit',
  'mscratch',
  'mepc',
  'mcause',
  'mtval',
  'mtval2',
  'mtinst',
  'menvcfg',
  'stvec',
  'scounteren',
  'sscratch',
  'sepc',
  'scause',
  'stval',
  'satp',
  'senvcfg',
  'stimecmp',
  'hstatus',
  'hedeleg',
  'hideleg',
  'hcounteren',
  'hvip',
  'hgeie',
  'htval',
  'htinst',
  'hgatp',
  'henvcfg',
  'htimedelta',
  'vstimecmp',
  'vsstatus',
  'vstvec',
  'vsscratch',
  'vsepc',
  'vscause',
  'vstval',
  'vsatp',
  'pmpcfg0',
  'pmpcfg2',
  'pmpaddr0',
  'pmpaddr1',
  'pmpaddr2',
  'pmpaddr3',
  'pmpaddr4',
  'pmpaddr5',
  'pmpaddr6',
  'pmpaddr7',
  'pmpaddr8',
  'pmpaddr9',
  'pmpaddr10',
  'pmpaddr11',
  'pmpaddr12',
  'pmpaddr13',
  'pmpaddr14',
  'pmpaddr15',
  'cycleOffset',
  'instretOffset',
] as const;
export type CsrSlot = (typeof csrSlots)[number];

/** Fields of a context. */
export const context = {
  /** i64 × 32; x0 is always zero. */
  x: 0x000,
  /** i64: writes to x0 land here. */
  sink: 0x100,
  pc: 0x108,
  /** u32: accrued floating-point exceptions, and the dynamic rounding mode. */
  fflags: 0x110,
  frm: 0x114,
  /** u32: privilege (0 U, 1 S, 3 M) and virtualisation (0 or 1). */
  privilege: 0x118,
  virtual: 0x11c,
  /** i64: host address of the LR reservation, or −1. */
  reservation: 0x120,
  /** u32: non-zero when floating point is off (FS of mstatus, or of vsstatus when V=1, is 0). */
  fpOff: 0x130,
  /** u32: set by every write of an f register or fcsr; folded into FS when it is read. */
  fpDirty: 0x134,
  /** u32: base of the TLB banks for data and for fetches. */
  dataBank: 0x138,
  fetchBank: 0x13c,
  /** u32: the regimes of data accesses and of fetches, see `regimes`. */
  dataRegime: 0x140,
  fetchRegime: 0x144,
  /** u32: non-zero while the hart waits for an interrupt. */
  waiting: 0x148,
  /** u32: the spaces that satp, and vsatp with hgatp, named when they were last looked up; 0: none. They may have changed since. */
  supervisorSpace: 0x14c,
  virtualSpace: 0x150,
  /** i64 × 32: raw register contents, NaN-boxed. */
  f: 0x200,
  /** i64 × csrSlots.length. */
  csr: 0x300,
  size: 0x800,
} as const;

/** Offset of each stored CSR in a context. */
export const csrAt = Object.fromEntries(csrSlots.map((slot, index) => [slot, context.csr + 8 * index])) as Record<
  CsrSlot,
  number
>;
export const csrOffset = (slot: CsrSlot): number => csrAt[slot];

/**
 * A translation regime: bits 0–1 privilege (0 U, 1 S, 3 M), bit 2 virtual, bit 3 SUM, bit 4 MXR of the stage that the
 * regime translates first, bit 5 MXR of HS (both stages, when virtual). Two accesses in the same regime with the
 * same satp, vsatp and hgatp translate alike.
 */
export const regimes = { privilege: 3, virtual: 4, sum: 8, mxr: 16, hsMxr: 32, count: 64 } as const;

/** An address space: what names it, and its TLB banks. */
export const space = {
  /** u32: one of `spaceKinds`. */
  kind: 0,
  /** u32, in the first of a cache, which is M-mode's: the end of those that have been in use. */
  end: 0x04,
  /** i64: satp or vsatp, and hgatp. */
  atp: 0x08,
  hgatp: 0x10,
  /** f64: `control.spaceClock` when it was last used. */
  used: 0x18,
  /** i64: the regimes for which it has banks, as a set of bits. */
  regimes: 0x20,
  /** u32 × regimes.count: bases of its banks; 0: none yet. */
  banks: 0x28,
  size: 0x28 + 64 * 4,
} as const;
export const spaceKinds = { free: 0, machine: 1, supervisor: 2, virtual: 3 } as const;

/**
 * A TLB bank: three direct-mapped tables (read, write, fetch) of 16-byte entries:
 * i64 tag (virtual page address, or `tlb.empty`), u32 addend (host address minus virtual address, mod 2^32; for
 * fetches the base of the page's predecoded code), u32 host address of the page.
 */
export const tlb = {
  entries: 1024,
  entrySize: 16,
  read: 0,
  write: 1024 * 16,
  fetch: 2 * 1024 * 16,
  /**
   * u32 in the bank's header: non-zero when superpages or NAPOT pages are cached; a fence for an address between the i64 `largeFirst`
   * and `largeLast`, which enclose them, must drop all.
   */
  large: 3 * 1024 * 16,
  /** u32: non-zero when anything is cached. */
  dirty: 3 * 1024 * 16 + 4,
  /**
   * i64: changes whenever a translation for fetches goes; 0: it has changed, and the next stamp is not chosen yet. What was found in
   * the fetch table under the same stamp is still there.
   */
  stamp: 3 * 1024 * 16 + 8,
  largeFirst: 3 * 1024 * 16 + 16,
  largeLast: 3 * 1024 * 16 + 24,
  /**
   * u32: non-zero in M-mode's bank while all of RAM may be loaded from and stored to at its physical addresses, since no entry of the PMP is
   * locked: then regions look nothing up.
   */
  open: 3 * 1024 * 16 + 32,
  size: 3 * 1024 * 16 + 64,
  /** Byte that fills an empty bank: bit 11 of such a tag is set, so that no masked address equals it. */
  emptyByte: 0x08,
} as const;

/** A predecoded instruction; there is one for each halfword of a code page, and a page-crossing record at its end. */
export const record = {
  /** u16: one of `record-types.ts`, or of `special`. */
  op: 0,
  /** u16: offsets of the operands in the context; rd of x0 is the sink. */
  rd: 2,
  rs1: 4,
  rs2: 6,
  /** i32: sign-extended immediate, shift amount, CSR number or zimm. */
  imm: 8,
  rs3: 12,
  /** u8: distance to the next record in bytes (16 or 32). */
  advance: 14,
  /** u8: rounding mode. */
  rm: 15,
  /** u16, of branches, which use neither rd nor rs3: how often they jumped, and how often not. */
  taken: 12,
  passed: 2,
  size: 16,
} as const;

/** What the interpreter must know of a translated region in order to enter it. */
export const regionEntry = {
  /** u16: what was in the head's record. */
  op: 0,
  /** u16: how often it could not be entered because other code is, or nothing is, where it expects its pages. */
  failures: 2,
  /** u32: cycles that must be left: instructions on its longest way to the first test of the budget. */
  needed: 4,
  /** i64: the stamp of the bank, and the virtual page of the head, that its pages were last found with. */
  stamp: 8,
  page: 16,
  /** u16: how many pages it extends to besides the head's; for each of them i32 its distance in pages, u32 its host address. */
  pageCount: 24,
  /** u16: non-zero if it looks nothing up: the bank for data must be `open`. */
  open: 26,
  pages: 28,
  maxPages: 4,
  /** u32: entries until the translator is told that it is hot. */
  entriesLeft: 60,
  size: 64,
} as const;

/** Record types that are not instructions of the table. */
export const special = {
  /** Not decoded yet. */
  undecoded: 0,
  /** The end of the page. */
  pageCrossing: 1,
  /** A 32-bit instruction whose second half lies in the next page. */
  straddling: 2,
  /** No such instruction. */
  illegal: 3,
  firstInstruction: 4,
  /** From here on: the head of a translated region, numbered by the rest. */
  firstRegion: 0x400,
} as const;

/**
 * Predecoded code of a page: a record for each halfword, a page-crossing record, then, for an instruction that straddles
 * into the next page, its record, the two words that it was decoded from, and a page-crossing record.
 */
export const codeSlot = {
  pageEnd: (pageSize / 2) * record.size,
  straddle: (pageSize / 2 + 1) * record.size,
  straddleWord: (pageSize / 2 + 2) * record.size,
  straddleEnd: (pageSize / 2 + 3) * record.size,
  size: (pageSize / 2 + 4) * record.size,
} as const;

export interface Layout {
  contexts: number;
  maxContexts: number;
  spaces: number;
  maxSpaces: number;
  banks: number;
  maxBanks: number;
  code: number;
  codeSlots: number;
  /** u16: how often jumps arrived at a record, by a hash of its address. */
  arrivals: number;
  regions: number;
  maxRegions: number;
  rom: number;
  ram: number;
  ramSize: number;
  /** Pages of 64 KiB. */
  wasmPages: number;
}

/** Most harts of a machine. */
const maxHarts = 8;

const alignUp = (value: number, to: number): number => Math.ceil(value / to) * to;

/** The record of a region's head is a u16, and so is a page's slot. */
export const maxRegionNumbers = 0x1_0000 - special.firstRegion;
export const maxSlotNumbers = 0x1_0000;

/** How much a machine may hold. Fewer banks, code slots or regions change nothing that it does, only how fast. */
export interface MemoryLimits {
  contexts?: number;
  /** TLB banks, one for each address space and regime. */
  banks?: number;
  /** Pages that have predecoded code, at most `maxSlotNumbers`. */
  codeSlots?: number;
  /** Translated regions, at most `maxRegionNumbers`. */
  regions?: number;
}

/** Lays out machine memory for `ramSize` bytes of guest RAM; throws a RangeError when 4 GiB do not hold it, or a limit has too many. */
export function layoutFor(ramSize: number, limits: MemoryLimits = {}): Layout {
  const {
    contexts: maxContexts = 16_384,
    banks: maxBanks = 256,
    codeSlots = 4096,
    regions: maxRegions = 8192,
  } = limits;
  if (maxRegions > maxRegionNumbers) throw new RangeError(`${maxRegions} regions are more than ${maxRegionNumbers}`);
  if (codeSlots > maxSlotNumbers) throw new RangeError(`${codeSlots} code slots are more than ${maxSlotNumbers}`);
  const contexts = pages.end;
  const spaces = contexts + maxContexts * context.size;
  // Every space but M-mode's and the newest holds a bank; each hart may have its own set of them.
  const maxSpaces = maxBanks + 2 * maxHarts;
  const banks = alignUp(spaces + maxSpaces * space.size, 64);
  const regions = alignUp(banks + maxBanks * tlb.size, pageSize);
  const arrivalCounts = alignUp(regions + maxRegions * regionEntry.size, pageSize);
  const code = alignUp(arrivalCounts + arrivals.entries * arrivals.entrySize, pageSize);
  const rom = alignUp(code + codeSlots * codeSlot.size, pageSize);
  const ram = alignUp(rom + pageSize, 0x1_0000);
  const end = ram + ramSize;
  if (end > 0xffff_0000) throw new RangeError(`${ramSize} bytes of RAM do not fit into the 4 GiB of machine memory`);
  return {
    contexts,
    maxContexts,
    spaces,
    maxSpaces,
    banks,
    maxBanks,
    regions,
    maxRegions,
    arrivals: arrivalCounts,
    code,
    codeSlots,
    rom,
    ram,
    ramSize,
    wasmPages: Math.ceil(end / 0x1_0000),
  };
}
