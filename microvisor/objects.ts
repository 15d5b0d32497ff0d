// The kernel's objects and the capabilities to them: data only. One file, because they refer to one another; what is done with
// them stands in a file per noun. Addresses are physical.

import type { Context } from '../hw/hart/context.ts';
import { asidsPerPool, sizeBits } from './abi/limits.ts';
import type { Fault, LookupFailure } from './fault-values.ts';
import type { Realm } from './realm.ts';

/** Tags of capabilities: seL4's own, which DebugCapIdentify shows (odd: of the architecture), and ours. */
export const capType = {
  null: 0,
  frame: 1,
  untyped: 2,
  pageTable: 3,
  endpoint: 4,
  notification: 6,
  reply: 8,
  cNode: 10,
  asidControl: 11,
  thread: 12,
  asidPool: 13,
  irqControl: 14,
  irqHandler: 16,
  zombie: 18,
  domain: 20,
  schedContext: 22,
  schedControl: 24,
  vcpu: 26,
  realmControl: 28,
} as const;

/** What there is to know of capabilities, by type. Those that are missing name no object. */
interface CapFields {
  /** `watermark`: bytes from its start that are taken. */
  untyped: { address: number; sizeBits: number; device: boolean; watermark: number };
  endpoint: MessageRights & { endpoint: Endpoint; badge: bigint; canGrant: boolean; canGrantReply: boolean };
  notification: MessageRights & { notification: Notification; badge: bigint };
  reply: { reply: Reply; canGrant: boolean };
  /** The guard is in halves. */
  cNode: { node: CNode; guardSize: number; guardLow: number; guardHigh: number };
  thread: { tcb: Tcb };
  irqHandler: { irq: number };
  /** A CNode (or the slots of a TCB) that is being destroyed: slots from `count` on are empty. */
  zombie: { node: CNode; count: number };
  schedContext: { schedContext: SchedContext };
  schedControl: { core: number };
  /** `asid` 0: not mapped. */
  frame: { address: number; sizeBits: number; rights: VmRights; device: boolean; asid: number; mappedAddress: number };
  /** A page table, a VSpace root (the same object type), or a guest root. */
  pageTable: { address: number; guestLevels: 0 | 3 | 4; mapped: boolean; asid: number; mappedAddress: number };
  asidPool: { pool: AsidPool; base: number };
  vcpu: { vcpu: Vcpu };
}
interface MessageRights {
  canSend: boolean;
  canReceive: boolean;
}

type CapName = keyof typeof capType;
export type Cap<Name extends CapName> = { readonly type: (typeof capType)[Name] } & Readonly<
  Name extends keyof CapFields ? CapFields[Name] : object
>;
export type Capability = { [Name in CapName]: Cap<Name> }[CapName];

export type PlainCap = Cap<Exclude<CapName, keyof CapFields>>;
export type UntypedCap = Cap<'untyped'>;
export type EndpointCap = Cap<'endpoint'>;
export type NotificationCap = Cap<'notification'>;
export type CNodeCap = Cap<'cNode'>;
export type FrameCap = Cap<'frame'>;
export type PageTableCap = Cap<'pageTable'>;

export const nullCap: PlainCap = { type: capType.null };

/** Rights that a frame capability gives: seL4's vm_rights. */
export const vmRights = { kernelOnly: 1, readOnly: 2, readWrite: 3 } as const;
export type VmRights = (typeof vmRights)[keyof typeof vmRights];

/** What occupies a range of memory: 2^sizeBits bytes. */
export class KernelObject {
  constructor(
    readonly address: number,
    readonly sizeBits: number,
  ) {}
}

/** A capability slot with its place in the derivation tree (seL4's CTE): a doubly linked list in prefix order. */
export class Slot {
  cap: Capability = nullCap;
  next: Slot | null = null;
  prev: Slot | null = null;
  revocable = false;
  firstBadged = false;
  constructor(
    readonly node: CNode,
    readonly index: number,
  ) {}
}

const slotPageBits = 8;
const slotInPage = (1 << slotPageBits) - 1;

/** Slots that lie together: a CNode, or those that belong to a TCB or the kernel. */
export class CNode {
  /** In pages: a sparse array of all of them would be a hash table. */
  private slots: Slot[][] = [];
  constructor(
    readonly address: number,
    readonly radix: number,
    /** The slots of a TCB, which are not addressable. */
    readonly ofTcb: boolean,
  ) {}
  get sizeBits(): number {
    return this.ofTcb ? sizeBits.tcb : this.radix + sizeBits.slot;
  }
  /** The slot at `index`, which is below 2^radix. Slots come into being when first looked at. */
  slot(index: number): Slot {
    return this.slots[index >>> slotPageBits]?.[index & slotInPage] ?? this.add(index, new Slot(this, index));
  }
  private add(index: number, slot: Slot): Slot {
    const page = this.slots[index >>> slotPageBits] ?? [];
    this.slots[index >>> slotPageBits] = page;
    page[index & slotInPage] = slot;
    return slot;
  }
  /** Slots that hold a capability. */
  *occupied(): IterableIterator<Slot> {
    for (const page of this.slots) {
      for (const slot of page ?? []) if (slot !== undefined && slot.cap.type !== capType.null) yield slot;
    }
  }
  /** Puts back what `occupied` gave. */
  restore(slots: readonly (readonly [number, Slot])[]): void {
    this.slots = [];
    for (const [index, slot] of slots) this.add(index, slot);
  }
}

export const threadState = {
  inactive: 0,
  running: 1,
  restart: 2,
  blockedOnReceive: 3,
  blockedOnSend: 4,
  blockedOnReply: 5,
  blockedOnNotification: 6,
  idle: 7,
  /** Extension: a virtual hart in WFI. */
  waitingForInterrupt: 8,
} as const;
export type ThreadState = (typeof threadState)[keyof typeof threadState];

/** A queue of threads, linked through them. A thread is in at most one. */
export class TcbQueue {
  head: Tcb | null = null;
  end: Tcb | null = null;
}

export const tcbSlot = { cTable: 0, vTable: 1, buffer: 2, faultHandler: 3, timeoutHandler: 4, count: 5 } as const;

export class Tcb {
  readonly sizeBits = sizeBits.tcb;
  readonly slots: CNode;
  state: ThreadState = threadState.inactive;
  /** What it is blocked on, and with which message authority. */
  blockingObject: Endpoint | Notification | null = null;
  blockingBadge = 0n;
  blockingCanGrant = false;
  blockingCanGrantReply = false;
  blockingIsCall = false;
  replyObject: Reply | null = null;
  /** In a ready queue; in a release queue. */
  queued = false;
  inReleaseQueue = false;
  next: Tcb | null = null;
  prev: Tcb | null = null;
  fault: Fault | null = null;
  lookupFailure: LookupFailure | null = null;
  domain = 0;
  maxControlledPriority = 0;
  priority = 0;
  schedContext: SchedContext | null = null;
  yieldTo: SchedContext | null = null;
  boundNotification: Notification | null = null;
  /** Low 30 bits of the buffer's virtual address: its place within the frame. */
  ipcBuffer = 0;
  affinity = 0;
  flags = 0;
  /** The capability that its context's satp was made of; null: it must be made again. */
  space: Capability | null = null;
  name = '';
  /** Messages that it has sent. */
  messages = 0;
  vcpu: Vcpu | null = null;
  realm: Realm | null = null;
  /** Which realm it is, and cycles of work that it still has to pay for. */
  realmNumber = 0;
  realmDebt = 0;
  constructor(
    readonly address: number,
    readonly context: Context,
  ) {
    this.slots = new CNode(address, 3, true);
  }
}

export const endpointState = { idle: 0, send: 1, recv: 2 } as const;

export class Endpoint extends KernelObject {
  readonly queue = new TcbQueue();
  state: (typeof endpointState)[keyof typeof endpointState] = endpointState.idle;
}

export const notificationState = { idle: 0, waiting: 1, active: 2 } as const;

export class Notification extends KernelObject {
  readonly queue = new TcbQueue();
  state: (typeof notificationState)[keyof typeof notificationState] = notificationState.idle;
  /** The badges that have been signalled, or-ed together. */
  messageIdentifier = 0n;
  boundTcb: Tcb | null = null;
  schedContext: SchedContext | null = null;
}

/** A link in a call stack: the caller that waits for this reply; above it the reply that was made later, or the context. */
export class Reply extends KernelObject {
  tcb: Tcb | null = null;
  prev: Reply | null = null;
  next: Reply | SchedContext | null = null;
}

/** Times in timer ticks. */
export interface Refill {
  time: number;
  amount: number;
}

export class SchedContext extends KernelObject {
  period = 0;
  consumed = 0;
  core = 0;
  tcb: Tcb | null = null;
  reply: Reply | null = null;
  notification: Notification | null = null;
  badge = 0n;
  yieldFrom: Tcb | null = null;
  /** 0: not configured. */
  refillMax = 0;
  refillHead = 0;
  refillTail = 0;
  sporadic = false;
  readonly refills: Refill[] = [];
  /** What it was configured with: the refills always add up to it. */
  budget = 0;
}

export class AsidPool extends KernelObject {
  /** The tables that the ASIDs of this pool name; their levels if they are guest roots. */
  readonly roots = new Array<AsidRoot | null>(asidsPerPool).fill(null);
}
export interface AsidRoot {
  readonly asid: number;
  readonly address: number;
  readonly guestLevels: 0 | 3 | 4;
}

/** A virtual hart. Its registers are those of its thread's context. */
export class Vcpu extends KernelObject {
  tcb: Tcb | null = null;
  /** The stage-2 table that it was bound with; ASID 0: that is gone. */
  root: AsidRoot | null = null;
  /** Where it is in the queue of virtual timers: ticks of the machine's timer, Infinity if not waiting. */
  wakeAt = Infinity;
}
