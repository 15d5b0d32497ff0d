// The first argument of every handler: the server's state, its channels, its configuration.

import {
  type Channel,
  DeviceChannel,
  openChannel,
  QueueChannel,
  RpcChannel,
  SampleChannel,
  StreamChannel,
} from './channel.ts';
import type { CellConfig, RestartPolicy } from './config.ts';
import { machine } from './machine.ts';
import { debugPutChar } from './system-call.ts';
import { encodeUtf8 } from './text.ts';

/** Deeply read-only. */
export type Frozen<T> = T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T;

/** Valid during one handler. */
export class Cell<State> {
  /** The cell's name in the manifest. */
  readonly name: string;
  /** 0 at first; one more after each restart. */
  readonly generation: number;
  /** `config:` of the manifest. */
  readonly config: Readonly<Record<string, unknown>>;
  private readonly whole: CellConfig;
  private readonly open = new Map<number, Channel>();

  constructor(config: CellConfig, generation: number) {
    this.whole = config;
    this.name = config.cell;
    this.config = config.config;
    this.generation = generation;
  }

  /** The state, with what this handler has changed in its draft. Frozen plain data: writing to it is a TypeError. */
  get state(): Frozen<State> {
    return machine.state() as Frozen<State>;
  }

  /**
   * The state to be changed: what it is when the handler returns is the next state. If the handler fails, nothing changed.
   * The same draft however often it is called. With `mutable: true` it is the state itself.
   */
  draft(): State {
    return machine.draft() as State;
  }

  /** All channels of the cell, in the order of their numbers. */
  get channels(): readonly Channel[] {
    return this.whole.channels.map(({ number }) => this.channel(number));
  }

  /** A channel by name or number. Throws RangeError: the cell has none like that. */
  channel(which: string | number): Channel {
    const config = this.whole.channels.find(({ name, number }) => name === which || number === which);
    if (config === undefined) throw new RangeError(`${this.name} has no channel ${which}`);
    let channel = this.open.get(config.number);
    if (channel === undefined) {
      channel = openChannel(config);
      this.open.set(config.number, channel);
    }
    return channel;
  }

  /** An `rpc` channel. Throws RangeError: there is none of this name and type. So do the next four. */
  rpc(which: string | number): RpcChannel {
    return typed(this.channel(which), RpcChannel);
  }
  /** A `stream` channel. */
  stream(which: string | number): StreamChannel {
    return typed(this.channel(which), StreamChannel);
  }
  /** A `queue` channel. */
  queue(which: string | number): QueueChannel {
    return typed(this.channel(which), QueueChannel);
  }
  /** A `sample` channel. */
  sample(which: string | number): SampleChannel {
    return typed(this.channel(which), SampleChannel);
  }

  /** A device that the cell owns. */
  device(which: string | number): DeviceChannel {
    return typed(this.channel(which), DeviceChannel);
  }

  /** Whether there is a channel of this name. */
  has(name: string): boolean {
    return this.whole.channels.some((channel) => channel.name === name);
  }

  /**
   * Writes a line to the stream channel `log`; or to the kernel's debug output where the cell has none, or where that has
   * no room, as just after a restart. Appears when the handler commits (debug output: at once).
   */
  log(text: string): void {
    const line = encodeUtf8(`${text}\n`);
    if (this.has('log') && this.stream('log').fits(line.length)) this.stream('log').write(line);
    else for (const byte of encodeUtf8(`${this.name}: ${text}\n`)) debugPutChar(byte);
  }

  /** What the manifest wants after a fault of a cell that this one supervises. undefined: it stays stopped. */
  restartPolicy(name: string): RestartPolicy | undefined {
    return this.whole.restart?.[name];
  }

  /** Names of the cells that this one supervises, by child number. */
  get children(): readonly string[] {
    return this.whole.children;
  }
}

function typed<T extends Channel>(channel: Channel, type: new (config: Channel['config']) => T): T {
  if (channel instanceof type) return channel;
  throw new RangeError(`Channel ${channel.name} is of type ${channel.config.type}`);
}
