// An invocation in hand: label, arguments and extra capabilities of the message that the current thread sends to the kernel.

import type { Kernel } from '../kernel.ts';
import { messageRegister } from '../message.ts';
import type { Capability, Slot, Tcb } from '../objects.ts';

export class Invocation {
  readonly thread: Tcb;
  constructor(
    readonly kernel: Kernel,
    readonly label: number,
    /** Words of the message; without an IPC buffer at most those in registers. */
    readonly length: number,
    /** The slot of the capability that is invoked. */
    readonly slot: Slot,
    private readonly buffer: number,
  ) {
    this.thread = kernel.node.current;
  }
  /** Message word `index`, unsigned; it must be below `length`. */
  word(index: number): bigint {
    return messageRegister(this.kernel, this.thread, this.buffer, index);
  }
  /** A message word as a number: exact below 2^53, and still large when it is larger. */
  number(index: number): number {
    return Number(this.word(index));
  }
  /** How many capabilities came with the message, and the slots that they are in. */
  get extraCapCount(): number {
    return this.kernel.extraCaps.length;
  }
  extraSlot(index: number): Slot {
    return this.kernel.extraCaps[index]!;
  }
  extraCap(index: number): Capability {
    return this.kernel.extraCaps[index]!.cap;
  }
  /** Whether fewer words or capabilities came than an operation takes. */
  lacks(words: number, caps: number): boolean {
    return this.length < words || this.extraCapCount < caps;
  }
}
