// The plan as a script: the invocations that make the system from what the kernel hands to its first thread. The script
// decides nothing but where in untyped memory an object goes.

import { slot } from '../../guests/sdk/layout.ts';
import { bootInfo, initialCap } from '../../microvisor/abi/boot-info.ts';
import { retypeFanOutLimit, sizeBits } from '../../microvisor/abi/limits.ts';
import { objectType } from '../../microvisor/abi/object-types.ts';
import { allRights, cNodeCapData, right } from '../../microvisor/abi/rights.ts';
import { cspaceRadix } from '../plan/conventions.ts';
import type { Mapping, ObjectId, ObjectType, Plan, PlanObject, Rights, Thread } from '../plan/plan.ts';
import type { Invocation } from './invocation.ts';

/** One step: an invocation, or bytes stored at an address of the boot task. */
export type Step = Invocation | { store: Uint8Array; at: number };

/** What is put into frames before anything runs: bytes at an offset of an object. */
export interface Content {
  object: ObjectId;
  offset: number;
  bytes: Uint8Array;
}

interface Untyped {
  slot: number;
  physical: number;
  sizeBits: number;
  device: boolean;
  /** Bytes used. */
  watermark: number;
}

/** What BootInfo tells. */
export interface BootFacts {
  untypeds: Untyped[];
  empty: { first: number; end: number };
  schedControl: number;
  ipcBufferAddress: number;
  cNodeSizeBits: number;
}

export function readBootInfo(page: Uint8Array): BootFacts {
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  const word = (offset: number): number => Number(view.getBigUint64(offset, true));
  const [firstUntyped, lastUntyped] = [word(bootInfo.untyped), word(bootInfo.untyped + 8)];
  const untypeds = Array.from({ length: lastUntyped - firstUntyped }, (_, index) => {
    const at = bootInfo.untypedList + 16 * index;
    return {
      slot: firstUntyped + index,
      physical: word(at),
      sizeBits: page[at + 8]!,
      device: page[at + 9] === 1,
      watermark: 0,
    };
  });
  return {
    untypeds,
    empty: { first: word(bootInfo.empty), end: word(bootInfo.empty + 8) },
    schedControl: word(bootInfo.schedControl),
    ipcBufferAddress: word(bootInfo.ipcBuffer),
    cNodeSizeBits: word(bootInfo.initThreadCNodeSizeBits),
  };
}

/** What a thread begins with: a realm by its number, or machine code. */
export type ThreadStart = { kind: 'realm'; number: number } | { kind: 'code'; entry: bigint; stack: number };

/** What the boot task needs to know once the script is done. */
export interface Script {
  steps: Step[];
  /** Where faults of cells without a supervisor arrive, and the reply object for them. */
  faultEndpoint: number;
  faultReply: number;
  /** Passive servers, by the bit with which they signal that `init` is over. */
  passive: { tcb: number; schedContext: number }[];
  /** Slot of the first capability of each object. */
  slots: ReadonlyMap<ObjectId, number>;
}

const typeCodes: Record<Exclude<ObjectType, 'IRQHandler' | 'DeviceFrame'>, number> = {
  Untyped: objectType.untyped,
  CNode: objectType.capTable,
  TCB: objectType.tcb,
  SchedContext: objectType.schedContext,
  Endpoint: objectType.endpoint,
  Reply: objectType.reply,
  Notification: objectType.notification,
  Frame: objectType.page,
  PageTable: objectType.pageTable,
  VSpace: objectType.pageTable,
  GuestRoot: objectType.guestRoot,
  VCPU: objectType.vcpu,
};

const wordDepth = 64;
const megaPage = 2 ** sizeBits.largePage;
const page = 2 ** sizeBits.page;
/** Where the boot task maps frames to fill them, in an address space that has nothing else near. */
const window = 0x10_0000_0000;
const nsPerUs = 1000;

const rightsWord = (rights: Rights): number =>
  (rights.write ? right.write : 0) |
  (rights.read ? right.read : 0) |
  (rights.grant ? right.grant : 0) |
  (rights.grantReply ? right.grantReply : 0);

/** Badge under which the faults of thread `index` of the plan reach the boot task; signals have no bit 63. */
export const bootFaultBadge = (index: number): bigint => (1n << 63n) | BigInt(index);
/** Bits of a notification word that passive servers can have. */
const maxPassive = 63;

/** Entries of a hart's domain schedule in the kernel, the end marker included. */
export const domainScheduleLength = ({ domainSchedules }: Plan): number =>
  1 + Math.max(1, ...domainSchedules.map(({ entries }) => entries.length));

export function writeScript(
  plan: Plan,
  facts: BootFacts,
  contents: readonly Content[],
  startOf: (thread: Thread) => ThreadStart,
): Script {
  return new ScriptWriter(plan, facts, contents, startOf).write();
}

class ScriptWriter {
  private readonly steps: Step[] = [];
  private readonly slots = new Map<ObjectId, number>();
  private readonly objects: ReadonlyMap<ObjectId, PlanObject>;
  private nextSlot: number;
  /** Objects that the boot task makes for itself. */
  private readonly own: { faultEndpoint: number; faultReply: number; notification: number; windowTables: number };
  private readonly passive: Script['passive'] = [];

  constructor(
    private readonly plan: Plan,
    private readonly facts: BootFacts,
    private readonly contents: readonly Content[],
    private readonly startOf: (thread: Thread) => ThreadStart,
  ) {
    this.objects = new Map(plan.objects.map((object) => [object.id, object]));
    this.nextSlot = facts.empty.first;
    this.own = { faultEndpoint: 0, faultReply: 0, notification: 0, windowTables: 0 };
  }

  write(): Script {
    this.createObjects();
    this.createInterruptHandlers();
    this.assignAddressSpaces();
    this.fillFrames();
    for (const space of this.plan.addressSpaces) this.mapSpace(space);
    this.fillCSpaces();
    this.configureTime();
    this.invoke('TCBBindNotification', initialCap.tcb, [], [this.own.notification]);
    for (const [index, thread] of this.plan.threads.entries()) this.configureThread(thread, index);
    this.configureWindows();
    for (const thread of this.plan.threads) this.startThread(thread);
    for (const { hart } of this.plan.domainSchedules) {
      this.invoke('DomainScheduleSetStart', initialCap.domain, [hart * domainScheduleLength(this.plan)]);
    }
    const { faultEndpoint, faultReply } = this.own;
    return { steps: this.steps, faultEndpoint, faultReply, passive: this.passive, slots: this.slots };
  }

  private invoke(
    label: Invocation['label'],
    capability: number,
    words: readonly (number | bigint)[] = [],
    capabilities: readonly number[] = [],
  ): void {
    this.steps.push({ label, capability, words, capabilities });
  }

  private takeSlots(count: number): number {
    const first = this.nextSlot;
    this.nextSlot += count;
    if (this.nextSlot > this.facts.empty.end) {
      throw new RangeError(
        `the system needs more than the ${this.facts.empty.end} capabilities of the boot task's CNode`,
      );
    }
    return first;
  }
  private slotOf(object: ObjectId): number {
    return this.slots.get(object)!;
  }

  // ---- objects

  /** Largest first, so that alignment wastes nothing. */
  private createObjects(): void {
    const made = this.plan.objects.filter((object) => object.type !== 'IRQHandler' && object.type !== 'DeviceFrame');
    for (const object of [...made].sort((a, b) => b.sizeBits - a.sizeBits)) {
      const { id, type, count, sizeBits: bits } = object;
      const code =
        type === 'Frame' && bits === sizeBits.largePage
          ? objectType.megaPage
          : typeCodes[type as keyof typeof typeCodes];
      const ownSize = type === 'SchedContext' || type === 'Untyped';
      const userSize = type === 'CNode' ? bits - sizeBits.slot : ownSize ? bits : 0;
      this.slots.set(id, this.create(code, bits, userSize, count));
    }
    // An untyped gives out its memory from its beginning: what lies lower comes first.
    const registers = this.plan.objects.filter(({ type }) => type === 'DeviceFrame');
    for (const { id, physical } of registers.sort((a, b) => a.physical! - b.physical!)) {
      this.slots.set(id, this.createDeviceFrame(physical!));
    }
    this.own.faultEndpoint = this.create(objectType.endpoint, sizeBits.endpoint, 0, 1);
    this.own.faultReply = this.create(objectType.reply, sizeBits.reply, 0, 1);
    this.own.notification = this.create(objectType.notification, sizeBits.notification, 0, 1);
    this.own.windowTables = this.create(objectType.pageTable, sizeBits.pageTable, 0, 2);
  }

  private create(type: number, bits: number, userSize: number, count: number): number {
    const first = this.takeSlots(count);
    const size = 2 ** bits;
    for (let done = 0; done < count; ) {
      const untyped = this.facts.untypeds.find((each) => !each.device && this.room(each, size) > 0);
      if (!untyped) throw new RangeError('the machine has too little RAM for the system');
      const now = Math.min(count - done, this.room(untyped, size), retypeFanOutLimit);
      this.retype(untyped, type, bits, userSize, first + done, now);
      done += now;
    }
    return first;
  }
  private room({ sizeBits: bits, watermark }: Untyped, size: number): number {
    return Math.floor((2 ** bits - Math.ceil(watermark / size) * size) / size);
  }
  private retype(untyped: Untyped, type: number, bits: number, userSize: number, slot: number, count: number): void {
    const size = 2 ** bits;
    untyped.watermark = Math.ceil(untyped.watermark / size) * size + count * size;
    this.invoke('UntypedRetype', untyped.slot, [type, userSize, 0, 0, slot, count], [initialCap.cNode]);
  }

  /** A page of a device untyped: what lies before it is left to small untypeds that nobody uses. */
  private createDeviceFrame(physical: number): number {
    const untyped = this.facts.untypeds.find(
      (each) =>
        each.device && physical >= each.physical + each.watermark && physical < each.physical + 2 ** each.sizeBits,
    );
    if (!untyped) throw new RangeError(`no device memory at 0x${physical.toString(16)}`);
    for (let at = untyped.physical + untyped.watermark; at < physical; at = untyped.physical + untyped.watermark) {
      let bits = untyped.sizeBits;
      while (at % 2 ** bits !== 0 || at + 2 ** bits > physical) bits--;
      this.retype(untyped, objectType.untyped, bits, bits, this.takeSlots(1), 1);
    }
    const slot = this.takeSlots(1);
    this.retype(untyped, objectType.page, sizeBits.page, 0, slot, 1);
    return slot;
  }

  private createInterruptHandlers(): void {
    for (const { irq, handler, notification, badge } of this.plan.interrupts) {
      const slot = this.takeSlots(1);
      this.slots.set(handler, slot);
      this.invoke('IRQIssueIRQHandler', initialCap.irqControl, [irq, slot, wordDepth], [initialCap.cNode]);
      const badged = this.takeSlots(1);
      this.mint(initialCap.cNode, badged, wordDepth, this.slotOf(notification), allRights, BigInt(badge));
      this.invoke('IRQSetIRQHandler', slot, [], [badged]);
    }
  }

  private mint(cNode: number, slot: number, depth: number, source: number, rights: number, badge: bigint): void {
    this.invoke('CNodeMint', cNode, [slot, depth, source, wordDepth, rights, badge], [initialCap.cNode]);
  }

  // ---- memory

  private assignAddressSpaces(): void {
    for (const { root } of this.plan.addressSpaces)
      this.invoke('RISCVASIDPoolAssign', initialCap.asidPool, [], [this.slotOf(root)]);
  }

  /** Maps each frame that has contents to the window, stores, and unmaps it again. */
  private fillFrames(): void {
    if (this.contents.length === 0) return;
    this.invoke('RISCVPageTableMap', this.own.windowTables, [window, 0], [initialCap.vspace]);
    let leafMapped = false;
    for (const { object, offset, bytes } of this.contents) {
      const { sizeBits: bits } = this.objects.get(object)!;
      const size = 2 ** bits;
      for (let done = 0; done < bytes.length; ) {
        const index = Math.floor((offset + done) / size);
        const within = (offset + done) % size;
        const count = Math.min(bytes.length - done, size - within);
        const at = size === megaPage ? window + megaPage : window;
        if (size === page && !leafMapped) {
          this.invoke('RISCVPageTableMap', this.own.windowTables + 1, [window, 0], [initialCap.vspace]);
          leafMapped = true;
        }
        const frame = this.slotOf(object) + index;
        this.invoke('RISCVPageMap', frame, [at, allRights, 1], [initialCap.vspace]);
        this.steps.push({ store: bytes.subarray(done, done + count), at: at + within });
        this.invoke('RISCVPageUnmap', frame);
        done += count;
      }
    }
  }

  private mapSpace({ root, pageTables, mappings }: Plan['addressSpaces'][number]): void {
    const vspace = this.slotOf(root);
    let table = pageTables === undefined ? 0 : this.slotOf(pageTables);
    const tables = new Set<string>();
    const ensureTables = (at: number, leaf: boolean): void => {
      for (const bits of leaf ? [sizeBits.hugePage, sizeBits.largePage] : [sizeBits.hugePage]) {
        const key = `${bits}:${Math.floor(at / 2 ** bits)}`;
        if (tables.has(key)) continue;
        tables.add(key);
        this.invoke('RISCVPageTableMap', table++, [at, 0], [vspace]);
      }
    };
    for (const { at, object, perms } of mappings) {
      const { count, sizeBits: planned, type } = this.objects.get(object)!;
      const bits = type === 'DeviceFrame' ? sizeBits.page : planned;
      for (let index = 0; index < count; index++) {
        const address = at + index * 2 ** bits;
        ensureTables(address, bits === sizeBits.page);
        this.mapFrame(this.slotOf(object) + index, address, perms, vspace);
      }
    }
  }

  /** A frame capability maps a frame once: later mappings are made with copies. */
  private readonly mapped = new Set<number>();
  private mapFrame(frame: number, at: number, perms: Mapping['perms'], vspace: number): void {
    let slot = frame;
    if (this.mapped.has(frame)) {
      slot = this.takeSlots(1);
      this.invoke('CNodeCopy', initialCap.cNode, [slot, wordDepth, frame, wordDepth, allRights], [initialCap.cNode]);
    }
    this.mapped.add(frame);
    const rights = (perms.read ? right.read : 0) | (perms.write ? right.write : 0);
    this.invoke('RISCVPageMap', slot, [at, rights, perms.execute ? 0 : 1], [vspace]);
  }

  // ---- authority, time, threads

  private fillCSpaces(): void {
    for (const { cnode, radix, capabilities } of this.plan.cspaces) {
      for (const { slot, object, rights, badge } of capabilities) {
        this.mint(this.slotOf(cnode), slot, radix, this.slotOf(object), rightsWord(rights), BigInt(badge ?? 0));
      }
    }
  }

  private configureTime(): void {
    for (const { object, hart, budgetNs, periodNs } of this.plan.schedContexts) {
      const words = [Math.floor(budgetNs / nsPerUs), Math.floor(periodNs / nsPerUs), 0, 0, 0];
      this.invoke('SchedControlConfigureFlags', this.facts.schedControl + hart, words, [this.slotOf(object)]);
    }
    for (const { object, notification } of this.plan.schedContexts) {
      if (notification) this.invoke('SchedContextBind', this.slotOf(object), [], [this.slotOf(notification)]);
    }
  }

  /** The domains of threads, and when each runs. */
  private configureWindows(): void {
    const { domainSchedules, machine } = this.plan;
    for (const { hart, entries, domains } of domainSchedules) {
      for (const [index, { domain, lengthNs }] of entries.entries()) {
        const ticks = Math.round((lengthNs * machine.timebaseHz) / 1e9);
        const words = [hart * domainScheduleLength(this.plan) + index, domain, ticks];
        this.invoke('DomainScheduleConfigure', initialCap.domain, words);
      }
      for (const { tcb, domain } of domains) {
        this.invoke('DomainSetSet', initialCap.domain, [domain], [this.slotOf(tcb)]);
      }
    }
  }

  private faultHandlerOf({ faultHandler }: Thread, index: number): number {
    const slot = this.takeSlots(1);
    const source = faultHandler ? this.slotOf(faultHandler.endpoint) : this.own.faultEndpoint;
    this.mint(
      initialCap.cNode,
      slot,
      wordDepth,
      source,
      allRights,
      faultHandler ? BigInt(faultHandler.badge) : bootFaultBadge(index),
    );
    return slot;
  }

  private configureThread(thread: Thread, index: number): void {
    const { tcb, cspace, vspace, ipcBuffer, schedContext, priority, mcp, boundNotification } = thread;
    const capability = this.slotOf(tcb);
    const handler = this.faultHandlerOf(thread, index);
    const guard = cNodeCapData(0n, wordDepth - cspaceRadix);
    const roots = [this.slotOf(cspace), this.slotOf(vspace)];
    this.invoke('TCBSetSpace', capability, [guard, 0], [handler, ...roots]);
    if (ipcBuffer) this.invoke('TCBSetIPCBuffer', capability, [ipcBuffer.at], [this.slotOf(ipcBuffer.frame)]);
    const time = schedContext === undefined ? initialCap.null : this.slotOf(schedContext);
    this.invoke('TCBSetSchedParams', capability, [mcp, priority], [initialCap.tcb, time, handler]);
    if (boundNotification) this.invoke('TCBBindNotification', capability, [], [this.slotOf(boundNotification)]);
    if (thread.passive) this.makePassive(thread);
  }

  /** The thread can signal that it needs its scheduling context no more. */
  private makePassive({ cspace, tcb, schedContext }: Thread): void {
    const bit = this.passive.push({ tcb: this.slotOf(tcb), schedContext: this.slotOf(schedContext!) }) - 1;
    if (bit >= maxPassive) throw new RangeError(`a system has at most ${maxPassive} passive servers`);
    this.mint(this.slotOf(cspace), slot.passive, cspaceRadix, this.own.notification, right.write, 1n << BigInt(bit));
  }

  private startThread(thread: Thread): void {
    const capability = this.slotOf(thread.tcb);
    const { program, vcpu, guestRoot } = thread;
    if (program.kind === 'vcpu') {
      // Its monitor sets the registers and starts it.
      this.invoke('VCPUBind', this.slotOf(vcpu!), [], [capability, this.slotOf(guestRoot!)]);
      return;
    }
    const start = this.startOf(thread);
    if (start.kind === 'realm') {
      this.invoke('RealmControlBind', initialCap.realmControl, [start.number], [capability]);
    } else {
      const registers = [start.entry, 0, start.stack]; // pc, ra, sp
      this.invoke('TCBWriteRegisters', capability, [0, registers.length, ...registers]);
    }
    this.invoke('TCBResume', capability);
  }
}
