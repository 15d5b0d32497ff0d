// Options that take a whole number: what is none is a mistake of the command line, named with its option.

import { Refusal } from '../refusal.ts';

/** A yargs option whose value is a whole number from `from` to `to`, decimal or hexadecimal. */
export function wholeNumber<Rest extends object>(option: string, from: number, to: number, rest: Rest) {
  const range = to === Number.MAX_SAFE_INTEGER ? `from ${from}` : `from ${from} to ${to}`;
  return {
    ...rest,
    type: 'string',
    requiresArg: true,
    coerce: (value: unknown): unknown => {
      // Absent, the default, or a list: repeated options are refused elsewhere.
      if (typeof value !== 'string') return value;
      const number = /^(\d+|0x[0-9a-fA-F]+)$/.test(value) ? Number(value) : NaN;
      if (number >= from && number <= to) return number;
      throw new Refusal('usage', `--${option}: '${value}' is not a whole number ${range}`);
    },
  } as const;
}
