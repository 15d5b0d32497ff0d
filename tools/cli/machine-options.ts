// Options that several commands have for the machine: sizes, rates and times, with their units.

import { maxThreshold } from '../../hw/engine/translator/options.ts';
import type { MachineConfig } from '../../hw/machine/machine.ts';
import { parseRate, parseSize, parseTime, type Quantity } from '../manifest/units.ts';
import { Refusal } from '../refusal.ts';

function quantity<T>(option: string, parsed: Quantity<T>): T {
  if (parsed.ok) return parsed.value;
  throw new Refusal('usage', `--${option}: ${parsed.hint}`);
}

/** `--limit`, of host time, in milliseconds. */
export function limitMsOf(text: string): number {
  const ns = quantity('limit', parseTime(text));
  if (ns >= 1e9) return ns / 1e6;
  throw new Refusal('usage', '--limit is at least 1s');
}

/** `--for` in nanoseconds; Infinity when absent. */
export const limitNsOf = (text: string | undefined): number =>
  text === undefined ? Infinity : quantity('for', parseTime(text));

/** `--ram` in bytes. */
export function ramSizeOf(text: string): number {
  const size = quantity('ram', parseSize(text));
  if (size >= 8 << 20 && size <= 3 * 2 ** 30 && size % 2 ** 20 === 0) return size;
  throw new Refusal('usage', '--ram is a whole number of megabytes from 8M to 3G');
}

/** `--clock` in Hz. */
export function clockHzOf(text: string): number {
  const hz = quantity('clock', parseRate(text));
  if (hz >= 10e6 && hz <= 10e9 && hz % 10e6 === 0) return hz;
  throw new Refusal('usage', '--clock is a multiple of the 10MHz timebase, up to 10GHz');
}

/** `--translator`, a yargs option; absent, the machine's own choice. */
export const translatorOption = {
  type: 'string',
  requiresArg: true,
  describe: 'translate code once it has been jumped to N times; off: interpret all. Results are the same',
  coerce: (text: unknown): unknown => (typeof text === 'string' ? translatorOf(text) : text),
} as const;

/** The value of `--translator`. */
export function translatorOf(text: string): MachineConfig['translator'] {
  if (text === 'off') return false;
  const threshold = /^\d+$/.test(text) ? Number(text) : NaN;
  if (threshold >= 1 && threshold <= maxThreshold) return { threshold };
  throw new Refusal('usage', `--translator: '${text}' is neither off nor a whole number from 1 to ${maxThreshold}`);
}
