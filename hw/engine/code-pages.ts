// Which guest pages have predecoded code, and where: slots of machine memory, filled as instructions are first executed.

import { decode } from '../isa/decode.ts';
import { instructionKinds } from '../isa/instruction-kind.ts';
import { instructions } from '../isa/table.ts';
import { codeSlot, context, pageFlags, pageSize, pages, record, special, tlb } from './layout.ts';
import type { MachineMemory } from './memory.ts';
import { fusedType, lengthOf, recordTypeOf } from './record-types.ts';

/** How many parts of the slots there are: when none is free, one part's pages lose their code. */
const parts = 8;

/** A page that is stored to this often while it has code is taken for data, until it is executed again. */
const storesUntilData = 64;

/** Places for records of instructions that were decoded lately, as a power of two. */
const knownBits = 15;

type File = 'x' | 'f';
const files = instructions.map(({ operands }) => ({
  rd: (operands.rd === 'f' ? 'f' : 'x') as File,
  rs1: (operands.rs1 === 'f' ? 'f' : 'x') as File,
  rs2: (operands.rs2 === 'f' ? 'f' : 'x') as File,
}));

/** Offset of a register in a context. */
const sourceOffset = (file: File, index: number): number => (file === 'f' ? context.f : context.x) + index * 8;
const targetOffset = (file: File, index: number): number =>
  file === 'x' && index === 0 ? context.sink : sourceOffset(file, index);

/** Where what is known of a page is, as indices of bytes and of halfwords. */
const flagsAt = (hostPage: number): number => pages.flags + hostPage / pageSize;
const slotAt = (hostPage: number): number => pages.slots / 2 + hostPage / pageSize;

export class CodePages {
  /** Host address of the page in each slot, or 0. */
  private readonly pages: number[] = [];
  private readonly stores: number[] = [];
  private readonly free: number[] = [];
  /** Slots from here on are still as the host gave them: zeros that cost nothing until they are decoded into. */
  private fresh = 0;
  /** First slot of the part that goes next. */
  private oldest = 0;

  /**
   * Records of instructions that were decoded lately, by a hash of their words, and those words: code consists of few different
   * ones. 0, which is no instruction: none yet.
   */
  private readonly knownWords = new Int32Array(1 << knownBits);
  private readonly knownRecords = new Uint32Array(4 << knownBits);

  /** Told when instructions change in a page (host address, and the range of offsets), when it loses its code, and when all do. */
  onStored: (page: number, from: number, to: number) => void = () => {};
  onReleased: (page: number) => void = () => {};
  onCleared: () => void = () => {};

  constructor(
    private readonly memory: MachineMemory,
    /** Bases of the TLB banks that may hold translations. */
    private readonly banksInUse: () => Iterable<number>,
  ) {}

  /** Gives a page a slot; returns the base of its code. */
  allocate(host: number): number {
    const { memory } = this;
    const { code, codeSlots } = memory.layout;
    if (this.free.length === 0 && this.pages.length === codeSlots) this.evict();
    const slot = this.free.pop() ?? this.pages.push(0) - 1;
    this.pages[slot] = host;
    this.stores[slot] = 0;
    const base = code + slot * codeSlot.size;
    if (slot < this.fresh) memory.fill(base, 0, codeSlot.size);
    else this.fresh = slot + 1;
    for (const end of [codeSlot.pageEnd, codeSlot.straddleEnd]) memory.u32[(base + end) >>> 2] = special.pageCrossing;
    this.forbidStores(host);
    memory.u8[flagsAt(host)]! |= pageFlags.code;
    memory.u16[slotAt(host)] = slot;
    return base;
  }

  /** Stores to a page are reported to the embedder from now on. */
  watch(hostPage: number): void {
    this.memory.u8[flagsAt(hostPage)]! |= pageFlags.watched | pageFlags.storable | pageFlags.elsewhere;
    this.forbidStores(hostPage);
  }

  /** Sends the stores to a page down the slow path, in every bank. */
  private forbidStores(hostPage: number): void {
    const { u8, u16 } = this.memory;
    const at = flagsAt(hostPage);
    const flags = u8[at]!;
    if ((flags & pageFlags.storable) === 0) return;
    u8[at] = flags & ~(pageFlags.storable | pageFlags.elsewhere);
    const everywhere = (flags & pageFlags.elsewhere) !== 0;
    const first = everywhere ? 0 : u16[slotAt(hostPage)]!;
    const end = everywhere ? tlb.entries : first + 1;
    for (const bank of this.banksInUse()) this.forbidStoresIn(bank + tlb.write, first, end, hostPage);
  }

  /** The same in the entries `first` to `end` (exclusive) of one table. */
  private forbidStoresIn(table: number, first: number, end: number, hostPage: number): void {
    const { memory } = this;
    for (let entry = table + first * tlb.entrySize; entry < table + end * tlb.entrySize; entry += tlb.entrySize) {
      const at = entry >>> 2;
      const host = (memory.u32[at]! + memory.u32[at + 2]!) >>> 0;
      if (host === hostPage) memory.fill(entry, tlb.emptyByte, tlb.entrySize);
    }
  }

  /** Stores of `length` bytes at a host address, which lies in a page with code. */
  stored(host: number, length: number): void {
    const { memory } = this;
    const page = host - (host % pageSize);
    const slot = memory.u16[slotAt(page)]!;
    if (++this.stores[slot]! > storesUntilData) {
      this.release(slot);
      return;
    }
    // An instruction may have begun one halfword before.
    const base = memory.layout.code + slot * codeSlot.size;
    const first = Math.max(0, ((host - page) >>> 1) - 1);
    const last = (host - page + length - 1) >>> 1;
    // The two records before may be fused with the first of these.
    this.undecode(base, Math.max(0, first - 2), last);
    this.onStored(page, host - page, host - page + length);
  }

  /**
   * Makes a range of records be decoded again. Their operands stay: the instruction that stores here may be among them,
   * and has yet to write its rd and to go on to the next.
   */
  private undecode(base: number, first: number, last: number): void {
    const { u16 } = this.memory;
    for (let index = first; index <= last; index++) u16[(base + index * record.size) >>> 1] = special.undecoded;
  }

  /** The page has no code any more; cached translations of fetches from it go. */
  private release(slot: number): void {
    this.abandon(slot);
    this.forgetFetches(slot, slot + 1);
  }

  /** Makes room: the pages of the slots that were filled longest ago, or next to those, lose their code. */
  private evict(): void {
    const first = this.oldest;
    const { codeSlots } = this.memory.layout;
    const end = Math.min(first + Math.ceil(codeSlots / parts), codeSlots);
    for (let slot = first; slot < end; slot++) this.abandon(slot);
    this.forgetFetches(first, end);
    this.oldest = end % codeSlots;
  }

  private abandon(slot: number): void {
    const { memory } = this;
    this.onReleased(this.pages[slot]!);
    memory.u8[flagsAt(this.pages[slot]!)]! &= ~pageFlags.code;
    this.pages[slot] = 0;
    this.free.push(slot);
    // Whoever is executing from it meets an undecoded record, whose decoder sees the empty slot and looks the page up again.
    this.undecode(memory.layout.code + slot * codeSlot.size, 0, pageSize / 2 - 1);
  }

  /** Cached translations of fetches from these slots (the end exclusive) go. */
  private forgetFetches(first: number, end: number): void {
    const { memory } = this;
    const { u32 } = memory;
    const from = memory.layout.code + first * codeSlot.size;
    const to = memory.layout.code + end * codeSlot.size;
    for (const bank of this.banksInUse()) {
      for (let entry = bank + tlb.fetch; entry < bank + tlb.large; entry += tlb.entrySize) {
        const base = u32[(entry >>> 2) + 2]!;
        // An empty entry may hold anything there.
        if (base >= from && base < to) memory.fill(entry, tlb.emptyByte, tlb.entrySize);
      }
      memory.fill(bank + tlb.stamp, 0, 8);
    }
  }

  /** Forgets all predecoded code. */
  clear(): void {
    const { memory } = this;
    this.onCleared();
    for (const host of this.pages) if (host !== 0) memory.u8[flagsAt(host)]! &= ~pageFlags.code;
    this.pages.length = 0;
    this.stores.length = 0;
    this.free.length = 0;
    this.oldest = 0;
    for (const bank of this.banksInUse()) {
      memory.fill(bank + tlb.fetch, tlb.emptyByte, tlb.large - tlb.fetch);
      memory.fill(bank + tlb.stamp, 0, 8);
    }
  }

  /** How many pages have code. */
  get count(): number {
    return this.pages.length - this.free.length;
  }

  /** Whether a page has code. */
  has(hostPage: number): boolean {
    return (this.memory.u8[flagsAt(hostPage)]! & pageFlags.code) !== 0;
  }

  /** The record of the instruction at an offset in a page; undefined if the page has no code. */
  recordOf(hostPage: number, offset: number): number | undefined {
    const { u16, layout } = this.memory;
    if (!this.has(hostPage)) return undefined;
    return layout.code + u16[slotAt(hostPage)]! * codeSlot.size + (offset / 2) * record.size;
  }

  /** The page (host address; 0 if it has lost its code) and the offset of a record. */
  locate(at: number): { host: number; offset: number } {
    const { code } = this.memory.layout;
    const slot = Math.floor((at - code) / codeSlot.size);
    const offset = ((at - code) % codeSlot.size) / 8;
    return { host: this.pages[slot]!, offset };
  }

  /** Decodes the instruction of a record that is `undecoded`; false if the page has lost its code meanwhile. */
  decode(at: number): boolean {
    const { memory } = this;
    const { host, offset } = this.locate(at);
    if (host === 0) return false;
    const words = memory.u8;
    const where = host + offset;
    const low = words[where]! | (words[where + 1]! << 8);
    if ((low & 3) !== 3) this.decodeWord(at, low);
    else if (offset === pageSize - 2) {
      memory.u32[at >>> 2] = special.straddling;
      memory.u32[(at + record.imm) >>> 2] = low;
    } else this.decodeWord(at, (low | (words[where + 2]! << 16) | (words[where + 3]! << 24)) >>> 0);
    return true;
  }

  decodeWord(at: number, word: number): void {
    const { u32 } = this.memory;
    const length = (word & 3) === 3 ? 4 : 2;
    const bits = length === 4 ? word | 0 : word & 0xffff;
    const place = Math.imul(bits, 0x9e37_79b1) >>> (32 - knownBits);
    const w = at >>> 2;
    const isKnown = bits !== 0 && this.knownWords[place] === bits;
    if (!isKnown && !this.learn(place, bits)) {
      u32[w] = special.illegal;
      u32[w + 2] = word;
      return;
    }
    const { knownRecords } = this;
    const known = 4 * place;
    u32[w] = knownRecords[known]!;
    u32[w + 1] = knownRecords[known + 1]!;
    u32[w + 2] = knownRecords[known + 2]!;
    u32[w + 3] = knownRecords[known + 3]!;
    this.fuse(at, length);
  }

  /** Puts the record of an instruction in its place among those that are known. false: there is no such instruction. */
  private learn(place: number, bits: number): boolean {
    const decoded = decode(bits);
    if (decoded === undefined) return false;
    const { op, rd, rs1, rs2, rs3, imm, rm, length } = decoded;
    const { knownRecords } = this;
    const file = files[op]!;
    const counts = instructionKinds[op]!.branches; // from zero
    const at = 4 * place;
    this.knownWords[place] = bits;
    knownRecords[at] = recordTypeOf(op, length) | (counts ? 0 : targetOffset(file.rd, rd) << 16);
    knownRecords[at + 1] = sourceOffset(file.rs1, rs1) | (sourceOffset(file.rs2, rs2) << 16);
    knownRecords[at + 2] = imm;
    knownRecords[at + 3] = (counts ? 0 : sourceOffset('f', rs3)) | ((length * 8) << 16) | (rm << 24);
    return true;
  }

  /** Fuses a record that was just decoded with its neighbours, where that is known to pay. */
  private fuse(at: number, length: number): void {
    const { u16 } = this.memory;
    const offset = ((at - this.memory.layout.code) % codeSlot.size) / (record.size / 2);
    if (offset > pageSize) return; // it straddles two pages
    this.join(at, at + (length / 2) * record.size);
    const halfword = at - record.size;
    if (offset >= 2 && lengthOf(u16[halfword >>> 1]!) === 2) this.join(halfword, at);
    const word = halfword - record.size;
    if (offset >= 4 && lengthOf(u16[word >>> 1]!) === 4) this.join(word, at);
  }

  private join(first: number, second: number): void {
    const { u16 } = this.memory;
    const type = fusedType(u16[first >>> 1]!, u16[second >>> 1]!);
    if (type !== 0) u16[first >>> 1] = type;
  }

  /** The instruction bits of a record, for diagnostics and tval. */
  wordAt(at: number): { word: number; length: 2 | 4 } {
    const { memory } = this;
    const { host, offset } = this.locate(at);
    if (offset > pageSize) {
      const slotBase = at - codeSlot.straddle;
      return { word: memory.u32[(slotBase + codeSlot.straddleWord) >>> 2]!, length: 4 };
    }
    const bytes = memory.u8;
    const where = host + offset;
    const low = bytes[where]! | (bytes[where + 1]! << 8);
    if ((low & 3) !== 3) return { word: low, length: 2 };
    return { word: (low | (bytes[where + 2]! << 16) | (bytes[where + 3]! << 24)) >>> 0, length: 4 };
  }
}
