// The cost table: cycles that each kernel operation takes. Settable under `machine: costs`; the defaults come from counts of seL4's
// instructions (docs/time.md).

import { msgMaxLength, retypeFanOutLimit, wordBits } from './abi/limits.ts';

export const defaultCosts = {
  /** Every entry: save, decode the cause, restore. */
  entry: 130,
  /** A system call that reaches a capability, and in addition one that reaches an object of the kernel: decoding and answering. */
  invocation: 44,
  object: 500,
  /** Each level of a CSpace. */
  lookup: 12,
  /** Each word of a message. */
  word: 2,
  /** Each capability transferred or derived. */
  derive: 30,
  /** Each step along the derivation tree while revoking or deleting. */
  revokeStep: 440,
  /** Endpoint, reply and notification operations. */
  ipc: 64,
  /** Clearing 4 KiB. */
  clearPage: 512,
  /** Making an object. */
  create: 60,
  /** Writing a page table entry, with the fence. */
  map: 60,
  /** Switching threads, whatever their address spaces, and in addition switching worlds (VS-mode). */
  threadSwitch: 59,
  worldSwitch: 200,
  schedule: 50,
  /** Charging another scheduling context and setting the timer for it, which seL4 asks the firmware for. */
  timer: 770,
  fault: 1680,
};
export type CostTable = typeof defaultCosts;

/** The longest way in and out of the kernel, in cycles: with a switch, and a timeout fault on the way. */
const worstEntry = (costs: CostTable): number =>
  costs.entry +
  costs.schedule +
  // Another hart may have taken the thread off this one meanwhile, which is a switch of its own.
  2 * (costs.threadSwitch + costs.worldSwitch) +
  costs.timer +
  2 * costs.ipc +
  costs.fault +
  msgMaxLength * costs.word;

/**
 * The most that the kernel charges between two looks at the clock, in cycles, if it looks after every unit of a long operation as
 * it does with windows. The longest is a retype into as many objects as may be asked for, found through CSpaces of one bit a level.
 */
export const worstOperation = (costs: CostTable): number =>
  worstEntry(costs) +
  costs.invocation +
  costs.object +
  12 * wordBits * costs.lookup +
  4 * (costs.revokeStep + costs.map + costs.derive + costs.ipc) +
  2 * (costs.fault + msgMaxLength * costs.word) +
  costs.clearPage +
  retypeFanOutLimit * costs.create;

/** How much before its end a window is left, in cycles: what begins before that is over in time, and so is the switch. */
export const windowGuard = (costs: CostTable): number => worstOperation(costs) + worstEntry(costs);
