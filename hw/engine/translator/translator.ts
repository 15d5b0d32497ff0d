// The translator: hot code becomes WebAssembly functions, which the interpreter enters at their heads' records.
//
// A region is known by the physical pages that it was made from. It goes when one of its instructions is stored to, when a
// page of it loses its predecoded code, and when there are too many regions.

import { decode } from '../../isa/decode.ts';
import type { FpOperation } from '../../isa/semantics.ts';
import { type Fn, ModuleBuilder } from '../../wasm/module.ts';
import type { CodePages } from '../code-pages.ts';
import {
  arrivals,
  control,
  context as fields,
  jumpTargets,
  pageSize,
  record,
  regionEntry,
  special,
  tlb,
} from '../layout.ts';
import type { MachineMemory } from '../memory.ts';
import type { LinearRange } from './instruction-template.ts';
import type { TranslatorOptions } from './options.ts';
import { formRegion, type Region, type RegionLimits } from './region.ts';
import { defineRegion } from './translation.ts';

/**
 * What regions may grow to. First they are small and don't overlap, which is cheap to compile; one that is entered so often that
 * entering costs more than compiling is replaced by a large one, which holds what is beyond its ends, too.
 */
const small: RegionLimits = {
  instructions: 60,
  inlinedCalls: 2,
  frequency: 0.2,
  overlaps: false,
};
const large: RegionLimits = {
  instructions: 400,
  inlinedCalls: 6,
  frequency: 0.003,
  overlaps: true,
};
/** No address of a page: whoever is about to enter looks for the region's pages. */
const noPage = 1;
/** A region shorter than this does not pay for being entered, unless it is a loop. */
const shortest = 3;
/** How many regions wait to share a module. */
const batchRegions = 64;
type Limits = Required<Omit<TranslatorOptions, 'threshold'>>;

const defaults: Limits = {
  patience: 5_000_000,
  entriesUntilLarge: 30_000,
  maxModules: 256,
  maxModuleBytes: 64 * 2 ** 20,
};
/** A module with regions that are alive. The host frees it as a whole, when none is. */
interface CompiledModule {
  readonly bytes: number;
  readonly regions: Set<Translated>;
}

interface Translated {
  /** Its number: in the table of functions, among the region entries, and in the record of its head. */
  readonly number: number;
  /** The record of its head, and what is in it when the region is gone. */
  readonly head: number;
  readonly extents: Region['extents'];
  /** Until it is compiled. */
  region: Region | undefined;
  /** Host addresses of the pages, the head's first; and their distances from it in pages. */
  readonly pages: readonly { readonly host: number; readonly distance: number }[];
  /** What its loads and stores rely on. */
  readonly linear: LinearRange | undefined;
  readonly place: Place;
  /** The small region that this one takes the place of. */
  readonly replaces: Translated | undefined;
  /** It is large, or a large one is being made. */
  upgrading: boolean;
  installed: boolean;
  dead: boolean;
  /** undefined until it is compiled. */
  module: CompiledModule | undefined;
}

/** Where a region is looked at: the page of its head, which is at `base` in the address space of a bank for fetches. */
interface Place {
  readonly host: number;
  readonly base: bigint;
  readonly fetchBank: number;
  readonly dataBank: number;
  /** The record at which it was counted how often control comes there. */
  readonly counted: number;
}

/** What the translator has done since the machine was made, for tests and reports. */
export interface TranslatorStatistics {
  /** Translated: regions, their instructions, the modules that they share, and those modules' bytes. */
  regions: number;
  instructions: number;
  modules: number;
  bytes: number;
  /** Regions that are gone; and those of them that had to make room. */
  dropped: number;
  evicted: number;
}

export class Translator {
  private readonly regions: (Translated | undefined)[] = [];
  private readonly freeNumbers: number[] = [];
  private readonly byPage = new Map<number, Set<Translated>>();
  /** By the records of their heads. */
  private readonly heads = new Map<number, Translated>();
  private readonly options: Limits;
  private pending: Translated[] = [];
  private cyclesWaited = 0;
  /** In the order of their making: who goes first. */
  private readonly made = new Set<Translated>();
  /** Modules, the oldest first. */
  private readonly modules = new Set<CompiledModule>();
  private bytesAlive = 0;
  readonly statistics: TranslatorStatistics = {
    regions: 0,
    instructions: 0,
    modules: 0,
    bytes: 0,
    dropped: 0,
    evicted: 0,
  };

  constructor(
    private readonly memory: MachineMemory,
    private readonly code: CodePages,
    private readonly table: WebAssembly.Table,
    private readonly softfloat: (operation: FpOperation) => unknown,
    options: TranslatorOptions,
  ) {
    this.options = { ...defaults, ...options };
    code.onStored = (page, from, to) => this.stored(page, from, to);
    code.onReleased = (page) => this.pageLost(page);
    code.onCleared = () => this.clear();
  }

  /**
   * Jumps arrive often at the instruction of a record, whose address is `pc`. `after`: the interpreter often executes
   * it for a region that leaves there, so the next one is meant.
   */
  hot(context: number, at: number, pc: bigint, after: boolean): void {
    const { memory, code } = this;
    const fetchBank = memory.u32[(context + fields.fetchBank) >>> 2]!;
    const dataBank = memory.u32[(context + fields.dataBank) >>> 2]!;
    const { host, offset: start } = code.locate(at);
    let offset = start;
    let head = at;
    if (after) {
      const { word, length } = code.wordAt(at);
      if (decode(word) === undefined) return;
      offset += length;
      head += (length / 2) * record.size;
      if (offset >= pageSize) return;
    }
    const type = memory.u16[head >>> 1]!;
    if (type < special.firstInstruction || type >= special.firstRegion || this.heads.has(head)) return;
    this.form(head, offset, { host, base: pc - BigInt(start), fetchBank, dataBank, counted: at }, small);
  }

  private form(head: number, offset: number, place: Place, limits: RegionLimits, replaces?: Translated): void {
    if (this.isFull) {
      this.countAnew(place.counted);
      return;
    }
    const view = new HostCode(this.memory, this.code, place, this.heads);
    const region = formRegion(offset, view, limits);
    if ((region.instructions < shortest && !isLoop(region)) || region.head.steps.length === 0) return;
    this.add({ head, region, pages: view.pages, linear: this.linearRange(place.dataBank), place, replaces });
  }

  /** The linear range that a bank has now. */
  private linearRange(bank: number): LinearRange | undefined {
    const { u32, i64 } = this.memory;
    if (i64[(bank + tlb.linearStamp) >>> 3] === 0n) return undefined;
    return {
      first: Number(i64[(bank + tlb.linearFirst) >>> 3]!),
      size: u32[(bank + tlb.linearSize) >>> 2]!,
      host: u32[(bank + tlb.linearHost) >>> 2]!,
    };
  }

  /** A small region is entered very often: a large one is made in its place. */
  regionHot(number: number): void {
    const translated = this.regions[number];
    if (!translated || translated.upgrading) return;
    translated.upgrading = true;
    const { head, place } = translated;
    this.form(head, this.code.locate(head).offset, place, large, translated);
  }

  private add(
    formed: Pick<Translated, 'head' | 'pages' | 'linear' | 'place' | 'replaces'> & { readonly region: Region },
  ): void {
    const { head, region, pages, replaces } = formed;
    const number = this.freeNumbers.pop() ?? this.regions.length;
    const translated: Translated = {
      ...formed,
      number,
      extents: region.extents,
      upgrading: replaces !== undefined,
      installed: false,
      dead: false,
      module: undefined,
    };
    this.regions[number] = translated;
    this.made.add(translated);
    if (!replaces) this.heads.set(head, translated);
    for (const { host } of pages) {
      let known = this.byPage.get(host);
      if (!known) {
        known = new Set();
        this.byPage.set(host, known);
      }
      known.add(translated);
    }
    this.pending.push(translated);
  }

  /** What there is now: regions, those that wait to be compiled among them, modules, and their bytes. */
  get alive(): { regions: number; modules: number; moduleBytes: number } {
    return { regions: this.made.size, modules: this.modules.size, moduleBytes: this.bytesAlive };
  }

  /** The engine ran for so many cycles: what waits to be translated has waited as long. */
  ran(cycles: number): void {
    if (this.pending.length > 0) this.cyclesWaited += cycles;
  }

  /** Called between slices: compiles what is waiting, if it has waited long enough or is enough. */
  translatePending(): void {
    if (this.isFull) this.evict();
    if (this.cyclesWaited < this.options.patience && this.pending.length < batchRegions) return;
    this.cyclesWaited = 0;
    const regions = this.pending.filter((one) => !one.dead);
    this.pending = [];
    if (regions.length > 0) this.compile(regions);
  }

  private compile(regions: readonly Translated[]): void {
    const { memory } = this;
    const module = new ModuleBuilder();
    const operations = new Map<FpOperation, Fn>();
    const softfloat = (operation: FpOperation) => {
      let fn = operations.get(operation);
      if (!fn) {
        fn = module.import(operation, ['i32', 'i32', 'i64', 'i64', 'i64'], 'i64');
        operations.set(operation, fn);
      }
      return fn as Fn<readonly ['i32', 'i32', 'i64', 'i64', 'i64'], 'i64'>;
    };
    const needed = regions.map(({ number, region, linear }) => {
      const defined = defineRegion(module, region!, linear, softfloat);
      module.export(`${number}`, defined.fn);
      return defined.needed;
    });
    const bytes = module.encode(memory.layout.wasmPages);
    const env: Record<string, unknown> = { memory: memory.wasm };
    for (const operation of operations.keys()) env[operation] = this.softfloat(operation);
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env });
    const { statistics } = this;
    statistics.modules++;
    statistics.bytes += bytes.length;
    const compiled: CompiledModule = { bytes: bytes.length, regions: new Set(regions) };
    this.modules.add(compiled);
    this.bytesAlive += compiled.bytes;
    for (const translated of regions) translated.module = compiled;
    regions.forEach((translated, index) => {
      statistics.regions++;
      statistics.instructions += translated.region!.instructions;
      translated.region = undefined;
      this.install(translated, exports[`${translated.number}`]!, needed[index]!);
    });
    this.evictModules();
  }

  private install(translated: Translated, fn: unknown, needed: number): void {
    const { memory } = this;
    const { number, head, pages, linear, replaces } = translated;
    const known = this.heads.get(head);
    if (known && known !== translated && known !== replaces) {
      // The region that this one was to replace has gone meanwhile, and another one begins there.
      this.drop(translated);
      return;
    }
    if (replaces && !replaces.dead) this.drop(replaces);
    this.heads.set(head, translated);
    const type = memory.u16[head >>> 1]!;
    if (type < special.firstInstruction) {
      // The record is not decoded any more.
      this.drop(translated);
      return;
    }
    this.table.set(number, fn);
    const entry = memory.layout.regions + number * regionEntry.size;
    memory.fill(entry, 0, regionEntry.size);
    memory.u16[(entry + regionEntry.op) >>> 1] = type;
    memory.u32[(entry + regionEntry.needed) >>> 2] = needed;
    memory.u32[(entry + regionEntry.page) >>> 2] = noPage;
    memory.u32[(entry + regionEntry.entriesLeft) >>> 2] = this.options.entriesUntilLarge;
    if (linear) {
      memory.i64[(entry + regionEntry.linearFirst) >>> 3] = BigInt(linear.first);
      memory.u32[(entry + regionEntry.linearSize) >>> 2] = linear.size;
      memory.u32[(entry + regionEntry.linearHost) >>> 2] = linear.host;
    }
    const others = pages.slice(1);
    memory.u32[(entry + regionEntry.pageCount) >>> 2] = others.length;
    others.forEach(({ host, distance }, index) => {
      const at = (entry + regionEntry.pages + 8 * index) >>> 2;
      memory.u32[at] = distance;
      memory.u32[at + 1] = host;
    });
    memory.u16[head >>> 1] = special.firstRegion + number;
    translated.installed = true;
  }

  /** A region could not be entered too often: its pages are elsewhere. */
  failed(number: number): void {
    const translated = this.regions[number];
    if (translated) this.drop(translated);
  }

  /** Stores to a page from one offset to another (exclusive); records of the page were made undecoded. */
  private stored(page: number, from: number, to: number): void {
    for (const translated of this.byPage.get(page) ?? []) {
      if (this.isGone(translated) || this.covers(translated, page, from, to)) this.drop(translated);
    }
  }

  /** Whether the record of its head has been decoded anew. */
  private isGone({ installed, head, number }: Translated): boolean {
    return installed && this.memory.u16[head >>> 1] !== special.firstRegion + number;
  }

  private covers({ extents, pages }: Translated, page: number, from: number, to: number): boolean {
    for (const { host, distance } of pages) {
      if (host !== page) continue;
      const start = distance * pageSize;
      for (let i = 0; i < extents.length; i += 2) {
        if (extents[i]! < start + to && extents[i + 1]! > start + from) return true;
      }
    }
    return false;
  }

  private pageLost(page: number): void {
    for (const translated of this.byPage.get(page) ?? []) this.drop(translated);
  }

  private clear(): void {
    for (const translated of this.made) this.drop(translated);
  }

  /** The oldest modules go while there are too many. A module is alive as long as one of its regions is, and counts in full. */
  private evictModules(): void {
    const { maxModules, maxModuleBytes } = this.options;
    for (const { regions } of this.modules) {
      if (this.bytesAlive <= maxModuleBytes && this.modules.size <= maxModules) return;
      for (const translated of regions) this.evictRegion(translated);
    }
  }

  private evictRegion(translated: Translated): void {
    this.drop(translated);
    this.statistics.evicted++;
  }

  private get isFull(): boolean {
    return this.made.size === this.memory.layout.maxRegions;
  }

  /** Makes room: the older half goes. Only between slices: the interpreter may be about to enter one of them. */
  private evict(): void {
    let count = Math.ceil(this.made.size / 2);
    for (const translated of this.made) {
      if (count-- === 0) return;
      this.evictRegion(translated);
    }
  }

  /** What is there now is translated once it is hot itself. */
  private countAnew(counted: number): void {
    const { u16, layout } = this.memory;
    u16[(layout.arrivals + ((counted >>> 3) & ((arrivals.entries - 1) * arrivals.entrySize))) >>> 1] = 0;
  }

  private drop(translated: Translated): void {
    if (translated.dead) return;
    const { memory } = this;
    const { number, head, pages, place, installed, module } = translated;
    translated.dead = true;
    this.made.delete(translated);
    if (this.heads.get(head) === translated) this.heads.delete(head);
    for (const { host } of pages) {
      const known = this.byPage.get(host)!;
      known.delete(translated);
      if (known.size === 0) this.byPage.delete(host);
    }
    this.regions[number] = undefined;
    this.freeNumbers.push(number);
    this.statistics.dropped++;
    this.countAnew(place.counted);
    module?.regions.delete(translated);
    if (module?.regions.size === 0 && this.modules.delete(module)) this.bytesAlive -= module.bytes;
    if (!installed) return;
    if (!this.isGone(translated)) {
      memory.u16[head >>> 1] = memory.u16[(memory.layout.regions + number * regionEntry.size) >>> 1]!;
    }
    this.table.set(number, null);
  }
}

const isLoop = ({ head, nodes }: Region): boolean => nodes.some(({ ways }) => ways.some(({ to }) => to === head));

/** A page of a region's code, and where its records are; how far it is from the head's, in pages. */
interface RegionPage {
  readonly host: number;
  readonly distance: number;
  readonly records: number;
}

/** Guest code as it lies in the pages that one address space has fetched from. */
class HostCode {
  readonly pages: RegionPage[] = [];
  /** The page that was looked at last. */
  private last: RegionPage;

  constructor(
    private readonly memory: MachineMemory,
    private readonly code: CodePages,
    private readonly place: Place,
    /** Records of the heads of regions. */
    private readonly heads: ReadonlyMap<number, Translated>,
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

  isHead(offset: number): boolean {
    return this.heads.has(this.recordOf(offset));
  }

  likelihood(offset: number): number {
    const { u16 } = this.memory;
    const at = this.recordOf(offset);
    const taken = u16[(at + record.taken) >>> 1]!;
    const passed = u16[(at + record.passed) >>> 1]!;
    return taken + passed === 0 ? 0.5 : taken / (taken + passed);
  }

  targetsOf(offset: number): readonly number[] {
    const at = this.recordOf(offset);
    const set = control.jumpTargets + ((at / record.size) % jumpTargets.sets) * jumpTargets.ways * 8;
    const targets: number[] = [];
    for (let way = 0; way < jumpTargets.ways; way++) {
      const target = BigInt.asIntN(64, this.memory.u64[(set >>> 3) + way]! - this.place.base);
      if (target > -(2n ** 31n) && target < 2n ** 31n) targets.push(Number(target));
    }
    return targets.filter((target, index) => targets.indexOf(target) === index && this.word(target) !== undefined);
  }
}
