// The translator: hot code becomes WebAssembly functions, which the interpreter enters at their heads' records.
//
// A region is known by the physical pages that it was made from. It goes when one of its instructions is stored to, when a
// page of it loses its predecoded code, and when there are too many regions.

import { decode } from '../../isa/decode.ts';
import type { FpOperation } from '../../isa/semantics.ts';
import { type Fn, ModuleBuilder } from '../../wasm/module.ts';
import type { CodePages } from '../code-pages.ts';
import { context as fields, pageSize, record, regionEntry, special, tlb } from '../layout.ts';
import type { MachineMemory } from '../memory.ts';
import { Profile } from '../profile.ts';
import { maxFailures } from '../regions.ts';
import { HostCode, type Place } from './host-code.ts';
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
/**
 * Whatever is entered often is made anew again, after so many times as many entries: the host compiles it from the beginning, so that
 * it pays late, if at all.
 */
const moreEntries = 1024;
const longestPeriod = 2 ** 31;
/** How often control comes to new code for each entry, if a region is to be made anew for that. */
const worthwhile = 0.05;
/** More than cycles can be left: the interpreter does not enter the region. */
const never = 0xffff_ffff;
/** How many regions wait to share a module. */
const batchRegions = 64;
type Limits = Required<Omit<TranslatorOptions, 'threshold'>>;

const defaults: Limits = {
  patience: 5_000_000,
  observation: 100_000,
  entriesUntilLarge: 30_000,
  maxModules: 256,
  maxModuleBytes: 64 * 2 ** 20,
};
/** A module with regions that are alive. The host frees it as a whole, when none is. */
interface CompiledModule {
  readonly bytes: number;
  readonly regions: Set<Translated>;
}

interface Formed {
  /** The record of its head. */
  readonly head: number;
  /** As of the last time that it was hot: banks and where it is mapped change. */
  place: Place;
  readonly limits: RegionLimits;
  readonly region: Region;
  /** Host addresses of the pages, the head's first; and their distances from it in pages. */
  readonly pages: readonly { readonly host: number; readonly distance: number }[];
  /** What its loads and stores rely on. */
  readonly open: boolean;
}

interface Translated extends Omit<Formed, 'region'> {
  /** Its number: in the table of functions, among the region entries, and in the record of its head. */
  readonly number: number;
  readonly extents: Region['extents'];
  /** Until it is compiled. */
  region: Region | undefined;
  /** The region that this one is to take the place of. */
  replaces: Translated | undefined;
  /** Cycles that must be left to enter it. */
  needed: number;
  /** After so many entries it is looked at; so many were left when it was looked at last, or failed. */
  period: number;
  entriesLeft: number;
  installed: boolean;
  dead: boolean;
  /** undefined until it is compiled. */
  module: CompiledModule | undefined;
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
  private readonly profile: Profile;
  private pending: Translated[] = [];
  /** Regions that are to be observed, those that are observed, and for how many cycles they have been. */
  private toObserve: Translated[] = [];
  private observed: Translated[] = [];
  private cyclesObserved = 0;
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
    this.profile = new Profile(memory);
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
    // The next time is as good: when there is room, or the region that it is in runs again.
    if (this.isFull || this.isObserved(host, offset)) this.profile.forgetArrivals(at);
    else {
      const place = { host, base: pc - BigInt(start), ...this.banksOf(context), counted: at };
      const formed = this.form(head, place, small);
      if (formed) this.add(formed, this.options.entriesUntilLarge, undefined);
    }
  }

  private banksOf(context: number): Pick<Place, 'fetchBank' | 'dataBank'> {
    const { u32 } = this.memory;
    return { fetchBank: u32[(context + fields.fetchBank) >>> 2]!, dataBank: u32[(context + fields.dataBank) >>> 2]! };
  }

  /** undefined: it would not pay to enter a region there. */
  private form(head: number, place: Place, limits: RegionLimits): Formed | undefined {
    const view = this.view(place);
    const region = formRegion(this.code.locate(head).offset, view, limits);
    if ((region.instructions < shortest && !isLoop(region)) || region.head.steps.length === 0) return undefined;
    return {
      head,
      place,
      limits,
      region,
      pages: view.pages,
      open: this.memory.u32[(place.dataBank + tlb.open) >>> 2] !== 0,
    };
  }

  private view(place: Place): HostCode {
    return new HostCode(this.memory, this.code, this.profile, place, this.heads);
  }

  // ---- regions that are entered very often

  /**
   * A small region is made anew at once. While a large one runs nothing of it is observed: from the next slice on it is interpreted
   * for a while before.
   */
  regionHot(number: number, context: number, page: bigint): void {
    const translated = this.regions[number]!;
    translated.place = { ...translated.place, base: page, ...this.banksOf(context) };
    if (translated.limits === large) this.toObserve.push(translated);
    else this.grow(translated);
  }

  private observe(): void {
    if (this.observed.length > 0 && this.cyclesObserved >= this.options.observation) {
      for (const translated of this.observed) {
        if (translated.dead) continue;
        this.permit(translated, translated.needed);
        this.grow(translated);
      }
      this.observed = [];
    }
    if (this.observed.length > 0 || this.toObserve.length === 0) return;
    this.observed = this.toObserve.filter(({ dead }) => !dead);
    this.toObserve = [];
    this.cyclesObserved = 0;
    for (const translated of this.observed) {
      this.view(translated.place).fade(translated.extents);
      this.permit(translated, never);
    }
  }

  /** Cycles after which it has regions to look at; Infinity: none are observed. */
  get untilLook(): number {
    return this.observed.length > 0 || this.toObserve.length > 0 ? this.options.observation : Infinity;
  }

  private isObserved(host: number, offset: number): boolean {
    return this.observed.some((translated) => this.covers(translated, host, offset, offset + 1));
  }

  /** Makes a large region in the place of one; later, if there is no room or nothing else to be made. */
  private grow(translated: Translated): void {
    const { head, place, limits, extents, period } = translated;
    const longer = Math.min(period * moreEntries, longestPeriod);
    if (this.isFull) this.await(translated, period);
    else {
      const formed = this.form(head, place, large);
      if (!formed || (limits === large && !goesBeyond(formed.region, extents))) this.await(translated, longer);
      else this.add(formed, longer, translated);
    }
  }

  /** The region may be entered while so many cycles are left. */
  private permit({ number }: Translated, needed: number): void {
    this.memory.u32[(this.entryOf(number) + regionEntry.needed) >>> 2] = needed;
  }

  /** The region is looked at after so many entries. */
  private await(translated: Translated, period: number): void {
    translated.period = period;
    translated.entriesLeft = period;
    this.memory.u32[(this.entryOf(translated.number) + regionEntry.entriesLeft) >>> 2] = period;
  }

  private entryOf(number: number): number {
    return this.memory.layout.regions + number * regionEntry.size;
  }

  // ---- all regions

  private add(formed: Formed, period: number, replaces: Translated | undefined): void {
    const { head, region, pages } = formed;
    const number = this.freeNumbers.pop() ?? this.regions.length;
    const translated: Translated = {
      ...formed,
      number,
      extents: region.extents,
      replaces,
      needed: never,
      period,
      entriesLeft: period,
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
    this.cyclesObserved += cycles;
    if (this.pending.length > 0) this.cyclesWaited += cycles;
  }

  /** Called between slices: compiles what is waiting, if it has waited long enough or is enough. */
  translatePending(): void {
    if (this.isFull) this.evict();
    this.observe();
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
    const needed = regions.map(({ number, region, open }) => {
      const defined = defineRegion(module, region!, open ? memory.layout : undefined, softfloat);
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
    const { number, head, pages, open, replaces } = translated;
    const known = this.heads.get(head);
    if (known && known !== translated && known !== replaces) {
      // The region that this one was to replace has gone meanwhile, and another one begins there.
      this.drop(translated);
      return;
    }
    translated.replaces = undefined;
    if (replaces && !replaces.dead) this.drop(replaces);
    this.heads.set(head, translated);
    const type = memory.u16[head >>> 1]!;
    if (type < special.firstInstruction) {
      // The record is not decoded any more.
      this.drop(translated);
      return;
    }
    this.table.set(number, fn);
    const entry = this.entryOf(number);
    memory.fill(entry, 0, regionEntry.size);
    memory.u16[(entry + regionEntry.op) >>> 1] = type;
    translated.needed = needed;
    this.permit(translated, needed);
    this.await(translated, translated.period);
    memory.u32[(entry + regionEntry.page) >>> 2] = noPage;
    const others = pages.slice(1);
    memory.u16[(entry + regionEntry.pageCount) >>> 1] = others.length;
    memory.u16[(entry + regionEntry.open) >>> 1] = open ? 1 : 0;
    others.forEach(({ host, distance }, index) => {
      const at = (entry + regionEntry.pages + 8 * index) >>> 2;
      memory.u32[at] = distance;
      memory.u32[at + 1] = host;
    });
    memory.u16[head >>> 1] = special.firstRegion + number;
    translated.installed = true;
  }

  /** What a region relies on was not so `maxFailures` times: it goes, unless it was entered more often meanwhile. */
  failed(number: number): void {
    const { u16, u32 } = this.memory;
    const translated = this.regions[number]!;
    const left = u32[(this.entryOf(number) + regionEntry.entriesLeft) >>> 2]!;
    const entries = (translated.entriesLeft - left) >>> 0;
    translated.entriesLeft = left;
    u16[(this.entryOf(number) + regionEntry.failures) >>> 1] = 0;
    if (entries <= maxFailures) this.drop(translated);
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

  private drop(translated: Translated): void {
    if (translated.dead) return;
    const { memory } = this;
    const { number, head, pages, place, installed, module, replaces } = translated;
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
    // What is there now is translated once it is hot itself.
    this.profile.forgetArrivals(place.counted);
    if (replaces && !replaces.dead) this.await(replaces, replaces.period);
    module?.regions.delete(translated);
    if (module?.regions.size === 0 && this.modules.delete(module)) this.bytesAlive -= module.bytes;
    if (!installed) return;
    if (!this.isGone(translated)) {
      memory.u16[head >>> 1] = memory.u16[(this.entryOf(number) + regionEntry.op) >>> 1]!;
    }
    this.table.set(number, null);
  }
}

const isLoop = ({ head, nodes }: Region): boolean => nodes.some(({ ways }) => ways.some(({ to }) => to === head));

/** Whether a region holds code, or inlines it, that one with other extents does not, and control comes there often enough. */
const goesBeyond = ({ nodes, extents: ours }: Region, extents: Region['extents']): boolean =>
  nodes.some(({ offset, frequency }) => frequency >= worthwhile && timesIn(ours, offset) > timesIn(extents, offset));

const timesIn = (extents: Region['extents'], offset: number): number => {
  let times = 0;
  for (let i = 0; i < extents.length; i += 2) if (extents[i]! <= offset && offset < extents[i + 1]!) times++;
  return times;
};
