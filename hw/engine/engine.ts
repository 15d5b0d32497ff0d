// The engine: runs contexts on the interpreter, and connects it with the code that TypeScript executes.

import type { FenceScope, Hart } from '../hart/hart.ts';
import { regimeOf } from '../hart/regime.ts';
import { type SystemHandler, type SystemOperands, systemHandlers } from '../hart/system.ts';
import type { Size } from '../isa/semantics.ts';
import { hostFuses } from '../wasm/host-fma.ts';
import { ModuleBuilder } from '../wasm/module.ts';
import { defineAccess } from './access.ts';
import { CodePages } from './code-pages.ts';
import { defineInterpreter, systemOperations } from './interpreter.ts';
import { control, context as fields, pageSize, record, signals, space, tlb } from './layout.ts';
import { type MachineMemory, ramBase } from './memory.ts';
import { access, definePhysical } from './physical.ts';
import { writeCsrTable } from './privileged/csr-table.ts';
import { definePrivileged } from './privileged/index.ts';
import { Regions } from './regions.ts';

import { defineSoftfloat } from './softfloat/index.ts';
import { transformedInstruction } from './transformed-instruction.ts';
import { TranslationCache } from './translation-cache.ts';
import { type TranslatorOptions, thresholdOf } from './translator/options.ts';
import { Translator } from './translator/translator.ts';
import { defineTranslation } from './walk.ts';

/** Physical addresses that are not memory. Addresses are below 2^32 and aligned; values are 32-bit halves. */
export interface PhysicalBus {
  /** Whether a device has `size` bytes at `address`; if so the value is in `low` and `high`. */
  load(address: number, size: Size): boolean;
  store(address: number, size: Size, low: number, high: number): boolean;
  low: number;
  high: number;
  /** A store to a page that `Engine.watch` named. */
  watched(address: number, size: number): void;
}

interface Core {
  run(context: number, budget: number): number;
  dropAddress(bank: number, address: bigint): void;
  translate(context: number, address: bigint, access: number, regime: number): bigint;
  load(context: number, address: bigint, size: number, access: number, regime: number, bank: number): bigint;
  store(context: number, address: bigint, size: number, value: bigint, regime: number, bank: number): void;
}

/** What a core with a translator exports besides. */
interface TranslatingCore extends Core {
  /** The functions of the regions, by their numbers. */
  regions: WebAssembly.Table;
}

/** `threshold`: see `TranslatorOptions`; undefined: no regions. */
function buildCore(memory: MachineMemory, threshold: number | undefined): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder();
  const imports = {
    mmioLoad: module.import('mmioLoad', ['i32', 'i32'], 'i32'),
    mmioStore: module.import('mmioStore', ['i32', 'i32'], 'i32'),
    codeStored: module.import('codeStored', ['i32', 'i32']),
    watchedStored: module.import('watchedStored', ['i32', 'i32']),
    codePage: module.import('codePage', ['i32'], 'i32'),
    decode: module.forward(module.import('decode', ['i32'], 'i32')),
    decodeWord: module.forward(module.import('decodeWord', ['i32', 'i32'])),
    system: module.forward(module.import('system', ['i32', 'i32'], 'i32')),
    hot: module.forward(module.import('hot', ['i32', 'i32', 'i64', 'i32'])),
    regionHot: module.forward(module.import('regionHot', ['i32', 'i32', 'i64'])),
    regionFailed: module.import('regionFailed', ['i32']),
    chooseBanks: module.import('chooseBanks', []),
  };
  const physical = definePhysical(module, memory.layout);
  const translation = defineTranslation(module, physical);
  const paths = defineAccess(module, memory.layout, physical, translation, imports);
  const softfloat = defineSoftfloat(module, hostFuses());
  const regions = threshold === undefined ? undefined : new Regions(module, memory.layout, imports, threshold);
  const privileged = definePrivileged(module, imports);
  module.export('run', defineInterpreter(module, paths, softfloat, privileged, imports, regions));
  if (regions) for (const [operation, fn] of Object.entries(softfloat)) module.export(operation, fn);
  module.export('dropAddress', privileged.dropAddress);
  module.export('translate', translation.translate);
  module.export('load', paths.load);
  module.export('store', paths.store);
  return module.encode(memory.layout.wasmPages);
}

/** Most cycles of one call of `Engine.run`: what machine code counts down must fit into 32 bits. */
const longestSlice = 500_000;

export class Engine {
  readonly code: CodePages;
  /** One for each hart, or one that all share. */
  readonly caches: readonly TranslationCache[];
  private readonly core: Core;
  /** undefined: everything is interpreted. */
  readonly translator: Translator | undefined;
  /** The hart that is running. */
  running!: Hart;
  /** Handlers of system instructions, as the interpreter numbers them. */
  private readonly system: readonly SystemHandler[];
  private readonly operands: RecordOperands;

  /** `shared`: all harts see the same translations, as under one resident kernel; otherwise each has its own. */
  constructor(
    readonly memory: MachineMemory,
    private readonly bus: PhysicalBus,
    harts: number,
    shared: boolean,
    options: TranslatorOptions | false,
  ) {
    const { banks, maxBanks, spaces } = memory.layout;
    const caches = shared ? 1 : harts;
    const each = Math.floor(maxBanks / caches);
    // One for data and one for fetches.
    if (each < 2) throw new RangeError(`${maxBanks} TLB banks are fewer than two for each of ${caches} harts`);
    this.caches = Array.from(
      { length: caches },
      (_, index) =>
        new TranslationCache(
          memory,
          spaces + index * (each + 2) * space.size,
          banks + index * each * tlb.size,
          each,
          (bank, address) => this.core.dropAddress(bank, address),
        ),
    );
    this.code = new CodePages(memory, () => this.caches.flatMap((cache) => [...cache.banksInUse()]));
    const env = {
      memory: memory.wasm,
      mmioLoad: (address: number, size: Size) => this.mmioLoad(address >>> 0, size),
      mmioStore: (address: number, size: Size) => this.mmioStore(address >>> 0, size),
      codeStored: (host: number, length: number) => this.code.stored(host >>> 0, length),
      watchedStored: (address: number, length: number) => this.watchedStored(address >>> 0, length),
      codePage: (page: number) => this.code.allocate(page >>> 0),
      decode: (at: number) => (this.code.decode(at >>> 0) ? 1 : 0),
      decodeWord: (at: number, word: number) => this.code.decodeWord(at >>> 0, word >>> 0),
      hot: (context: number, at: number, pc: bigint, after: number) =>
        this.translator?.hot(context, at >>> 0, pc, after !== 0),
      regionHot: (number: number, context: number, page: bigint) => this.translator?.regionHot(number, context, page),
      regionFailed: (number: number) => this.translator?.failed(number),
      system: (operation: number, at: number) => this.system[operation]!(this.running, this.operands.of(at >>> 0)),
      chooseBanks: () => this.chooseBanks(this.running),
    };
    writeCsrTable(memory);
    this.operands = new RecordOperands(this);
    const core = buildCore(memory, options ? thresholdOf(options) : undefined);
    this.system = systemOperations.map((operation) => systemHandlers[operation]);
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(core), { env });
    this.core = exports as unknown as Core;
    if (options) {
      const { regions } = exports as unknown as TranslatingCore;
      this.translator = new Translator(memory, this.code, regions, (operation) => exports[operation]!, options);
    }
  }

  private cacheOf(hart: Hart): TranslationCache {
    return this.caches[hart.id % this.caches.length]!;
  }

  /**
   * Runs `hart.context` for at most `budget` instructions, of which there are no more than `longestSlice`; returns how many cycles
   * are left. An exception also takes one: then `trapped` is true and the control block tells more.
   */
  run(hart: Hart, budget: number): number {
    if (!(budget <= longestSlice)) throw new RangeError(`${budget} cycles are more than an engine runs at once`);
    const { memory } = this;
    this.running = hart;
    const cache = this.cacheOf(hart);
    if (hart.context.bankEpoch !== cache.evictions) this.chooseBanks(hart);
    this.translator?.translatePending();
    memory.u32[control.hart >>> 2] = hart.id;
    memory.u32[control.machineSpace >>> 2] = cache.machineSpace;
    memory.u32[control.left >>> 2] = budget;
    const left = this.core.run(hart.context.base, budget);
    memory.u32[control.left >>> 2] = 0;
    this.translator?.ran(budget - left);
    if (this.trapped) this.completeTrap(hart);
    return left;
  }

  /** Most cycles of the next `run`, so that what has been translated meanwhile is installed soon. */
  get longestSlice(): number {
    return Math.min(longestSlice, this.translator?.untilLook ?? Infinity);
  }

  get trapped(): boolean {
    return this.memory.u32[control.signal >>> 2] === signals.trap;
  }

  /** Cycles of the budget that the running instruction leaves unused; 0: none is executing. */
  get left(): number {
    return this.memory.u32[control.left >>> 2]!;
  }

  /** Traps that were delivered without leaving the loop, since this was set to 0: instructions that have not retired. */
  get trapsDelivered(): number {
    return this.memory.u32[control.traps >>> 2]!;
  }
  set trapsDelivered(count: number) {
    this.memory.u32[control.traps >>> 2] = count;
  }

  /** Adds what only the instruction itself tells: its bits, or its transformed form. */
  private completeTrap(hart: Hart): void {
    const { memory } = this;
    const { cause } = hart;
    if (cause === 2) {
      memory.u64[control.tval >>> 3] = BigInt(this.code.wordAt(memory.u32[control.record >>> 2]!).word);
      memory.u64[control.tval2 >>> 3] = 0n;
      memory.u64[control.tinst >>> 3] = 0n;
      memory.u32[control.gva >>> 2] = 0;
    } else if ((cause === 21 || cause === 23) && hart.tinst === 0n) {
      const { word } = this.code.wordAt(memory.u32[control.record >>> 2]!);
      memory.u64[control.tinst >>> 3] = transformedInstruction(word, hart.context, hart.tval);
    }
  }

  private mmioLoad(address: number, size: Size): number {
    const { memory, bus } = this;
    if (!bus.load(address, size)) return 0;
    memory.u32[control.mmioValue >>> 2] = bus.low;
    memory.u32[(control.mmioValue + 4) >>> 2] = size === 8 ? bus.high : 0;
    this.leave();
    return 1;
  }

  private mmioStore(address: number, size: Size): number {
    const { memory } = this;
    const low = memory.u32[control.mmioValue >>> 2]!;
    const high = memory.u32[(control.mmioValue + 4) >>> 2]!;
    if (!this.bus.store(address, size, low, high)) return 0;
    this.leave();
    return 1;
  }

  private watchedStored(address: number, length: number): void {
    this.bus.watched(address, length);
    this.leave();
  }

  /** Makes the dispatch loop end after the current instruction. */
  leave(): void {
    this.memory.u32[control.signal >>> 2] = signals.leave;
  }

  /** Leaves accesses to a CSR, by its number, to TypeScript, so that a hart's port is asked for counts. */
  watchCsr(number: number): void {
    this.memory.u8[control.csrIndex + number] = 0;
  }

  /** Reports every store to the page of this physical address to the bus. */
  watch(address: number): void {
    this.code.watch(this.memory.layout.ram + Math.floor((address - ramBase) / pageSize) * pageSize);
  }

  /** The embedder wrote to RAM: predecoded code of these bytes is stale. */
  written(host: number, length: number): void {
    const end = host + length;
    for (let page = host - (host % pageSize); page < end; page += pageSize) {
      if (!this.code.has(page)) continue;
      const start = Math.max(host, page);
      this.code.stored(start, Math.min(end, page + pageSize) - start);
    }
  }

  /** See `HartPort.translationChanged`. */
  chooseBanks(hart: Hart): void {
    const { context } = hart;
    const cache = this.cacheOf(hart);
    regimeOf(context);
    const data = context.low(fields.dataRegime);
    const fetch = context.low(fields.fetchRegime);
    // The second choice may evict the first; then choose again, with the other one fresh in use.
    let epoch: number;
    do {
      epoch = cache.evictions;
      context.setLow(fields.dataBank, cache.bank(context, data));
      context.setLow(fields.fetchBank, cache.bank(context, fetch));
    } while (epoch !== cache.evictions);
    context.bankEpoch = epoch;
  }

  fence(hart: Hart, scope: FenceScope): void {
    this.cacheOf(hart).fence(scope);
  }

  flushTranslations(): void {
    for (const cache of this.caches) cache.flushAll();
  }

  /** Drops everything that is cached of memory and translations, as after loading another machine's memory. */
  forget(): void {
    this.code.clear();
    this.flushTranslations();
  }

  /** Loads in a regime of the caller's choice; undefined: a trap was raised. */
  loadAs(hart: Hart, regime: number, address: bigint, size: Size, executable: boolean): bigint | undefined {
    this.clearTrap();
    const kind = executable ? access.readExecutable : access.read;
    const value = this.core.load(hart.context.base, address, size, kind, regime, 0);
    return this.trapped ? undefined : BigInt.asUintN(64, value);
  }

  storeAs(hart: Hart, regime: number, address: bigint, size: Size, value: bigint): boolean {
    this.clearTrap();
    this.core.store(hart.context.base, address, size, value, regime, 0);
    return !this.trapped;
  }

  /** Translates for a debugger or a kernel: the physical address, or undefined. Sets accessed and dirty bits as the access would. */
  translate(hart: Hart, regime: number, address: bigint, kind: keyof typeof access): bigint | undefined {
    const physical = this.core.translate(hart.context.base, address, access[kind], regime);
    this.clearTrap();
    return physical < 0n ? undefined : physical;
  }

  /** The instruction bits at an address that `hart` would fetch from; undefined if it could not. */
  instructionAt(hart: Hart, pc: bigint): number | undefined {
    const low = this.halfwordAt(hart, pc);
    if (low === undefined || (low & 3) !== 3) return low;
    const high = this.halfwordAt(hart, BigInt.asUintN(64, pc + 2n));
    return high === undefined ? undefined : (low | (high << 16)) >>> 0;
  }

  private halfwordAt(hart: Hart, address: bigint): number | undefined {
    const physical = this.translate(hart, hart.context.get('fetchRegime'), address, 'execute');
    const host = physical === undefined ? -1 : this.memory.hostAddress(Number(physical), 2);
    return host < 0 ? undefined : this.memory.u16[host >>> 1]!;
  }

  private clearTrap(): void {
    this.memory.u32[control.signal >>> 2] = signals.none;
  }
}

/** A record's operands as register numbers. One object serves all instructions. */
class RecordOperands implements SystemOperands {
  private at = 0;

  private readonly u16: Uint16Array;

  constructor(private readonly engine: Engine) {
    this.u16 = engine.memory.u16;
  }

  of(at: number): this {
    this.at = at;
    return this;
  }
  private register(field: number): number {
    const offset = this.u16[(this.at + field) >>> 1]!;
    return offset === fields.sink ? 0 : (offset - fields.x) >>> 3;
  }
  get rd(): number {
    return this.register(record.rd);
  }
  get rs1(): number {
    return this.register(record.rs1);
  }
  get rs2(): number {
    return this.register(record.rs2);
  }
  get imm(): number {
    return this.engine.memory.u32[(this.at + record.imm) >>> 2]!;
  }
  get word(): number {
    return this.engine.code.wordAt(this.at).word;
  }
  get nextPc(): bigint {
    const length = this.engine.memory.u8[this.at + record.advance]! >>> 3;
    return BigInt.asUintN(64, this.engine.running.context.pc + BigInt(length));
  }
}
