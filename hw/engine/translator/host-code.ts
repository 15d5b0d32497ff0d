// Guest code as it lies in the pages that one address space has fetched from.

import { decode } from '../../isa/decode.ts';
import { instructionKinds } from '../../isa/instruction-kind.ts';
import type { CodePages } from '../code-pages.ts';
import { codeSlot, pageSize, record, regionEntry, special, tlb } from '../layout.ts';
import type { MachineMemory } from '../memory.ts';
import type { Profile } from '../profile.ts';
import type { CodeView, Region } from './region.ts';

/** Where a region is looked at: the page of its head, which is at `base` in the address space of a bank for fetches. */
export interface Place {
  readonly host: number;
  readonly base: bigint;
  readonly fetchBank: number;
  readonly dataBank: number;
  /** The record at which it was counted how often control comes there. */
  readonly counted: number;
}

/** A page of a region's code, and where its records are; how far it is from the head's, in pages. */
interface RegionPage {
  readonly host: number;
  readonly distance: number;
  readonly records: number;
}

export class HostCode implements CodeView {
  readonly pages: RegionPage[] = [];
  /** The page that was looked at last. */
  private last: RegionPage;

  constructor(
    private readonly memory: MachineMemory,
    private readonly code: CodePages,
    private readonly profile: Profile,
    private readonly place: Place,
    /** Records of the heads of regions. */
    private readonly heads: ReadonlyMap<number, unknown>,
  ) {
    this.last = this.take(place.host, 0);
  }

  private take(host: number, distance: number): RegionPage {
    const page = { host, distance, records: this.code.recordOf(host, 0) ?? 0 };
    this.pages.push(page);
    return page;
  }

  /** A page of the region; it is taken into the region if there is room. */
  private page(distance: number): RegionPage | undefined {
    if (this.last.distance === distance) return this.last;
    for (const page of this.pages) {
      if (page.distance !== distance) continue;
      this.last = page;
      return page;
    }
    const host = this.lookUp(distance);
    if (host === undefined || this.pages.length > regionEntry.maxPages) return undefined;
    this.last = this.take(host, distance);
    return this.last;
  }

  private lookUp(distance: number): number | undefined {
    const { u32 } = this.memory;
    const page = BigInt.asUintN(64, this.place.base + BigInt(distance) * BigInt(pageSize));
    const index = Number((page >> 12n) & BigInt(tlb.entries - 1));
    const entry = (this.place.fetchBank + tlb.fetch + index * tlb.entrySize) >>> 2;
    const found = BigInt(u32[entry]!) | (BigInt(u32[entry + 1]!) << 32n);
    return found === page ? u32[entry + 3]! : undefined;
  }

  word(offset: number): number | undefined {
    const { u8, u16 } = this.memory;
    const page = this.page(Math.floor(offset / pageSize));
    if (page === undefined || page.records === 0) return undefined;
    const inPage = offset - page.distance * pageSize;
    if (u16[(page.records + (inPage / 2) * record.size) >>> 1] === special.undecoded) return undefined;
    const low = u16[(page.host + inPage) >>> 1]!;
    if ((low & 3) !== 3) return low;
    const next = inPage + 2 < pageSize ? page.host + inPage + 2 : this.page(page.distance + 1)?.host;
    return next === undefined ? undefined : (low | (u8[next]! << 16) | (u8[next + 1]! << 24)) >>> 0;
  }

  private recordOf(offset: number): number {
    const page = this.page(Math.floor(offset / pageSize))!;
    return page.records + ((offset - page.distance * pageSize) / 2) * record.size;
  }

  /** The record at which the interpreter counts what an instruction does: one that straddles two pages has another there. */
  private countedAt(offset: number): number {
    const at = this.recordOf(offset);
    return this.memory.u16[at >>> 1] === special.straddling
      ? at - codeSlot.pageEnd + record.size + codeSlot.straddle
      : at;
  }

  isHead(offset: number): boolean {
    return this.heads.has(this.recordOf(offset));
  }

  likelihood(offset: number): number {
    return this.profile.likelihood(this.countedAt(offset));
  }

  targetsOf(offset: number): readonly number[] {
    const targets: number[] = [];
    for (const address of this.profile.targetsOf(this.countedAt(offset))) {
      const target = BigInt.asIntN(64, address - this.place.base);
      if (target > -(2n ** 31n) && target < 2n ** 31n) targets.push(Number(target));
    }
    return targets.filter((target, index) => targets.indexOf(target) === index && this.word(target) !== undefined);
  }

  /** What the branches in these extents do from now on counts more than what they did before. */
  fade(extents: Region['extents']): void {
    for (let i = 0; i < extents.length; i += 2) {
      for (let offset = extents[i]!; offset < extents[i + 1]!; ) {
        const word = this.word(offset);
        const decoded = word === undefined ? undefined : decode(word);
        if (!decoded) break;
        if (instructionKinds[decoded.op]!.branches) this.profile.fade(this.countedAt(offset));
        offset += decoded.length;
      }
    }
  }
}
