// TLB banks: one for each address space and regime, found again when the address space returns, so that switching
// between address spaces flushes nothing.

import type { Context } from '../hart/context.ts';
import type { FenceScope } from '../hart/hart.ts';
import { control, csrAt, context as fields, regimes, space as spaceFields, spaceKinds, tlb } from './layout.ts';
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

/** The banks of one address space, by regime; 0: none yet. What machine code needs of it is in machine memory, at `at`. */
interface Space extends TranslatedSpace {
  readonly key: string;
  readonly at: number;
  readonly asid: number;
  readonly vmid: number;
  readonly banks: Uint32Array;
}

const kinds = [
  ['read', tlb.read],
  ['write', tlb.write],
  ['execute', tlb.fetch],
] as const;

const asidOf = (atp: bigint): number => Number((atp >> 44n) & 0xffffn);
const vmidOf = (hgatp: bigint): number => Number((hgatp >> 44n) & 0x3fffn);

export class TranslationCache {
  private readonly spaces = new Map<string, Space>();
  private readonly byAddress = new Map<number, Space>();
  private readonly freeSpaces: number[] = [];
  private readonly freeBanks: number[] = [];
  /** Banks from here on have never been in use: the host need not have memory for them yet. */
  private nextBank: number;
  private readonly banksEnd: number;
  private readonly machine: Space;
  /** Counts the banks that changed their owner: whoever remembers a bank must ask again when this has moved. */
  evictions = 0;

  /** Manages `count` banks from `first` on, and the `count + 2` records of spaces from `machineSpace` on. */
  constructor(
    private readonly memory: MachineMemory,
    /** Where M-mode's space is in machine memory; the others follow. */
    readonly machineSpace: number,
    first: number,
    count: number,
    /** Drops what a bank holds for an address. */
    private readonly dropAddress: (bank: number, address: bigint) => void,
  ) {
    for (let index = count + 1; index >= 0; index--) this.freeSpaces.push(machineSpace + index * spaceFields.size);
    this.nextBank = first;
    this.banksEnd = first + count * tlb.size;
    this.machine = this.addSpace('M', false, 0n, 0n);
  }

  private addSpace(key: string, virtual: boolean, atp: bigint, hgatp: bigint): Space {
    const { u32, u64 } = this.memory;
    const at = this.freeSpaces.pop()!;
    const machine = key === 'M';
    u32[(at + spaceFields.kind) >>> 2] = machine
      ? spaceKinds.machine
      : virtual
        ? spaceKinds.virtual
        : spaceKinds.supervisor;
    u64[(at + spaceFields.atp) >>> 3] = atp;
    u64[(at + spaceFields.hgatp) >>> 3] = hgatp;
    const end = (this.machineSpace + spaceFields.end) >>> 2;
    u32[end] = Math.max(u32[end]!, at + spaceFields.size);
    const banks = u32.subarray((at + spaceFields.banks) >>> 2, ((at + spaceFields.banks) >>> 2) + regimes.count);
    const space = { key, at, machine, virtual, atp, hgatp, asid: asidOf(atp), vmid: vmidOf(hgatp), banks };
    this.spaces.set(key, space);
    this.byAddress.set(at, space);
    return space;
  }

  private removeSpace({ key, at }: Space): void {
    this.memory.u32[(at + spaceFields.kind) >>> 2] = spaceKinds.free;
    this.spaces.delete(key);
    this.byAddress.delete(at);
    this.freeSpaces.push(at);
  }

  private empty(bank: number): void {
    const { u32 } = this.memory;
    if (u32[(bank + tlb.dirty) >>> 2] === 0) return;
    this.memory.fill(bank, tlb.emptyByte, tlb.large);
    u32[(bank + tlb.large) >>> 2] = 0;
    u32[(bank + tlb.dirty) >>> 2] = 0;
    u32[(bank + tlb.open) >>> 2] = 0;
    u32.fill(0, (bank + tlb.stamp) >>> 2, ((bank + tlb.stamp) >>> 2) + 2);
  }

  /** Base of the bank for what `context` accesses in `regime`. */
  bank(context: Context, regime: number): number {
    const space = this.spaceOf(context, regime);
    const { f64 } = this.memory;
    f64[(space.at + spaceFields.used) >>> 3] = ++f64[control.spaceClock >>> 3]!;
    return space.banks[regime] || this.addBank(space, regime);
  }

  private spaceOf(context: Context, regime: number): Space {
    if ((regime & regimes.privilege) === 3) return this.machine;
    const virtual = (regime & regimes.virtual) !== 0;
    const remembered = virtual ? fields.virtualSpace : fields.supervisorSpace;
    const last = this.byAddress.get(context.low(remembered));
    if (last?.virtual === virtual && this.isNamed(last, context)) return last;
    const atp = context.csr(virtual ? 'vsatp' : 'satp');
    const hgatp = virtual ? context.csr('hgatp') : 0n;
    const key = virtual ? `${atp}/${hgatp}` : `${atp}`;
    const space = this.spaces.get(key) ?? this.addSpace(key, virtual, atp, hgatp);
    context.setLow(remembered, space.at);
    return space;
  }

  /** Whether the context's CSRs still name this space. */
  private isNamed({ at, virtual }: Space, { base }: Context): boolean {
    if (!virtual) return this.equal(base + csrAt.satp, at + spaceFields.atp);
    return (
      this.equal(base + csrAt.vsatp, at + spaceFields.atp) && this.equal(base + csrAt.hgatp, at + spaceFields.hgatp)
    );
  }

  /** Whether the 64-bit words at two offsets are equal. */
  private equal(a: number, b: number): boolean {
    const { u32 } = this.memory;
    return u32[a >>> 2] === u32[b >>> 2] && u32[(a + 4) >>> 2] === u32[(b + 4) >>> 2];
  }

  private addBank(space: Space, regime: number): number {
    const bank = this.takeBank(space);
    space.banks[regime] = bank;
    this.memory.u32[((space.at + spaceFields.regimes) >>> 2) + (regime >>> 5)]! |= 1 << (regime & 31);
    return bank;
  }

  private takeBank(space: Space): number {
    if (this.freeBanks.length === 0 && this.nextBank < this.banksEnd) {
      const bank = this.nextBank;
      this.nextBank += tlb.size;
      this.memory.u32[(bank + tlb.dirty) >>> 2] = 1;
      this.empty(bank);
      return bank;
    }
    if (this.freeBanks.length === 0) this.evict(space);
    return this.freeBanks.pop()!;
  }

  /** Frees the banks of the space that has been away longest; its own, if `keep` is the only one. */
  private evict(keep: Space): void {
    const usedAt = ({ at }: Space): number => this.memory.f64[(at + spaceFields.used) >>> 3]!;
    let oldest = keep;
    for (const space of this.spaces.values()) {
      if (
        space !== keep &&
        space.banks.some((bank) => bank !== 0) &&
        (oldest === keep || usedAt(space) < usedAt(oldest))
      )
        oldest = space;
    }
    this.release(oldest);
    this.evictions++;
    if (oldest === keep || oldest === this.machine) return;
    this.removeSpace(oldest);
  }

  private release(space: Space): void {
    for (const bank of space.banks) {
      if (bank === 0) continue;
      this.empty(bank);
      this.freeBanks.push(bank);
    }
    space.banks.fill(0);
    this.memory.u32.fill(0, (space.at + spaceFields.regimes) >>> 2, (space.at + spaceFields.banks) >>> 2);
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
    for (const bank of space.banks) if (bank !== 0) this.dropAddress(bank, address);
  }
}
