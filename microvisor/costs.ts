// The cost table: cycles that each kernel operation takes. Settable under `machine: costs`; the defaults put a call and
// reply-receive between two address spaces near seL4's 720 to 820 instructions.

export interface CostTable {
  /** Every entry: save, decode the cause, restore. */
  entry: number;
  /** A system call that reaches a capability. */
  invocation: number;
  /** Each level of a CSpace. */
  lookup: number;
  /** Each word of a message. */
  word: number;
  /** Each capability transferred or derived. */
  derive: number;
  /** Each step along the derivation tree while revoking or deleting. */
  revokeStep: number;
  /** Endpoint, reply and notification operations. */
  ipc: number;
  /** Clearing 4 KiB. */
  clearPage: number;
  /** Making an object. */
  create: number;
  /** Writing a page table entry, with the fence. */
  map: number;
  /** Switching threads, and in addition switching address spaces, or worlds (VS-mode). */
  threadSwitch: number;
  spaceSwitch: number;
  worldSwitch: number;
  schedule: number;
  fault: number;
}

export const defaultCosts: Readonly<CostTable> = {
  entry: 120,
  invocation: 40,
  lookup: 12,
  word: 2,
  derive: 30,
  revokeStep: 40,
  ipc: 60,
  clearPage: 512,
  create: 60,
  map: 60,
  threadSwitch: 40,
  spaceSwitch: 30,
  worldSwitch: 200,
  schedule: 40,
  fault: 40,
};
