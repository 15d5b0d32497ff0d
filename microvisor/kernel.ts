// The kernel's whole state, and its doors to the machine. Everything here but the doors is saved and loaded (save.ts).

import { context as contextFields, pageFlags, pageSize, pages } from '../hw/engine/layout.ts';
import type { MachineMemory } from '../hw/engine/memory.ts';
import { Context } from '../hw/hart/context.ts';
import type { Hart } from '../hw/hart/hart.ts';
import { asidPoolCount, maxIrq, numPriorities } from './abi/limits.ts';
import { type CostTable, windowGuard, worstOperation } from './costs.ts';
import type { LookupFailure } from './fault-values.ts';
import { type AsidPool, CNode, SchedContext, type Slot, Tcb, TcbQueue, threadState } from './objects.ts';
import type { KernelPort, RealmDirectory } from './ports.ts';
import { initContext } from './registers.ts';

export const defaultConfig = {
  /** Takes the short way where there is one; what comes of it is the same. */
  fastPath: true,
  /** Whether there is what seL4 lacks (abi/extensions.ts). */
  extensions: true,
  /** 1, or several for the profiles `domains` and `cells`. */
  numDomains: 1,
  /** Domains begin at their tick, whatever ran before (windows.ts). Profile `cells` only: seL4's begin when they can. */
  windows: false,
  /** Entries of a domain schedule, the end marker included. */
  domainScheduleLength: 2,
  rootCNodeSizeBits: 13,
  timebaseHz: 10_000_000,
  clockHz: 1_000_000_000,
  /** The least budget is twice this, in µs: seL4's estimate of its worst case, scaled. */
  kernelWcetUs: 10,
  bootThreadTimeSliceUs: 5000,
};
export type KernelConfig = typeof defaultConfig;

/** The doors: what the kernel is given, and does not save. */
export interface Machine {
  memory: MachineMemory;
  harts: readonly Hart[];
  port: KernelPort;
  realms?: RealmDirectory;
}

/** A thread to switch to, or what to do instead (seL4's SchedulerAction). */
export type SchedulerAction = Tcb | 'resume' | 'choose';

export interface DomainSlice {
  domain: number;
  /** Timer ticks; 0 with domain 0 ends the schedule. */
  duration: number;
}

/** What the kernel keeps for each hart (seL4's node state). */
export class Node {
  current: Tcb;
  currentSchedContext: SchedContext;
  action: SchedulerAction = 'resume';
  /** Ready queues by domain × 256 + priority; which of them are not empty: 8 words per domain; which of these are not 0: one. */
  readonly ready: TcbQueue[] = [];
  readonly readyBitmap: number[] = [];
  readonly readyWords: number[] = [];
  readonly release = new TcbQueue();
  /** Virtual harts that wait for their timer, by time. */
  readonly virtualTimers: Tcb[] = [];
  /** Ticks: the time of this entry, and what has been used since the current context was last charged. */
  time = 0;
  consumed = 0;
  reprogram = true;
  /** Harts that have to choose again when this one leaves the kernel. */
  reschedulePending = 0;
  /** Cycles of kernel work in this entry that the clock doesn't show yet. */
  cost = 0;
  domain = 0;
  domainTime = Infinity;
  /** Ticks: when the next window begins. Infinity: windows are not in use. */
  windowEnd = Infinity;
  /** Windows that began late: none, or the guard is too short. */
  overruns = 0;
  /** Steps of long operations since the kernel last looked whether something more urgent waits. */
  workUnits = 0;
  domainIndex = 0;
  domainStart = 0;
  readonly domainSchedule: DomainSlice[] = [];
  constructor(
    readonly id: number,
    readonly idle: Tcb,
    readonly idleSchedContext: SchedContext,
    config: KernelConfig,
  ) {
    this.current = idle;
    this.currentSchedContext = idleSchedContext;
    for (let i = 0; i < config.numDomains * numPriorities; i++) this.ready.push(new TcbQueue());
    for (let i = 0; i < config.numDomains * 8; i++) this.readyBitmap.push(0);
    for (let i = 0; i < config.numDomains; i++) this.readyWords.push(0);
    for (let i = 0; i < config.domainScheduleLength; i++) this.domainSchedule.push({ domain: 0, duration: 0 });
    this.domainSchedule[0]!.duration = Infinity;
  }
}

/** Lines above the PLIC's are the kernel's own: the timer, and between several harts two kinds of interrupts. */
export const irqState = { inactive: 0, signal: 1, kernel: 2 } as const;

export class Kernel {
  readonly nodes: Node[] = [];
  /** The node whose hart is in the kernel. */
  node!: Node;
  readonly irqStates: number[] = new Array<number>(maxIrq + 1).fill(irqState.inactive);
  /** Which notification each interrupt signals. */
  readonly irqSlots = new CNode(0, 7, false);
  readonly asidTable: (AsidPool | null)[] = new Array<AsidPool | null>(asidPoolCount).fill(null);
  /** Every thread that exists, but the idle ones: what else exists can be reached from them and the derivation tree. */
  threads: Tcb[] = [];
  /** A table that maps nothing, for threads without an address space. */
  emptyRoot = 0;
  /** Contexts in machine memory: slots that were freed, and the first that was never used. */
  readonly freeContexts: number[] = [];
  unusedContext: number;
  /** The capabilities beside the message in hand, and why the last lookup failed. */
  extraCaps: Slot[] = [];
  lookupFailure: LookupFailure | null = null;
  readonly cyclesPerTick: number;
  /** How much before its end a window is left, and what the kernel may charge between two looks at the clock. */
  readonly guardTicks: number;
  readonly mostWork: number;
  readonly minBudgetUs: number;
  readonly minBudget: number;

  constructor(
    readonly machine: Machine,
    readonly config: KernelConfig,
    readonly costs: CostTable,
  ) {
    this.cyclesPerTick = config.clockHz / config.timebaseHz;
    this.guardTicks = Math.ceil(windowGuard(costs) / this.cyclesPerTick);
    this.mostWork = config.windows ? worstOperation(costs) : Infinity;
    this.minBudgetUs = 2 * config.kernelWcetUs;
    this.minBudget = this.usToTicks(this.minBudgetUs);
    for (let i = 0; i < (machine.harts.length > 1 ? 3 : 1); i++) this.irqStates.push(irqState.kernel);
    // Harts begin in the first contexts (Hart's constructor): these become the idle threads'.
    this.unusedContext = machine.harts.length;
    machine.harts.forEach((hart, id) => {
      const idle = new Tcb(-1 - id, hart.context);
      initContext(idle.context, config.windows);
      idle.state = threadState.idle;
      idle.name = 'idle_thread';
      idle.affinity = id;
      const schedContext = new SchedContext(-1 - id, 7);
      schedContext.core = id;
      schedContext.tcb = idle;
      schedContext.refillMax = 2;
      schedContext.refillTail = 1;
      schedContext.refills.push({ time: 0, amount: Infinity }, { time: 0, amount: 0 });
      idle.schedContext = schedContext;
      this.nodes.push(new Node(id, idle, schedContext, config));
    });
    this.node = this.nodes[0]!;
  }

  /** Charges kernel work to the hart that is in the kernel. */
  charge(cycles: number): void {
    this.node.cost += cycles;
  }

  usToTicks(us: number): number {
    return us * (this.config.timebaseHz / 1_000_000);
  }
  ticksToUs(ticks: number): number {
    return Math.floor(ticks / (this.config.timebaseHz / 1_000_000));
  }

  /** How many threads can still be made: machine memory bounds them, besides RAM. */
  get contextsLeft(): number {
    return this.freeContexts.length + this.machine.memory.layout.maxContexts - this.unusedContext;
  }
  /** A context for a new thread. */
  allocateContext(): Context {
    const { memory } = this.machine;
    const slot = this.freeContexts.pop() ?? this.unusedContext++;
    if (slot >= memory.layout.maxContexts) throw new RangeError('machine memory has no context left');
    const context = new Context(memory, memory.layout.contexts + slot * contextFields.size);
    initContext(context, this.config.windows);
    return context;
  }
  freeContext(context: Context): void {
    this.freeContexts.push((context.base - this.machine.memory.layout.contexts) / contextFields.size);
  }

  /** A 64-bit word of RAM. */
  loadWord(physical: number): bigint {
    return this.machine.memory.u64[this.host(physical, 8) >>> 3]!;
  }
  storeWord(physical: number, value: bigint): void {
    this.machine.memory.u64[this.host(physical, 8) >>> 3] = value;
    this.written(physical, 8);
  }
  /** Fills RAM with zeros and charges for it. */
  clearMemory(physical: number, length: number): void {
    const at = this.host(physical, length);
    this.machine.memory.u8.fill(0, at, at + length);
    this.written(physical, length);
    this.charge(Math.ceil((length / pageSize) * this.costs.clearPage));
  }
  /** Tells the engine of stores to pages that hold predecoded code. */
  written(physical: number, length: number): void {
    const { memory, port } = this.machine;
    const host = this.host(physical, length);
    for (let page = host >>> 12; page <= (host + length - 1) >>> 12; page++) {
      if ((memory.u8[pages.flags + page]! & pageFlags.code) === 0) continue;
      port.codeWritten(physical, length);
      return;
    }
  }
  private host(physical: number, length: number): number {
    const at = this.machine.memory.hostAddress(physical, length);
    if (at < 0) throw new Error(`kernel access outside RAM: ${physical.toString(16)}`);
    return at;
  }
}
