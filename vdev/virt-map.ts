// The physical memory map and interrupt numbers of QEMU's `virt` machine: the one table of them.

/** A register window. `irq` is its source number at the PLIC. */
export interface Window {
  readonly base: number;
  readonly size: number;
  readonly irq?: number;
}

export const virtMap = {
  bootRom: { base: 0x1000, size: 0xf000 },
  finisher: { base: 0x10_0000, size: 0x1000 },
  rtc: { base: 0x10_1000, size: 0x1000, irq: 11 },
  clint: { base: 0x200_0000, size: 0x1_0000 },
  plic: { base: 0xc00_0000, size: 0x60_0000 },
  uart: { base: 0x1000_0000, size: 0x100, irq: 10 },
  /** Slot 0 of the virtio transports; the others follow, with the next interrupt each. */
  virtio: { base: 0x1000_1000, size: 0x1000, irq: 1 },
  ram: { base: 0x8000_0000 },
} as const;

export const virtioSlots = 8;
/** Interrupt sources 1 to 95. */
export const plicSources = 95;
export const timebaseHz = 10_000_000;
/** What the 16550's baud rate is divided from. */
export const uartClockHz = 3_686_400;

/** The window of virtio slot 0 to 7. */
export function virtioSlot(slot: number): Required<Window> {
  const { base, size, irq } = virtMap.virtio;
  return { base: base + slot * size, size, irq: irq + slot };
}
