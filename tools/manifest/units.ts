// Quantities as the manifest writes them: sizes in bytes, times in nanoseconds, rates in hertz, limits.

import type { Action, Limit, Perms } from './field.ts';
import { plainActions } from './field.ts';

/** A value, or why the text is not one; `unit` tells a wrong or missing unit from a text that is no number at all. */
export type Quantity<T> = { ok: true; value: T } | { ok: false; wrong: 'unit' | 'type'; hint: string };

const sizeUnits: Record<string, number> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };
const timeUnits: Record<string, number> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 };
const rateUnits: Record<string, number> = { Hz: 1, kHz: 1e3, MHz: 1e6, GHz: 1e9 };

const numberAndUnit = /^(\d+(?:\.\d+)?)\s*([a-zA-Zµ]*)$/;

const refuse = <T>(wrong: 'unit' | 'type', hint: string): Quantity<T> => ({ ok: false, wrong, hint });

function scale(text: string, units: Record<string, number>, hint: string): Quantity<number> {
  if (/^0x[0-9a-fA-F]+$/.test(text) && units[''] === 1) return whole(Number(text), text, hint);
  const match = numberAndUnit.exec(text);
  if (match === null) return refuse('type', hint);
  const factor = Object.hasOwn(units, match[2]!) ? units[match[2]!] : undefined;
  // Zero is zero in every unit.
  if (factor === undefined)
    return match[2] === '' && Number(match[1]) === 0
      ? { ok: true, value: 0 }
      : refuse('unit', unitHint(match, units, hint));
  return whole(Number(match[1]) * factor, text, hint);
}

function unitHint(match: RegExpExecArray, units: Record<string, number>, hint: string): string {
  const given = match[2]!
    .toLowerCase()
    .replace('µ', 'u')
    .replace(/(ib|b|iec)$/, '');
  const unit = Object.keys(units).find(
    (each) => each.toLowerCase() === given || each.toLowerCase() === match[2]!.toLowerCase(),
  );
  return unit === undefined || unit === '' ? hint : `write ${match[1]}${unit}`;
}

function whole(value: number, text: string, hint: string): Quantity<number> {
  // Decimal fractions such as 1.1ms come out a little beside a whole number.
  const rounded = Math.round(value);
  if (Math.abs(value - rounded) > 1e-6 * Math.max(1, value))
    return refuse('type', `${text} is not a whole number of the smallest unit; ${hint}`);
  if (!Number.isSafeInteger(rounded)) return refuse('type', `${text} is too large`);
  return { ok: true, value: rounded };
}

export const parseSize = (text: string): Quantity<number> =>
  scale(text, sizeUnits, 'a size is bytes or has K, M or G: 4096, 4K, 16M, 1G');
export const parseTime = (text: string): Quantity<number> =>
  scale(text, timeUnits, 'a time has ns, us, ms or s: 50us, 10ms, 1s');
export const parseRate = (text: string): Quantity<number> =>
  scale(text, rateUnits, 'a rate has Hz, kHz, MHz or GHz: 1000Hz, 10MHz');

/** `5/10s`: at most five in any ten seconds. */
export function parseLimit(text: string): Quantity<Limit> {
  const hint = 'a limit is a count per time: 5/10s';
  const match = /^(\d{1,9})\s*\/\s*(\S+)$/.exec(text);
  if (match === null) return refuse('type', hint);
  const per = parseTime(match[2]!);
  if (!per.ok) return refuse(per.wrong, per.hint);
  if (per.value === 0 || Number(match[1]) === 0) return refuse('type', `neither side of a limit is zero; ${hint}`);
  return { ok: true, value: { count: Number(match[1]), perNs: per.value } };
}

/** `r`, `rw`, `rx`, `rwx` in any order; what may be written or executed need not be readable. */
export function parsePerms(text: string): Quantity<Perms> {
  if (!/^[rwx]{1,3}$/.test(text) || new Set(text).size !== text.length)
    return refuse('type', 'permissions are letters of rwx: r, rw, rx');
  return { ok: true, value: { read: text.includes('r'), write: text.includes('w'), execute: text.includes('x') } };
}

/** An address: hexadecimal or decimal, below 2^48. */
export function parseAddress(text: string): Quantity<number> {
  const hint = 'an address is a number, usually hexadecimal: 0x50000000';
  if (!/^(0x[0-9a-fA-F]{1,16}|\d{1,15})$/.test(text)) return refuse('type', hint);
  const value = Number(text);
  return value < 2 ** 48 ? { ok: true, value } : refuse('type', 'addresses end below 2^48');
}

/** `restart`, `stop`, …, or `mode NAME`. */
export function parseAction(text: string): Quantity<Action> {
  const mode = /^mode\s+(\S+)$/.exec(text);
  if (mode !== null) return { ok: true, value: { do: 'mode', mode: mode[1]! } };
  const plain = plainActions.find((each) => each === text);
  return plain === undefined
    ? refuse('type', `actions: ${plainActions.join(', ')}, mode NAME`)
    : { ok: true, value: { do: plain } };
}

const scaled = (value: number, units: Record<string, number>): string => {
  const fits = Object.entries(units).filter(([, factor]) => factor <= value && value % factor === 0);
  const [unit, factor] = fits.at(-1) ?? Object.entries(units)[0]!;
  return `${value / factor}${unit}`;
};

export const formatSize = (bytes: number): string => scaled(bytes, sizeUnits);
export const formatTime = (ns: number): string => (ns === 0 ? '0' : scaled(ns, timeUnits));
export const formatRate = (hertz: number): string => scaled(hertz, rateUnits);
export const formatAddress = (value: number): string => `0x${value.toString(16)}`;
