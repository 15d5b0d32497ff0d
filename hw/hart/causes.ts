// Exception and interrupt codes (privileged specification, table of mcause values with the hypervisor extension).

export const exceptions = {
  instructionMisaligned: 0,
  instructionAccessFault: 1,
  illegalInstruction: 2,
  breakpoint: 3,
  loadMisaligned: 4,
  loadAccessFault: 5,
  storeMisaligned: 6,
  storeAccessFault: 7,
  userEcall: 8,
  supervisorEcall: 9,
  virtualSupervisorEcall: 10,
  machineEcall: 11,
  instructionPageFault: 12,
  loadPageFault: 13,
  storePageFault: 15,
  instructionGuestPageFault: 20,
  loadGuestPageFault: 21,
  virtualInstruction: 22,
  storeGuestPageFault: 23,
} as const;

/** Interrupt codes: bit numbers in mip and mie. */
export const interrupts = {
  ssi: 1,
  vssi: 2,
  msi: 3,
  sti: 5,
  vsti: 6,
  mti: 7,
  sei: 9,
  vsei: 10,
  mei: 11,
  sgei: 12,
} as const;

/** Masks over mip and mie. */
export const interruptBits = {
  ssi: 1 << 1,
  vssi: 1 << 2,
  msi: 1 << 3,
  sti: 1 << 5,
  vsti: 1 << 6,
  mti: 1 << 7,
  sei: 1 << 9,
  vsei: 1 << 10,
  mei: 1 << 11,
  sgei: 1 << 12,
  /** Interrupts of HS-mode that M-mode may delegate. */
  supervisor: (1 << 1) | (1 << 5) | (1 << 9),
  /** Interrupts of VS-mode. */
  virtualSupervisor: (1 << 2) | (1 << 6) | (1 << 10),
  /** Interrupts of the hypervisor: always delegated to HS-mode. */
  hypervisor: (1 << 2) | (1 << 6) | (1 << 10) | (1 << 12),
  machine: (1 << 3) | (1 << 7) | (1 << 11),
} as const;

const nameOf = (table: Readonly<Record<string, number>>, code: number): string =>
  (Object.keys(table).find((name) => table[name] === code) ?? `cause ${code}`).replace(
    /[A-Z]/g,
    (letter) => ` ${letter.toLowerCase()}`,
  );

/** A cause in words: "load page fault", "interrupt sti". */
export function causeName(code: number, interrupt: boolean): string {
  return interrupt ? `interrupt ${nameOf(interrupts, code)}` : nameOf(exceptions, code);
}
