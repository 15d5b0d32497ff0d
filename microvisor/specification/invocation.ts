// An invocation: what the current thread asks of an object, and with what.

import { capAt } from './derivation.ts';
import { word } from './message.ts';
import type { Capability, ObjectId, SlotId, State } from './state.ts';

export class Invocation {
  constructor(
    readonly s: State,
    readonly thread: ObjectId,
    readonly label: number,
    /** Words that can be read. */
    private readonly length: number,
    /** The slot of the capability that is invoked. */
    readonly slot: SlotId,
    readonly slots: readonly SlotId[],
    private readonly buffer: number | null,
  ) {}
  word(index: number): bigint {
    return word(this.s, this.thread, this.buffer, index);
  }
  number(index: number): number {
    return Number(this.word(index));
  }
  flag(index: number, bit: number): boolean {
    return (this.word(index) & BigInt(bit)) !== 0n;
  }
  /** Whether fewer words, or fewer capabilities beside them, came than are needed. */
  lacks(words: number, caps: number): boolean {
    return this.length < words || this.slots.length < caps;
  }
  /** Whether `count` words follow the first `after`. */
  hasMore(after: number, count: bigint): boolean {
    return BigInt(this.length - after) >= count;
  }
  cap(index: number): Capability | undefined {
    return capAt(this.s, this.slots[index]!);
  }
}
