// What a cell is told about itself: the configuration page, written by whoever builds the cell from the plan.

import { address } from './layout.ts';
import { machine } from './machine.ts';
import { decodeUtf8 } from './text.ts';

/** Types of channels: protected calls, bare signals, bytes, bounded messages, the last value; and a device that the cell owns. */
export type ChannelType = 'rpc' | 'notify' | 'stream' | 'queue' | 'sample' | 'device';

/** A channel end. */
export interface ChannelConfig {
  /** Its name in the manifest. */
  readonly name: string;
  /** 0 to 61; picks slots and badge bits. The two ends of a channel may have different numbers. */
  readonly number: number;
  readonly type: ChannelType;
  /** 0 for the first end (`from`), 1 for the second (`to`). */
  readonly end: 0 | 1;
  /** The cell at the other end. */
  readonly peer: string;
  /** Where its memory, or the device's registers, are mapped. 0: it has none. */
  readonly address: number;
  /** Bytes of its memory; a multiple of 4096. */
  readonly size: number;
  /** Longest message of a queue or sample, in bytes. */
  readonly message?: number;
}

/** From the initial state; or from the state before the event that failed. */
export type RestartPolicy = 'restart' | 'resume';

export interface CellConfig {
  readonly cell: string;
  /** Runs on its callers' time once `init` is over. */
  readonly passive?: boolean;
  readonly channels: readonly ChannelConfig[];
  /** Cells that this one supervises, by child number. */
  readonly children: readonly string[];
  /** What to do after a fault of a cell that this one supervises, by its name; absent: nothing. */
  readonly restart?: Readonly<Record<string, RestartPolicy>>;
  /** `config:` of the manifest, as it stands there. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** Reads the configuration page. Throws when it is malformed: the cell was built wrongly. */
export function readConfig(): CellConfig {
  const length = Number(machine.load(address.config, 4));
  if (length > address.configLimit - 4) throw new RangeError(`The configuration claims ${length} bytes`);
  const parsed = JSON.parse(decodeUtf8(machine.loadBytes(address.config + 4, length))) as Partial<CellConfig>;
  return {
    cell: parsed.cell ?? '',
    passive: parsed.passive ?? false,
    channels: parsed.channels ?? [],
    children: parsed.children ?? [],
    restart: parsed.restart ?? {},
    config: parsed.config ?? {},
  };
}
