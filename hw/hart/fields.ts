// Bit fields of the CSRs. Masks are of the low half unless the name says otherwise.

/** Privilege modes as mstatus.MPP encodes them. */
export const privileges = { u: 0, s: 1, m: 3 } as const;

/** mstatus, sstatus and vsstatus. */
export const status = {
  sie: 1 << 1,
  mie: 1 << 3,
  spie: 1 << 5,
  mpie: 1 << 7,
  spp: 1 << 8,
  mppShift: 11,
  mpp: 3 << 11,
  fsShift: 13,
  fs: 3 << 13,
  mprv: 1 << 17,
  sum: 1 << 18,
  mxr: 1 << 19,
  tvm: 1 << 20,
  tw: 1 << 21,
  tsr: 1 << 22,
  /** High half. */
  gvaHigh: 1 << 6,
  mpvHigh: 1 << 7,
  /** Computed whenever it is read: FS is Dirty. */
  sd: 1n << 63n,
  /** XLEN of U-mode and of S-mode: 64. */
  uxl64: 2n << 32n,
  sxl64: 2n << 34n,
} as const;

/** Values of FS. */
export const fpStates = { off: 0, initial: 1, clean: 2, dirty: 3 } as const;

export const hstatus = {
  gva: 1 << 6,
  spv: 1 << 7,
  spvp: 1 << 8,
  hu: 1 << 9,
  vgeinShift: 12,
  vgein: 0x3f << 12,
  vtvm: 1 << 20,
  vtw: 1 << 21,
  vtsr: 1 << 22,
  vsxl64: 2n << 32n,
} as const;

/** menvcfg and henvcfg; senvcfg has FIOM only. */
export const envcfg = {
  fiom: 1n,
  adue: 1n << 61n,
  stce: 1n << 63n,
  stceHigh: 0x8000_0000,
  adueHigh: 0x2000_0000,
} as const;

/** mcounteren, hcounteren, scounteren and mcountinhibit. */
export const counters = { cy: 1, tm: 2, ir: 4 } as const;

/** Modes of satp, vsatp and hgatp. */
export const translationModes = { bare: 0, sv39: 8, sv48: 9, sv57: 10 } as const;

/** Number of guest external interrupts. */
export const guestExternalInterrupts = 63;
