// TLB banks: one for each address space and regime, found again when the address space returns, so that switching
// between address spaces flushes nothing.

import type { Context } from '../hart/context.ts';
import type { FenceScope } from '../hart/hart.ts';
import { csrOffset, regimes, tlb } from './layout.ts';
import type { MachineMemory } from './memory.ts';

/** What a translation is for. */
export type Translated = 'read' | 'write' | 'execute';

/** An address space, as the CSRs that name it say: satp, or vsatp and hgatp. */
export interface TranslatedSpace {
  readonly machine: boolean;
  readonly virtual: boolean;
  readonly atp: bigint;
  readonly hgatp: bigint;
}

/** The banks of one address space, by regime; 0: none yet. */
interface Space extends TranslatedSpace {
  readonly key: string;
  readonly asid: number;
  readonly vmid: number;
  readonly banks: Int32Array;
  used: number;
}

const tables = [tlb.read, tlb.write, tlb.fetch] as const;
const kinds = [
  ['read', tlb.read],
  ['write', tlb.write],
  ['execute', tlb.fetch],
] as const;

const asidOf = (atp: bigint): number => Number((atp >> 44n) & 0xffffn);
const vmidOf = (hgatp: bigint): number => Number((hgatp >> 44n) & 0x3fffn);

/** The spaces that a context used last, and the halves of the CSRs that named them. */
class Recent {
  supervisor: Space | undefined;
  virtual: Space | undefined;
  readonly satp = new Uint32Array(2);
  readonly vsatp = new Uint32Array(2);
  readonly hgatp = new Uint32Array(2);
}

export class TranslationCache {
  private readonly spaces = new Map<string, Space>();
  private readonly recent = new Map<number, Recent>();
  private readonly freeBanks: number[] = [];
  private readonly machine: Space;
  private clock = 0;
  /** Counts the banks that changed their owner: whoever remembers a bank must ask again when this has moved. */
  evictions = 0;

  /** Manages `count` banks from `first` on. */
  constructor(
    private readonly memory: MachineMemory,
    first: number,
    count: number,
  ) {
    for (let index = count - 1; index >= 0; index--) {
      const bank = first + index * tlb.size;
      this.freeBanks.push(bank);
      memory.u32[(bank + tlb.dirty) >>> 2] = 1;
      this.empty(bank);
    }
    this.machine = this.addSpace('M', false, 0n, 0n);
  }

  private addSpace(key: string, virtual: boolean, atp: bigint, hgatp: bigint): Space {
    const banks = new Int32Array(regimes.count);
    const machine = key === 'M';
    const space = { key, machine, virtual, atp, hgatp, asid: asidOf(atp), vmid: vmidOf(hgatp), banks, used: 0 };
    this.spaces.set(key, space);
    return space;
  }

  private empty(bank: number): void {
    const { u32 } = this.memory;
    if (u32[(bank + tlb.dirty) >>> 2] === 0) return;
    this.memory.fill(bank, tlb.emptyByte, tlb.large);
    u32[(bank + tlb.large) >>> 2] = 0;
    u32[(bank + tlb.dirty) >>> 2] = 0;
    this.restamp(bank);
  }

  /** Translations for fetches have gone from a bank. */
  private restamp(bank: number): void {
    const { u32 } = this.memory;
    u32[(bank + tlb.stamp) >>> 2] = 0;
    u32[(bank + tlb.stamp + 4) >>> 2] = 0;
  }

  /** Base of the bank for what `context` accesses in `regime`. */
  bank(context: Context, regime: number): number {
    const space = this.spaceOf(context, regime);
    space.used = ++this.clock;
    return space.banks[regime] || this.addBank(space, regime);
  }

  private spaceOf(context: Context, regime: number): Space {
    if ((regime & regimes.privilege) === 3) return this.machine;
    let recent = this.recent.get(context.base);
    if (!recent) {
      recent = new Recent();
      this.recent.set(context.base, recent);
    }
    if ((regime & regimes.virtual) === 0) {
      if (!recent.supervisor || this.differs(context, 'satp', recent.satp)) {
        const satp = context.csr('satp');
        const key = `${satp}`;
        recent.supervisor = this.spaces.get(key) ?? this.addSpace(key, false, satp, 0n);
      }
      return recent.supervisor;
    }
    const changed = this.differs(context, 'vsatp', recent.vsatp);
    if (this.differs(context, 'hgatp', recent.hgatp) || changed || !recent.virtual) {
      const vsatp = context.csr('vsatp');
      const hgatp = context.csr('hgatp');
      const key = `${vsatp}/${hgatp}`;
      recent.virtual = this.spaces.get(key) ?? this.addSpace(key, true, vsatp, hgatp);
    }
    return recent.virtual;
  }

  /** Whether a CSR differs from what was remembered; remembers it. */
  private differs(context: Context, slot: 'satp' | 'vsatp' | 'hgatp', halves: Uint32Array): boolean {
    const at = (context.base + csrOffset(slot)) >>> 2;
    const low = this.memory.u32[at]!;
    const high = this.memory.u32[at + 1]!;
    if (halves[0] === low && halves[1] === high) return false;
    halves[0] = low;
    halves[1] = high;
    return true;
  }

  private addBank(space: Space, regime: number): number {
    if (this.freeBanks.length === 0) this.evict(space);
    const bank = this.freeBanks.pop()!;
    space.banks[regime] = bank;
    return bank;
  }

  /** Frees the banks of the space that has been away longest; its own, if `keep` is the only one. */
  private evict(keep: Space): void {
    let oldest = keep;
    for (const space of this.spaces.values()) {
      if (space !== keep && space.banks.some((bank) => bank !== 0) && (oldest === keep || space.used < oldest.used))
        oldest = space;
    }
    this.release(oldest);
    this.evictions++;
    if (oldest === keep || oldest === this.machine) return;
    this.spaces.delete(oldest.key);
    this.recent.clear();
  }

  private release(space: Space): void {
    for (const bank of space.banks) {
      if (bank === 0) continue;
      this.empty(bank);
      this.freeBanks.push(bank);
    }
    space.banks.fill(0);
  }

  /** Bases of the banks that hold translations. */
  *banksInUse(): Iterable<number> {
    for (const space of this.spaces.values()) for (const bank of space.banks) if (bank !== 0) yield bank;
  }

  /**
   * Calls `visit` for every translation that is cached: the virtual page, and where the page begins in machine memory.
   * For whoever checks them against the tables.
   */
  eachTranslation(
    visit: (space: TranslatedSpace, regime: number, kind: Translated, page: number, host: number) => void,
  ): void {
    const { u32 } = this.memory;
    for (const space of this.spaces.values()) {
      space.banks.forEach((bank, regime) => {
        if (bank === 0 || u32[(bank + tlb.dirty) >>> 2] === 0) return;
        for (const [kind, table] of kinds) {
          for (let at = (bank + table) >>> 2, left = tlb.entries; left > 0; left--, at += tlb.entrySize >>> 2) {
            const low = u32[at]!;
            // A tag with bit 11 set matches no address.
            if ((low & 0x800) !== 0) continue;
            const host = kind === 'execute' ? u32[at + 3]! : (u32[at + 2]! + low) >>> 0;
            visit(space, regime, kind, u32[at + 1]! * 2 ** 32 + low, host);
          }
        }
      });
    }
  }

  /** Drops every translation; banks stay with their spaces. */
  flushAll(): void {
    for (const space of this.spaces.values()) this.flush(space);
  }

  private flush(space: Space): void {
    for (const bank of space.banks) if (bank !== 0) this.empty(bank);
  }

  fence(scope: FenceScope): void {
    for (const space of this.spaces.values()) {
      if (space.machine || space.virtual !== scope.virtual) continue;
      if (scope.asid !== undefined && space.asid !== scope.asid) continue;
      if (scope.vmid !== undefined && space.vmid !== scope.vmid) continue;
      if (scope.address === undefined || scope.stage === 'guest') this.flush(space);
      else this.flushAddress(space, scope.address);
    }
  }

  private flushAddress(space: Space, address: bigint): void {
    const { memory } = this;
    const offset = (Number((address >> 12n) & BigInt(tlb.entries - 1)) * tlb.entrySize) | 0;
    for (const bank of space.banks) {
      if (bank === 0) continue;
      if (memory.u32[(bank + tlb.dirty) >>> 2] === 0) continue;
      if (memory.u32[(bank + tlb.large) >>> 2] !== 0) {
        this.empty(bank);
        continue;
      }
      for (const table of tables) {
        // A tag with bit 11 set matches no address.
        memory.u32[(bank + table + offset) >>> 2]! |= 0x800;
      }
      this.restamp(bank);
    }
  }
}
