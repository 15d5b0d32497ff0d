// The abstract state: maps of objects by the address that names them, capabilities by slot, queues as arrays.

import type { Fault } from './fault.ts';

/** What names an object: its physical address. */
export type ObjectId = number;
/** A slot: the address of what holds it (a CNode, a TCB), or `irq`; and its index there. */
export type SlotId = string;
export const slotId = (holder: ObjectId | 'irq', index: number): SlotId => `${holder.toString(16)}/${index}`;

/** Slots of a TCB. */
export const tcbSlots = { cspace: 0, vspace: 1, buffer: 2, faultHandler: 3, timeoutHandler: 4, count: 5 } as const;

export interface Mapping {
  asid: number;
  address: number;
}
export type FrameRights = 'none' | 'read' | 'read-write';

export type Capability =
  | { kind: 'untyped'; address: number; bits: number; device: boolean; used: number }
  | {
      kind: 'endpoint';
      object: ObjectId;
      badge: bigint;
      send: boolean;
      receive: boolean;
      grant: boolean;
      grantReply: boolean;
    }
  | { kind: 'notification'; object: ObjectId; badge: bigint; send: boolean; receive: boolean }
  | { kind: 'reply'; object: ObjectId; grant: boolean }
  | { kind: 'cnode'; object: ObjectId; radix: number; guard: bigint; guardBits: number }
  | { kind: 'tcb'; object: ObjectId }
  | { kind: 'sched-context'; object: ObjectId; bits: number }
  | { kind: 'irq-handler'; irq: number }
  | { kind: 'frame'; object: ObjectId; bits: number; device: boolean; rights: FrameRights; mapping: Mapping | null }
  | { kind: 'page-table'; object: ObjectId; mapping: Mapping | null }
  | { kind: 'asid-pool'; object: ObjectId; base: number }
  /** What is left of a CNode or TCB that is being destroyed: slots from `left` on are empty. */
  | { kind: 'zombie'; object: ObjectId; bits: number; left: number }
  | { kind: 'irq-control' | 'domain' | 'asid-control' | 'sched-control' };
export type Of<K extends Capability['kind']> = Extract<Capability, { kind: K }>;

/** A slot that holds a capability, with its place in the derivation tree. */
export interface Slot {
  cap: Capability;
  parent: SlotId | null;
  /** Youngest first. */
  children: SlotId[];
  /** Whether later copies are its children, and not its siblings. */
  original: boolean;
}

/** What a thread is doing. */
export type Activity =
  | { kind: 'inactive' | 'running' | 'restart' }
  | { kind: 'sending'; endpoint: ObjectId; badge: bigint; grant: boolean; grantReply: boolean; call: boolean }
  | { kind: 'receiving'; endpoint: ObjectId; reply: ObjectId | null }
  | { kind: 'waiting'; notification: ObjectId }
  | { kind: 'calling'; reply: ObjectId };

export interface Thread {
  activity: Activity;
  fault: Fault | null;
  priority: number;
  /** Maximum controlled priority. */
  mcp: number;
  domain: number;
  schedContext: ObjectId | null;
  yieldsTo: ObjectId | null;
  notification: ObjectId | null;
  /** Where in its frame the IPC buffer begins: the low 30 bits of its address. */
  buffer: number;
  flags: number;
  /** x0 to x31, unsigned. */
  registers: bigint[];
  pc: bigint;
  /** Where it goes on when its system call or its faulting instruction starts again. */
  restartPc: bigint;
}

export interface Endpoint {
  senders: ObjectId[];
  receivers: ObjectId[];
}
export interface Notification {
  /** Badges that have been signalled and not yet received. */
  signalled: bigint | null;
  waiters: ObjectId[];
  thread: ObjectId | null;
  schedContext: ObjectId | null;
}
export interface Reply {
  thread: ObjectId | null;
}
/** Times and amounts in timer ticks. */
export interface Refill {
  time: number;
  amount: number;
}
export interface SchedContext {
  period: number;
  consumed: number;
  badge: bigint;
  sporadic: boolean;
  /** 0: not configured. */
  maxRefills: number;
  refills: Refill[];
  thread: ObjectId | null;
  notification: ObjectId | null;
  yieldsFrom: ObjectId | null;
  /** Reply objects of the callers along which it was donated; the latest is last. */
  callers: ObjectId[];
}

export type PageTableEntry =
  | { kind: 'table'; object: ObjectId }
  | { kind: 'frame'; object: ObjectId; rights: FrameRights; executable: boolean };

export interface DomainSlice {
  domain: number;
  /** 0 with domain 0 ends the schedule. */
  duration: number;
}

export interface Config {
  numDomains: number;
  ticksPerUs: number;
  /** The least budget, in ticks. */
  minBudget: number;
  /** The longest period, in µs. */
  maxPeriodUs: bigint;
  /** The greatest interrupt, and whether the kernel keeps some for itself at the end. */
  maxIrq: number;
}

export interface State {
  readonly config: Config;
  slots: Record<SlotId, Slot>;
  threads: Record<ObjectId, Thread>;
  endpoints: Record<ObjectId, Endpoint>;
  notifications: Record<ObjectId, Notification>;
  replies: Record<ObjectId, Reply>;
  schedContexts: Record<ObjectId, SchedContext>;
  tables: Record<ObjectId, Record<number, PageTableEntry>>;
  pools: Record<ObjectId, Record<number, ObjectId>>;
  /** ASID pools by their place in the table of pools. */
  asids: Record<number, ObjectId>;
  /** Interrupts that have a handler capability. */
  irqs: Record<number, true>;
  /** User memory: words that hold other than zero, by page and by place in it. */
  memory: Record<number, Record<number, bigint>>;

  /** Who runs; null: nobody. */
  current: ObjectId | null;
  /** Whose time passes; null: nobody's. */
  currentContext: ObjectId | null;
  /** Decided so far in this entry: nothing, that someone has to be chosen, or who runs next unless someone outranks it. */
  next: 'same' | 'choose' | ObjectId;
  /** Ready threads by domain × 256 + priority; empty queues are absent. */
  ready: Record<number, ObjectId[]>;
  /** Threads that wait for their next refill, by its time. */
  released: ObjectId[];

  now: number;
  /** Ticks since the current context was last charged. */
  consumed: number;
  /** Whether the timer has to be set anew. */
  rearm: boolean;
  deadline: number;
  /** Steps of long operations since they last looked for interrupts. */
  work: number;
  /** Whether an interrupt waits, as a long operation sees it. */
  interrupted: boolean;
  domain: { current: number; time: number; index: number; start: number; schedule: DomainSlice[] };
}

export const thread = (s: State, id: ObjectId): Thread => s.threads[id]!;
export const running = { kind: 'running' } as const;
export const restart = { kind: 'restart' } as const;
export const inactive = { kind: 'inactive' } as const;
