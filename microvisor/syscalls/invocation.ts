// An invocation in hand: label, arguments and extra capabilities of the message that the current thread sends to the kernel; and
// the tables of methods in which its label is looked up.

import { type InvocationLabel, invocationNames } from '../abi/invocation-labels.ts';
import type { Kernel } from '../kernel.ts';
import { messageRegister } from '../message.ts';
import type { Capability, Slot, Tcb } from '../objects.ts';
import { done, type Outcome, type Result, refusal } from '../outcome.ts';

export class Invocation {
  readonly thread: Tcb;
  constructor(
    private readonly kernel: Kernel,
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
}

/** How many message words and extra capabilities a method takes at least, and what it does to its target. */
type Method<Target> = readonly [
  words: number,
  caps: number,
  run: (kernel: Kernel, invocation: Invocation, target: Target) => Result,
];

/** The methods of a kind of object. */
export type Methods<Target> = Readonly<Partial<Record<InvocationLabel, Method<Target>>>>;

export function invoke<Target>(
  kernel: Kernel,
  invocation: Invocation,
  methods: Methods<Target>,
  target: Target,
): Outcome {
  const method = methods[invocationNames[invocation.label] ?? 'Invalid'];
  if (method === undefined) return refusal.illegalOperation;
  const [words, caps, run] = method;
  if (invocation.length < words || invocation.extraCapCount < caps) return refusal.truncatedMessage;
  return run(kernel, invocation, target) ?? done;
}
