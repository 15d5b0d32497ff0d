// The event loop of a native server. One step waits for an event and handles it: it is the transaction that the realm
// repeats, commits or drops. The answer to a call leaves with the next step's wait, in one ReplyRecv.

import { Cell } from './cell.ts';
import { type CellConfig, readConfig } from './config.ts';
import { faultName } from './fault-name.ts';
import type { ServerDefinition } from './handlers.ts';
import { badge, slot } from './layout.ts';
import { machine } from './machine.ts';
import { type Message, type Received, receive, replyAndReceive, signalAndReceive } from './system-call.ts';

/** What one step leaves to the next, besides the state. */
export interface Carry {
  readonly generation: number;
  /** Why the server starts again. undefined: it starts for the first time, or runs. */
  readonly reason?: number | undefined;
  /** undefined: the server has not started yet. */
  readonly config?: CellConfig | undefined;
  /** The answer that a caller waits for. */
  readonly reply?: Message | undefined;
  /** The server is passive, and still has the scheduling context that it started with. */
  readonly parks?: boolean;
}

export function runStep<State>(definition: ServerDefinition<State>, carry: Carry): Carry {
  const { generation, reason } = carry;
  if (carry.config === undefined) return start(definition, generation, reason);
  const event = nextEvent(carry);
  const reply = dispatch(definition, new Cell<State>(carry.config, generation), event);
  return { generation, config: carry.config, reply };
}

function start<State>(definition: ServerDefinition<State>, generation: number, reason: number | undefined): Carry {
  machine.handling('init');
  const config = readConfig();
  const cell = new Cell<State>(config, generation);
  // Fresh channel memory is valid as it is; only who comes back has to tell the other end.
  if (generation > 0) for (const channel of cell.channels) channel.start();
  definition.init?.(cell);
  if (reason !== undefined) {
    machine.handling('restarted');
    definition.restarted?.(cell, faultName(reason));
  }
  return { generation, config, parks: config.passive === true };
}

function nextEvent({ reply, parks }: Carry): Received {
  if (parks) return signalAndReceive(slot.passive);
  return reply === undefined ? receive() : replyAndReceive(reply);
}

function dispatch<State>(definition: ServerDefinition<State>, cell: Cell<State>, event: Received): Message | undefined {
  const number = Number(event.badge & badge.number);
  if ((event.badge & badge.call) !== 0n) {
    machine.handling('protected');
    return definition.protected?.(cell, cell.channel(number), message(event)) ?? { label: 0, words: [] };
  }
  if ((event.badge & badge.fault) !== 0n) {
    machine.handling('fault');
    return definition.fault?.(cell, { ...message(event), child: number, name: cell.children[number] ?? '' });
  }
  machine.handling('notified');
  for (const channel of cell.channels) {
    if ((event.badge >> BigInt(channel.config.number)) & 1n) definition.notified?.(cell, channel);
  }
  return undefined;
}

function message({ label, words }: Received): Message {
  return { label, words };
}
