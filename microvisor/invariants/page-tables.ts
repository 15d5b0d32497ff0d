// Page tables: whatever an address space maps, some capability says that it may, with no more rights than the capability has.

import { pageSize } from '../../hw/engine/layout.ts';
import { asidsPerPool, sizeBits } from '../abi/limits.ts';
import type { Kernel } from '../kernel.ts';
import { type AsidRoot, type FrameCap, type PageTableCap, type Slot, vmRights } from '../objects.ts';
import type { Inventory } from './inventory.ts';
import { hex, nameOfSlot } from './names.ts';
import { violated } from './violation.ts';

const rule = 'page table';

/** Bits of an entry (privileged specification: Sv39); what the kernel sets in every leaf. */
export const pte = { valid: 1, read: 2, write: 4, execute: 8, user: 16, accessed: 64, dirty: 128 } as const;
const permissions = pte.read | pte.write | pte.execute;
const always = pte.valid | pte.user | pte.accessed | pte.dirty;
const flagBits = 0x3ff;

/** What is mapped where in one address space. */
export interface Leaf {
  readonly address: number;
  readonly frame: number;
  readonly bits: number;
  readonly flags: number;
}

export function checkPageTables(kernel: Kernel, { frames, tables }: Inventory): void {
  new PageTables(kernel, frames, tables).check();
}

export const entriesOf = (root: AsidRoot): number => (root.guestLevels === 0 ? 512 : 2048);
export const levelsOf = (root: AsidRoot): number => (root.guestLevels === 0 ? 3 : root.guestLevels);

/** Calls `visit` for every entry that is not zero. Machine memory is read in halves: BigInts would take most of a sweep. */
export function eachEntry(
  kernel: Kernel,
  table: number,
  entries: number,
  visit: (index: number, physical: number, flags: number) => void,
): void {
  const { memory } = kernel.machine;
  const at = memory.hostAddress(table, entries * 8) >>> 2;
  for (let index = 0; index < entries; index++) {
    const low = memory.u32[at + 2 * index]!;
    const high = memory.u32[at + 2 * index + 1]!;
    if (low !== 0 || high !== 0) visit(index, (high * 2 ** 22 + (low >>> 10)) * pageSize, low & flagBits);
  }
}

class PageTables {
  /** Mapped frames, and page tables, by physical address. */
  private readonly frames = new Map<number, FrameCap[]>();
  private readonly tables = new Map<number, PageTableCap>();
  /** Tables that another table points to, or an ASID. */
  private readonly used = new Set<number>();

  constructor(
    private readonly kernel: Kernel,
    frames: readonly Slot[],
    private readonly tableSlots: readonly Slot[],
  ) {
    for (const { cap } of frames) {
      const { address, asid } = cap as FrameCap;
      if (asid === 0) continue;
      const mapped = this.frames.get(address);
      if (mapped === undefined) this.frames.set(address, [cap as FrameCap]);
      else mapped.push(cap as FrameCap);
    }
    for (const { cap } of tableSlots) this.tables.set((cap as PageTableCap).address, cap as PageTableCap);
  }

  check(): void {
    this.kernel.asidTable.forEach((pool, poolIndex) => {
      pool?.roots.forEach((root, index) => {
        if (root !== null) this.checkRoot(poolIndex * asidsPerPool + index, root);
      });
    });
    for (const slot of this.tableSlots) this.checkUnmapped(slot);
  }

  private checkRoot(asid: number, root: AsidRoot): void {
    const cap = this.tables.get(root.address);
    if (cap === undefined || cap.asid !== asid || !cap.mapped || cap.guestLevels !== root.guestLevels) {
      violated('ASID', `no capability says that ASID ${asid} is the table at ${hex(root.address)}`);
    }
    this.use(root.address, `ASID ${asid}`);
    this.walk(asid, root.address, levelsOf(root) - 1, entriesOf(root), 0);
  }

  private use(table: number, by: string): void {
    if (this.used.has(table)) violated(rule, `the one at ${hex(table)} is used by ${by}, and somewhere else`);
    this.used.add(table);
  }

  private walk(asid: number, table: number, level: number, entries: number, base: number): void {
    const bits = sizeBits.page + 9 * level;
    eachEntry(this.kernel, table, entries, (index, physical, flags) => {
      const address = base + index * 2 ** bits;
      if ((flags & permissions) !== 0) {
        this.checkLeaf(asid, { address, frame: physical, bits, flags });
        return;
      }
      const where = `${hex(address)} of ASID ${asid}`;
      const cap = this.tables.get(physical);
      if (flags !== pte.valid || level === 0) violated(rule, `the entry for ${where} has flags ${hex(flags)}`);
      if (
        cap === undefined ||
        !cap.mapped ||
        cap.asid !== asid ||
        cap.mappedAddress !== address ||
        cap.guestLevels !== 0
      ) {
        violated(rule, `no capability says that the one at ${hex(physical)} is mapped at ${where}`);
      }
      this.use(physical, where);
      this.walk(asid, physical, level - 1, 512, address);
    });
  }

  private checkLeaf(asid: number, { address, frame, bits, flags }: Leaf): void {
    const where = `${hex(address)} of ASID ${asid}`;
    if ((flags & ~permissions) !== always) violated(rule, `the entry for ${where} has flags ${hex(flags)}`);
    const granted = this.frames
      .get(frame)
      ?.some(
        (cap) =>
          cap.asid === asid &&
          cap.mappedAddress === address &&
          cap.sizeBits === bits &&
          ((flags & pte.write) === 0 || cap.rights === vmRights.readWrite) &&
          ((flags & pte.read) === 0 || cap.rights !== vmRights.kernelOnly),
      );
    if (!granted) violated(rule, `no capability allows that ${where} maps ${hex(frame)} with flags ${hex(flags)}`);
  }

  /** A table that is nowhere in use maps nothing: else whoever maps it gets what is not theirs. */
  private checkUnmapped(slot: Slot): void {
    const cap = slot.cap as PageTableCap;
    if (cap.mapped) return;
    eachEntry(this.kernel, cap.address, entriesOf(cap), (index) => {
      violated(rule, `${nameOfSlot(slot)} is not mapped, and entry ${index} is not empty`);
    });
    if (this.used.has(cap.address)) violated(rule, `${nameOfSlot(slot)} is not mapped, and in use`);
  }
}
