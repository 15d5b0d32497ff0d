// What the root thread makes before a round begins: something of everything, and threads that can act.

import { initialCap } from '../../microvisor/abi/boot-info.ts';
import { type InvocationLabel, label } from '../../microvisor/abi/invocation-labels.ts';
import { wordBits } from '../../microvisor/abi/limits.ts';
import { objectType } from '../../microvisor/abi/object-types.ts';
import { allRights } from '../../microvisor/abi/rights.ts';
import { systemCall } from '../../microvisor/abi/system-calls.ts';
import { capType } from '../../microvisor/objects.ts';
import type { CallStep } from './step.ts';
import { type GrindSystem, slotCount } from './system.ts';

const root = initialCap.cNode;
const priorities = [150, 150, 100, 100, 150, 60] as const;

/** An invocation as a step of the hart's thread. */
export function callStep(
  hart: number,
  attempt: { capability: number; label: number; words: readonly (number | bigint)[]; caps: readonly number[] },
  number: number = systemCall.call,
): CallStep {
  return {
    kind: 'call',
    hart,
    number,
    capability: BigInt(attempt.capability),
    reply: BigInt(attempt.capability),
    destination: BigInt(attempt.capability),
    label: attempt.label,
    words: attempt.words.map((word) => BigInt.asUintN(64, BigInt(word))),
    caps: attempt.caps.map((cap) => BigInt(cap)),
    receive: null,
  };
}

/** What the keeper needs; the grinder leaves these alone, but for chance. */
export interface Kept {
  /** The keeper's slots; those behind them are anybody's. */
  readonly firstKept: number;
  readonly firstOwn: number;
  readonly keeper: number;
  /** It waits for this notification, which this interrupt signals. */
  readonly notification: number;
  readonly irq: number;
  readonly handler: number;
}

export class Population implements Kept {
  readonly keeper: number;
  readonly notification: number;
  readonly irq = 9;
  readonly handler: number;
  readonly firstOwn: number;
  private next: number;
  /** The two largest pieces of untyped memory. */
  private readonly untyped: number;
  private readonly second: number;

  constructor(
    private readonly system: GrindSystem,
    /** The first slot that boot has left empty. */
    readonly firstKept: number,
    /** Fills the pool of ASIDs: nothing has one left to give. */
    crowded: boolean,
  ) {
    this.next = firstKept;
    [this.untyped = -1, this.second = -1] = this.largestUntypeds();
    this.notification = this.make(objectType.notification);
    this.handler = this.next++;
    this.invoke('IRQIssueIRQHandler', initialCap.irqControl, [this.irq, this.handler, wordBits], [root]);
    this.invoke('IRQSetIRQHandler', this.handler, [], [this.notification]);
    const keeper = { priority: 255, address: 0x1_7000, budget: 10_000, period: 10_000, badge: 0, faults: 0 };
    this.keeper = this.makeThread(keeper, 0);
    if (crowded) this.fillPool();
    this.firstOwn = this.next;
    this.populate(crowded);
  }

  private largestUntypeds(): number[] {
    const found: { index: number; bits: number }[] = [];
    for (let index = 0; index < slotCount; index++) {
      const { cap } = this.system.rootCNode()!.slot(index);
      if (cap.type === capType.untyped && !cap.device) found.push({ index, bits: cap.sizeBits });
    }
    return found.sort((a, b) => b.bits - a.bits).map(({ index }) => index);
  }

  private makeThread(
    {
      priority,
      address,
      budget,
      period,
      badge,
      faults,
    }: Record<'priority' | 'address' | 'budget' | 'period' | 'badge' | 'faults', number>,
    core: number,
  ): number {
    const tcb = this.make(objectType.tcb);
    const sc = this.make(objectType.schedContext, 8);
    const frame = this.make(objectType.page);
    this.invoke('RISCVPageMap', frame, [address, 3, 0], [initialCap.vspace]);
    this.invoke('TCBConfigure', tcb, [0, 0, address], [root, initialCap.vspace, frame]);
    const controls: number[] = [];
    for (let index = 0; index < slotCount; index++) {
      if (this.system.rootCNode()!.slot(index).cap.type === capType.schedControl) controls.push(index);
    }
    this.invoke(
      'SchedControlConfigureFlags',
      controls[core % controls.length]!,
      [budget, period, 2, badge, badge & 1],
      [sc],
    );
    this.invoke('TCBSetSchedParams', tcb, [255, priority], [initialCap.tcb, sc, faults]);
    return tcb;
  }

  private invoke(
    name: InvocationLabel,
    capability: number,
    words: (number | bigint)[] = [],
    caps: number[] = [],
  ): void {
    while (this.system.nextHart() !== 0);
    const answer = this.system.take(callStep(0, { capability, label: label[name], words, caps }));
    if (answer?.error !== 0) throw new Error(`${name} fails with error ${answer?.error} before the round begins`);
  }
  private make(type: number, size = 0, count = 1): number {
    const first = this.next;
    this.next += count;
    this.invoke('UntypedRetype', this.untyped, [type, size, 0, 0, first, count], [root]);
    return first;
  }
  private mint(source: number, badge: number): void {
    this.invoke('CNodeMint', root, [this.next++, wordBits, source, wordBits, allRights, badge], [root]);
  }

  /** Address spaces in a CNode of their own, each assigned while it is where its capability can be named. */
  private fillPool(): void {
    const radix = 9;
    const node = this.make(objectType.capTable, radix);
    const first = this.make(objectType.pageTable);
    this.invoke('RISCVASIDPoolAssign', initialCap.asidPool, [], [first]);
    const desk = this.next++;
    for (const offset of [0, 256]) {
      this.invoke('UntypedRetype', this.second, [objectType.pageTable, 0, node, wordBits, offset, 256], [root]);
    }
    // ASID 0 is none, 1 is the root thread's, 2 was the first.
    for (let index = 0; index < 512 - 3; index++) {
      this.invoke('CNodeMove', root, [desk, wordBits, index, radix], [node]);
      this.invoke('RISCVASIDPoolAssign', initialCap.asidPool, [], [desk]);
      this.invoke('CNodeMove', node, [index, radix, desk, wordBits], [root]);
    }
  }

  private populate(crowded: boolean): void {
    const endpoints = this.make(objectType.endpoint, 0, 3);
    const notifications = this.make(objectType.notification, 0, 3);
    this.make(objectType.reply, 0, 4);
    this.make(objectType.untyped, 16, 3);
    this.make(objectType.untyped, 12, 4);
    this.make(objectType.capTable, 4);
    this.make(objectType.schedContext, 9, 2);
    this.make(objectType.vcpu, 0, 2);
    this.make(objectType.page, 0, 3);
    const table = this.make(objectType.pageTable, 0, 6);
    const guest = this.make(objectType.guestRoot, 39);
    this.make(objectType.guestRoot, 48);
    if (!crowded) {
      for (const space of [table, guest]) this.invoke('RISCVASIDPoolAssign', initialCap.asidPool, [], [space]);
      this.leaveStaleTable(table + 4, table + 5);
    }
    this.invoke('RISCVPageTableMap', table + 1, [0x4000_0000, 0], [initialCap.vspace]);
    for (const badge of [1, 2]) {
      this.mint(endpoints, badge);
      this.mint(notifications, badge);
    }
    this.populateInterrupts(notifications);
    this.populateThreads(endpoints);
    this.invoke('TCBSetSchedParams', initialCap.tcb, [255, 150], [initialCap.tcb, initialCap.schedContext, endpoints]);
    this.invoke('TCBResume', this.keeper);
  }

  /** A table that is mapped in an address space that is gone. */
  private leaveStaleTable(space: number, table: number): void {
    this.invoke('RISCVASIDPoolAssign', initialCap.asidPool, [], [space]);
    this.invoke('RISCVPageTableMap', table, [0, 0], [space]);
    this.invoke('CNodeDelete', root, [space, wordBits]);
  }

  private populateInterrupts(notifications: number): void {
    for (const irq of [7, 8]) {
      const handler = this.next++;
      this.invoke('IRQIssueIRQHandler', initialCap.irqControl, [irq, handler, wordBits], [root]);
      this.invoke('IRQSetIRQHandler', handler, [], [notifications + irq - 7]);
    }
  }

  private populateThreads(faults: number): void {
    priorities.forEach((priority, i) => {
      const budget = 300 * (1 + (i % 3));
      const period = i % 2 === 0 ? budget : budget * 4;
      const tcb = this.makeThread({ priority, address: 0x1_8000 + i * 0x1000, budget, period, badge: i, faults }, i);
      if (i === 1) this.invoke('TCBSetTimeoutEndpoint', tcb, [], [faults + 1]);
      this.invoke('TCBResume', tcb);
    });
  }
}
