// What an author writes of a server: its handlers, in the manner of the seL4 Microkit.

import type { Cell } from './cell.ts';
import type { Channel } from './channel.ts';
import type { Message } from './system-call.ts';

/** A fault of a child: what seL4 sends to a fault endpoint. */
export interface ChildFault extends Message {
  /** Child number, and the name of its cell. */
  readonly child: number;
  readonly name: string;
}

/**
 * Handlers run to their end, one at a time. When one fails, its draft, signals and what it wrote into channels never
 * happen; calls that were answered have happened. The server stops then, and its supervisor decides.
 */
export interface ServerDefinition<State> {
  /** The state at first and after a restart: plain data. Absent: an empty object. */
  state?: () => State;
  /** Changes when the shape of the state does. Default 1. */
  stateVersion?: number;
  /** Turns the state of an earlier version into the present one, when the program is replaced while it runs. */
  migrate?: (state: unknown, version: number) => State;
  /** The state changes in place, with an undo log: for servers that write a little very often. */
  mutable?: true;
  /** Once, before all others. */
  init?: (cell: Cell<State>) => void;
  /** The other end of a channel has signalled, once or more often. */
  notified?: (cell: Cell<State>, channel: Channel) => void;
  /** A client calls over an `rpc` channel; what is returned is its answer. undefined: an empty message. */
  protected?: (cell: Cell<State>, channel: Channel, message: Message) => Message | undefined;
  /** A child has faulted. An answer lets it go on as seL4 says for the kind of fault; undefined: it stays stopped. */
  fault?: (cell: Cell<State>, fault: ChildFault) => Message | undefined;
  /** After `init`, when the server starts again: why, in words (`a memory fault`). */
  restarted?: (cell: Cell<State>, reason: string) => void;
}
