// What a thread of the grinder may name: slots of the root CNode, chosen by what lies in them.

import { capAddress } from '../../microvisor/cspace/capability.ts';
import { type Capability, type CNode, capType, type Slot, type Tcb } from '../../microvisor/objects.ts';
import type { Dice } from '../dice.ts';
import type { Kept } from './population.ts';
import { type GrindSystem, slotCount } from './system.ts';

type CapOf<T extends Capability['type']> = Extract<Capability, { type: T }>;

/** Addresses at which pages and tables are mapped. */
const regions = [0x1_0000, 0x40_0000, 0x60_0000, 0x4000_0000, 0x8000_0000] as const;

export class Picker {
  private node!: CNode;

  constructor(
    readonly system: GrindSystem,
    readonly dice: Dice,
    private readonly kept: Pick<Kept, 'firstKept' | 'firstOwn'>,
  ) {}

  /** Slots before this are not thrown away, but for chance. */
  get firstOwn(): number {
    return this.kept.firstOwn;
  }

  /** Looks at the root CNode anew. false: it is gone. */
  refresh(): boolean {
    const node = this.system.rootCNode();
    if (node === undefined) return false;
    this.node = node;
    return true;
  }

  slot(index: number): Slot {
    return this.node.slot(index);
  }
  cap(index: number): Capability {
    return this.node.slot(index).cap;
  }
  /** Any slot whose capability is acceptable, from a random place on; −1: none. */
  find(accept: (cap: Capability, slot: Slot) => boolean): number {
    const start = this.any();
    const { firstKept, firstOwn } = this.kept;
    for (let i = 0; i < slotCount; i++) {
      const index = (start + i) % slotCount;
      if (i > 0 && index >= firstKept && index < firstOwn) continue;
      const slot = this.node.slot(index);
      if (accept(slot.cap, slot)) return index;
    }
    return -1;
  }
  ofType<T extends Capability['type']>(type: T, accept: (cap: CapOf<T>, slot: Slot) => boolean = () => true): number {
    return this.find((cap, slot) => cap.type === type && accept(cap as CapOf<T>, slot));
  }
  /** An empty slot; −1: none. */
  empty(): number {
    return this.find(({ type }, { index }) => type === capType.null && index >= this.firstOwn);
  }
  /** `count` empty slots in a row, or fewer; the first of them. */
  emptyRun(count: number): { first: number; count: number } {
    const first = this.empty();
    let length = first < 0 ? 0 : 1;
    while (
      length > 0 &&
      length < count &&
      first + length < slotCount &&
      this.cap(first + length).type === capType.null
    ) {
      length++;
    }
    return { first, count: length };
  }
  /** Something that was not there at boot; seldom anything at all. */
  victim(): number {
    if (this.dice.once(2000)) return this.any();
    return this.find(({ type }, { index }) => type !== capType.null && index >= this.firstOwn);
  }
  /** Any slot; hardly ever one of the keeper's. */
  any(): number {
    const { firstKept, firstOwn } = this.kept;
    const index = this.dice.below(slotCount);
    return index >= firstKept && index < firstOwn && !this.dice.once(100) ? firstOwn : index;
  }
  thread(accept: (tcb: Tcb) => boolean = () => true): number {
    return this.ofType(capType.thread, ({ tcb }) => accept(tcb));
  }
  /** A thread that is not the one that acts. */
  otherThread(hart: number): number {
    const current = this.system.current(hart);
    return this.thread((tcb) => tcb !== current);
  }
  /** An address space; `stale`: a table in one that is gone. */
  space(stale = false): number {
    const { asidTable } = this.system.kernel;
    return this.ofType(capType.pageTable, (cap) => {
      const root = asidTable[cap.asid >>> 9]?.roots[cap.asid & 511] ?? null;
      return cap.mapped && (stale ? root === null : root?.address === cap.address);
    });
  }
  address(bits: number): number {
    const size = 2 ** bits;
    return Math.floor((this.dice.of(regions) + this.dice.below(12) * 4096) / size) * size + this.dice.below(3) * size;
  }
  /** How much of the CNode is in use, from 0 to 1. */
  get fill(): number {
    let used = 0;
    for (let i = 0; i < slotCount; i += 4) if (this.cap(i).type !== capType.null) used++;
    return used / (slotCount / 4);
  }
  addressOf(index: number): number {
    return capAddress(this.cap(index));
  }
}
