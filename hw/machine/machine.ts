// The machine: harts that take turns on one virtual clock, devices on a bus, and the order in which things happen.
//
// Harts run one after another through quanta of the lookahead L. A quantum ends at a multiple of L or at the next
// device event. What one hart does to another at t arrives at t + L. Where a quantum ends depends on the machine's state
// only, so that a run may be stopped and continued anywhere without changing it.

import { type AclintState, aclint, aclintBase, createAclint, softwareInterrupt, timerRise } from '../aclint.ts';
import type { DeviceModel } from '../device.ts';
import { Engine } from '../engine/engine.ts';
import { control, context as fields, type MemoryLimits, targets } from '../engine/layout.ts';
import { MachineMemory, romBase } from '../engine/memory.ts';
import type { TranslatorOptions } from '../engine/translator/options.ts';
import { Context } from '../hart/context.ts';
import { Hart, type HartPort, type Supervisor } from '../hart/hart.ts';
import { pendingInterrupt, timerDeadline, wfiWakes } from '../hart/interrupts.ts';
import { deliver, deliverInterrupt } from '../hart/trap.ts';
import type { Attachment, Bus } from './bus.ts';
import { Devices, type SavedDevices, type Wires } from './devices.ts';
import { Lane, type SavedLane } from './lane.ts';
import { loadMemory, type SavedMemory, saveMemory } from './saved-memory.ts';
import { TraceHash } from './trace-hash.ts';

export interface MachineConfig {
  /** 1 to 8. */
  harts: number;
  /** Bytes: a multiple of 64 KiB, at most 3 GiB. */
  ramSize: number;
  /** Cycles, and mtime ticks, per second; the clock is a multiple of the timebase. */
  clockHz?: number;
  timebaseHz?: number;
  lookaheadNs?: number;
  /** Resident software that takes the harts' traps instead of guest code; `install` gives it later. */
  supervisor?: Supervisor;
  /** For `install`: the mode that the resident software will live in. */
  supervisorMode?: Supervisor['mode'];
  /** How hot code is translated to WebAssembly; false: everything is interpreted. It changes no result. */
  translator?: TranslatorOptions | false | undefined;
  limits?: MemoryLimits;
}

const msip = 1 << 3;
const mtip = 1 << 7;

const savedVersion = 4;

/** A machine at rest, as plain data. */
export interface SavedMachine {
  version: number;
  ramSize: number;
  quantum: [start: number, end: number];
  harts: ({ context: number; lines: number; guestLines: bigint } & SavedLane)[];
  memory: SavedMemory;
  devices: SavedDevices;
  hash: [number, number];
}

/** Why `run` came back. */
export type StopReason =
  /** The limit is reached. */
  | 'limit'
  /** `stop` was called. */
  | 'stopped'
  /** Every hart waits, and no event is due: only input can wake the machine. */
  | 'idle';

/** What a resident kernel is told besides traps, and the threads that it runs itself. */
export interface KernelHooks {
  /** The hart has reached the deadline that was set in `deadlines`. */
  timer(hart: Hart): void;
  /** Another hart asked with `sendReschedule`. */
  reschedule(hart: Hart): void;
  /** Whether the hart's thread is not machine code. */
  runsRealm(hart: Hart): boolean;
  /** Runs such threads until the hart's clock reaches `limit`, or machine code is to run. */
  runRealm(hart: Hart, limit: number): void;
}

/** Sees every instruction; `word` is undefined if it could not be fetched. */
export interface InstructionObserver {
  before(hart: Hart): void;
  after(hart: Hart, pc: bigint, word: number | undefined): void;
}

export class Machine {
  readonly memory: MachineMemory;
  readonly engine: Engine;
  readonly harts: Hart[];
  readonly devices: Devices;
  readonly hash: TraceHash;
  readonly clockHz: number;
  readonly timebaseHz: number;
  readonly lookahead: number;
  private kernel: KernelHooks | undefined;
  /** Called for every trap, before it is delivered. */
  onTrap: ((hart: Hart, cause: number, interrupt: boolean) => void) | undefined;

  /** Called around every instruction; with it the machine runs one instruction at a time, to the same effect. */
  onInstruction: InstructionObserver | undefined;

  /**
   * Each hart's clock in cycles; while it executes instructions, where its slice of them will end. A resident kernel that runs on a
   * hart adds what it takes itself.
   */
  readonly clocks: Float64Array;
  /** A resident kernel's next event on each hart, in cycles; Infinity: none. */
  readonly deadlines: Float64Array;
  private readonly lanes: Lane[];
  private clint: Attachment<AclintState> | undefined;
  private running: Lane | undefined;
  private quantumStart = 0;
  private quantumEnd = 0;
  /** How far a hart that is alone may run without a look at the quanta on its way: nothing is due in them. */
  private reach = 0;
  private stopping = false;

  constructor(config: MachineConfig) {
    this.clockHz = config.clockHz ?? 1e9;
    this.timebaseHz = config.timebaseHz ?? 1e7;
    this.lookahead = Math.max(1, Math.round(((config.lookaheadNs ?? 50_000) * this.clockHz) / 1e9));
    this.memory = new MachineMemory(config.ramSize, config.limits);
    this.hash = new TraceHash(this.memory);
    const world = {
      nowNs: () => this.nowNs,
      readMemory: (address: number, length: number) => this.readMemory(address, length),
      writeMemory: (address: number, bytes: Uint8Array) => this.writeMemory(address, bytes),
    };
    this.memory.f64[control.cyclesPerTick >>> 3] = this.clockHz / this.timebaseHz;
    this.devices = new Devices(world, this.clockHz / 1e9);
    this.harts = Array.from({ length: config.harts }, (_, id) => new Hart(id, this.memory));
    this.engine = new Engine(
      this.memory,
      this.devices.bus,
      config.harts,
      (config.supervisor?.mode ?? config.supervisorMode) === 'HS',
      config.translator ?? {},
    );
    this.clocks = new Float64Array(config.harts);
    this.deadlines = new Float64Array(config.harts);
    this.lanes = this.harts.map((hart) => new Lane(hart, this.clocks, this.deadlines));
    for (const lane of this.lanes) {
      lane.hart.supervisor = config.supervisor;
      lane.hart.port = this.portOf(lane);
    }
  }

  get bus(): Bus {
    return this.devices.bus;
  }

  /** The cycle up to which everything has happened. */
  get now(): number {
    return this.running ? this.cycleOf(this.running) : this.quantumStart;
  }
  get nowNs(): number {
    return (this.now * 1e9) / this.clockHz;
  }
  /** Instructions that a hart has retired. */
  instructionsOf(hart: Hart): number {
    return this.instretOf(this.lanes[hart.id]!);
  }

  private cycleOf(lane: Lane): number {
    return lane === this.running ? lane.sliceEnd - this.engine.left : lane.sliceEnd;
  }

  private instretOf(lane: Lane): number {
    return lane === this.running ? lane.retired - this.engine.left - this.engine.trapsDelivered : lane.retired;
  }

  private portOf(lane: Lane): HartPort {
    const { engine } = this;
    const { hart } = lane;
    const perTick = this.clockHz / this.timebaseHz;
    return {
      cycles: () => BigInt(this.cycleOf(lane)),
      instret: () => BigInt(this.instretOf(lane)),
      time: () => BigInt.asUintN(64, BigInt(Math.floor(this.cycleOf(lane) / perTick)) + this.timeOffset),
      translationChanged: () => engine.chooseBanks(hart),
      protectionChanged: () => engine.flushTranslations(),
      fence: (scope) => engine.fence(hart, scope),
      loadAs: (regime, address, size, { executable }) => engine.loadAs(hart, regime, address, size, executable),
      storeAs: (regime, address, size, value) => engine.storeAs(hart, regime, address, size, value),
    };
  }

  /** Makes a resident kernel of `supervisorMode` the supervisor of every hart. */
  install(kernel: Supervisor & KernelHooks): void {
    this.kernel = kernel;
    for (const hart of this.harts) hart.supervisor = kernel;
  }

  // ---- devices

  /** Puts a device on the bus, or beside it (`base` undefined). Throws a RangeError if another one is there. */
  attach<S>(name: string, base: number | undefined, model: DeviceModel<S>, state: S, wires: Wires = {}): Attachment<S> {
    return this.devices.attach(name, base, model, state, wires);
  }

  /** Puts the machine's ACLINT on the bus: MSIP and MTIP of every hart, and mtime. */
  attachAclint(): void {
    const state = createAclint(this.harts.length, 1e9 / this.timebaseHz);
    const write: typeof aclint.write = (...access) => {
      aclint.write(...access);
      this.followAclint();
    };
    const model = { ...aclint, write };
    this.clint = this.attach('clint', aclintBase, model, state);
  }

  /** mtime is the clock plus what was written to it. */
  private get timeOffset(): bigint {
    if (!this.clint) return 0n;
    const [low, high] = this.clint.state.mtimeOffset;
    if (low === 0 && high === 0) return 0n;
    return (BigInt(high) << 32n) | BigInt(low);
  }

  private followAclint(): void {
    const { state } = this.clint!;
    for (const lane of this.lanes) {
      const raised = softwareInterrupt(state, lane.hart.id);
      if (raised !== ((lane.hart.lines & msip) !== 0)) this.setLines(lane.hart, msip, raised);
      lane.timerRise = (timerRise(state, this.nowNs, lane.hart.id) * this.clockHz) / 1e9;
    }
  }

  /** The cycle at which mtime reaches a value; Infinity if that is beyond this age. */
  private cycleOfTime(time: bigint): number {
    const cycle = Number(time - this.timeOffset) * (this.clockHz / this.timebaseHz);
    return cycle <= Number.MAX_SAFE_INTEGER ? cycle : Infinity;
  }

  /** A copy of physical memory, or undefined if the range is not all memory. */
  readMemory(address: number, length: number): Uint8Array | undefined {
    const host = this.memory.hostAddress(address, length);
    return host < 0 ? undefined : this.memory.u8.slice(host, host + length);
  }

  writeMemory(address: number, bytes: Uint8Array): boolean {
    const host = this.memory.hostAddress(address, bytes.length);
    if (host < this.memory.layout.ram || bytes.length === 0) return host >= 0 && bytes.length === 0;
    this.memory.u8.set(bytes, host);
    this.engine.written(host, bytes.length);
    for (const { hart } of this.lanes) hart.context.dropReservationOf(host, bytes.length);
    return true;
  }

  /** Fills the ROM, where harts start. */
  writeRom(bytes: Uint8Array): void {
    this.memory.u8.set(bytes, this.memory.hostAddress(romBase, bytes.length));
  }

  /** Bytes for a device from outside. They enter at the next quantum, and are logged. */
  input(device: string, port: number, bytes: Uint8Array): void {
    this.devices.input(device, port, bytes);
  }

  // ---- effects on harts

  /**
   * Drives interrupt lines (bits of mip) of a hart. On the hart that is running, and between quanta, at once; on
   * another hart after the lookahead.
   */
  setLines(hart: Hart, lines: number, raised: boolean): void {
    const lane = this.lanes[hart.id]!;
    if (this.running === undefined || this.running === lane) {
      // What was sent before is older than this, and must not undo it when it arrives.
      lane.supersede(lines);
      this.applyLines(hart, lines, raised);
    } else this.send(lane, lines, raised);
  }

  private applyLines(hart: Hart, lines: number, raised: boolean): void {
    hart.lines = raised ? hart.lines | lines : hart.lines & ~lines;
  }

  private send(lane: Lane, lines: number, raised: boolean): void {
    lane.send({ cycle: this.now + this.lookahead, lines, raised });
  }

  /** Whether the resident kernel's deadline on this hart has come. */
  deadlineReached(hart: Hart): boolean {
    const lane = this.lanes[hart.id]!;
    return lane.deadline <= this.cycleOf(lane);
  }
  /** Makes `KernelHooks.reschedule` happen on another hart, after the lookahead. */
  sendReschedule(hart: Hart): void {
    this.send(this.lanes[hart.id]!, 0, true);
  }
  /** A hart's clock in cycles. */
  cycles(hart: Hart): number {
    return this.cycleOf(this.lanes[hart.id]!);
  }
  // ---- running

  /** Makes `run` return after the current instruction. */
  stop(): void {
    this.stopping = true;
    this.engine.leave();
  }

  /**
   * Runs until the clock reaches `limit` (cycles), something calls `stop`, or nothing can happen any more. A limit inside
   * a quantum stops the hart whose turn it is there; the others wait for their turn, so that going on later continues
   * the same order.
   */
  run(limit: number): StopReason {
    this.stopping = false;
    // What has come from outside meanwhile is due when the quantum ends.
    this.reach = this.quantumEnd;
    for (;;) {
      for (const lane of this.lanes) {
        if (lane.sliceEnd < Math.min(this.quantumEnd, limit)) this.runLane(lane, limit);
        if (this.stopping) return 'stopped';
        if (lane.sliceEnd < this.quantumEnd) return 'limit';
      }
      this.quantumStart = this.quantumEnd;
      const idle = !this.beginQuantum(limit);
      if (this.stopping) return 'stopped';
      if (idle) return 'idle';
      if (this.quantumStart >= limit) return 'limit';
    }
  }

  /** Takes what is due between two quanta, and sets the end of the next. False: there is nothing to run. */
  private beginQuantum(limit: number): boolean {
    const start = this.quantumStart;
    this.takeInput();
    this.devices.wake(start);
    if (this.lanes.length > 1) for (const { hart } of this.lanes) hart.context.dropReservation();
    if (this.lanes.every((lane) => this.sleeps(lane))) {
      const next = this.nextOfAll;
      if (next === Infinity) return false;
      this.sleepUntil(Math.floor(Math.min(next, limit) / this.lookahead) * this.lookahead);
      if (this.quantumStart > start) return true;
    }
    // The grid is absolute.
    const end = (Math.floor(start / this.lookahead) + 1) * this.lookahead;
    const wake = this.devices.nextWake;
    this.quantumEnd = wake > start && wake < end ? wake : end;
    this.reach = this.lanes.length === 1 && wake > start ? wake : this.quantumEnd;
    return true;
  }

  /**
   * A hart that is alone has gone on: the quantum is the one that it is in, as if it had gone through all of them. What it did
   * there may have made something due.
   */
  private catchUp(lane: Lane): void {
    if (lane.sliceEnd > this.quantumEnd) {
      const end = Math.ceil(lane.sliceEnd / this.lookahead) * this.lookahead;
      this.quantumStart = end - this.lookahead;
      this.quantumEnd = Math.min(end, this.reach);
    }
    this.reach = this.quantumEnd;
  }

  /** Skips quanta without events while every hart sleeps. What is due at `cycle` is still to be taken. */
  private sleepUntil(cycle: number): void {
    if (cycle <= this.quantumStart) return;
    for (const lane of this.lanes) lane.sliceEnd = Math.max(lane.sliceEnd, cycle);
    this.quantumStart = cycle;
    this.quantumEnd = cycle;
  }

  private takeInput(): void {
    for (const { cycle, device, port, bytes } of this.devices.takeInput(this.quantumStart)) {
      this.hash.add.number(cycle);
      this.hash.add.word(port);
      for (const character of `${device} ${bytes}`) this.hash.add.word(character.charCodeAt(0));
    }
  }

  private sleeps(lane: Lane): boolean {
    return (
      lane.hart.context.low(fields.waiting) !== 0 &&
      lane.nextArrival === Infinity &&
      !wfiWakes(lane.hart) &&
      lane.timerRise > lane.sliceEnd
    );
  }

  /** The cycle before which nothing happens without input: every hart sleeps. The present if one does not; Infinity: never. */
  get quietUntil(): number {
    return this.lanes.every((lane) => this.sleeps(lane)) ? Math.max(this.now, this.nextOfAll) : this.now;
  }

  private get nextOfAll(): number {
    return Math.min(...this.lanes.map((lane) => this.nextEvent(lane)), this.devices.nextWake);
  }

  /** The next cycle at which something happens on a hart by itself. */
  private nextEvent(lane: Lane): number {
    const deadline = timerDeadline(lane.hart);
    let next = deadline === Infinity ? Infinity : this.cycleOfTime(BigInt(deadline));
    if (lane.timerRise > lane.sliceEnd && lane.timerRise < next) next = lane.timerRise;
    if (lane.deadline < next) next = lane.deadline;
    if (lane.nextArrival < next) next = lane.nextArrival;
    return next;
  }

  /** Runs a hart until the quantum ends. */
  private runLane(lane: Lane, limit: number): void {
    const { engine } = this;
    const { hart } = lane;
    this.running = lane;
    while (lane.sliceEnd < Math.min(this.quantumEnd, limit) && !this.stopping) {
      this.receive(lane);
      if (lane.deadline <= lane.sliceEnd) {
        lane.deadline = Infinity;
        this.kernel?.timer(hart);
        continue;
      }
      const interrupt = pendingInterrupt(hart);
      if (interrupt >= 0) {
        lane.sliceEnd++;
        this.trace(hart, interrupt, true);
        deliverInterrupt(hart, interrupt);
        continue;
      }
      const next = Math.min(limit, this.nextEvent(lane));
      const end = Math.min(this.quantumEnd, next);
      if (this.kernel?.runsRealm(hart)) {
        this.kernel.runRealm(hart, end);
        continue;
      }
      if (hart.context.low(fields.waiting) !== 0) {
        if (wfiWakes(hart)) hart.context.setLow(fields.waiting, 0);
        else lane.sliceEnd = Math.max(lane.sliceEnd + 1, end);
        continue;
      }
      if (this.onInstruction) this.step(lane, this.onInstruction);
      else this.runSlice(lane, Math.min(Math.max(1, Math.min(this.reach, next) - lane.sliceEnd), engine.longestSlice));
      this.catchUp(lane);
      if (engine.trapped) {
        lane.retired--;
        this.trace(hart, hart.cause, false);
        deliver(hart);
      }
    }
    this.running = undefined;
  }

  /** At most `budget` cycles of instructions. */
  private runSlice(lane: Lane, budget: number): void {
    const { engine } = this;
    const { u32, f64 } = this.memory;
    lane.sliceEnd += budget;
    lane.retired += budget;
    f64[control.sliceEnd >>> 3] = lane.sliceEnd;
    f64[control.sliceRetired >>> 3] = lane.retired;
    u32[control.delivered >>> 2] = this.deliveredTargets(lane.hart);
    if (this.clint) u32.set(this.clint.state.mtimeOffset, control.timeOffset >>> 2);
    const left = engine.run(lane.hart, budget);
    lane.sliceEnd -= left;
    lane.retired -= left + engine.trapsDelivered;
    engine.trapsDelivered = 0;
  }

  /** The modes whose traps guest code takes, unless somebody wants to see them. */
  private deliveredTargets({ supervisor }: Hart): number {
    if (this.onTrap || this.onInstruction) return 0;
    if (supervisor === undefined) return targets.m | targets.hs | targets.vs;
    return supervisor.mode === 'M' ? targets.hs | targets.vs : targets.vs;
  }

  private step(lane: Lane, observer: InstructionObserver): void {
    const { hart } = lane;
    if (hart.context.bankEpoch < 0) this.engine.chooseBanks(hart);
    const { pc } = hart.context;
    const word = this.engine.instructionAt(hart, pc);
    observer.before(hart);
    this.runSlice(lane, 1);
    observer.after(hart, pc, word);
  }

  private receive(lane: Lane): void {
    const { hart } = lane;
    this.applyLines(hart, mtip, lane.sliceEnd >= lane.timerRise);
    for (let arrival = lane.takeArrival(); arrival !== undefined; arrival = lane.takeArrival()) {
      if (arrival.lines !== 0) this.applyLines(hart, arrival.lines, arrival.raised);
      else this.kernel?.reschedule(hart);
    }
  }

  /** Adds a digest of memory to the trace hash: at the end of a run. */
  hashMemory(): void {
    const { ram, ramSize } = this.memory.layout;
    this.hash.add.memory(ram, ram + ramSize);
  }

  // ---- saving

  /** The whole machine as plain data; memory pages of zeros are left out. */
  save(): SavedMachine {
    const { lanes, memory } = this;
    return {
      version: savedVersion,
      ramSize: memory.layout.ramSize,
      quantum: [this.quantumStart, this.quantumEnd],
      harts: lanes.map((lane) => {
        const { context, lines, guestLines } = lane.hart;
        return { context: context.base, lines, guestLines, ...lane.save() };
      }),
      memory: saveMemory(memory),
      devices: this.devices.save(),
      hash: this.hash.save(),
    };
  }

  /** Takes over a saved machine. Throws a RangeError that tells what differs if it was saved from another kind of machine. */
  load(saved: SavedMachine): void {
    const { lanes, memory } = this;
    const same = <T>(theirs: T, ours: T, describe: (value: T) => string): void => {
      if (theirs === ours) return;
      throw new RangeError(`the machine was saved with ${describe(theirs)}, this one has ${describe(ours)}`);
    };
    same(saved.version, savedVersion, (version) => `format version ${version}`);
    same(saved.ramSize, memory.layout.ramSize, (bytes) => `${bytes / 2 ** 20}M of RAM`);
    same(saved.harts.length, lanes.length, (count) => `${count} ${count === 1 ? 'hart' : 'harts'}`);
    same(
      Object.keys(saved.devices.states).join(),
      this.devices.names,
      (names) => `the devices ${names.replaceAll(',', ', ')}`,
    );
    loadMemory(memory, saved.memory);
    [this.quantumStart, this.quantumEnd] = saved.quantum;
    this.reach = this.quantumEnd;
    saved.harts.forEach(({ context, lines, guestLines, ...progress }, index) => {
      const lane = lanes[index]!;
      lane.load(progress);
      Object.assign(lane.hart, { lines, guestLines, context: new Context(memory, context) });
    });
    this.devices.load(saved.devices);
    this.hash.load(saved.hash);
    this.engine.forget();
  }

  /** Adds an event on a hart to the trace hash, with its time and registers. */
  traceEvent(hart: Hart, event: number): void {
    this.hash.add.trap(hart.context.base, this.cycleOf(this.lanes[hart.id]!), event, hart.id);
  }

  private trace(hart: Hart, cause: number, interrupt: boolean): void {
    this.traceEvent(hart, interrupt ? cause | 0x8000_0000 : cause);
    this.onTrap?.(hart, cause, interrupt);
  }
}
