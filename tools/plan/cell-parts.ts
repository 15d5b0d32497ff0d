// The parts of a cell's server while the plan is made.

import type { Cell } from '../manifest/model.ts';
import type { AddressSpace, CSpace, ObjectId, Server, Thread } from './plan.ts';

export interface CellParts {
  cell: Cell;
  cspace: CSpace;
  space: AddressSpace;
  server: Server;
  thread: Thread;
  endpoint: ObjectId;
  notification: ObjectId;
  /** Threads in VS-mode. */
  vcpus: Thread[];
  guest: AddressSpace | undefined;
  /** The next channel number: channels, interrupts and heartbeats share the bits of a badge. */
  nextNumber: number;
}
