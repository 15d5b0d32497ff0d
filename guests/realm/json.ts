// JSON in a realm: metered, and with a limit on depth in place of the host's stack. ECMA-262, section 25.5, without revivers
// and replacers.

import { meter } from './meter.ts';
import { arrayJoin, isArray, keys } from './natives.ts';

const nativeParse = JSON.parse;
const nativeStringify = JSON.stringify;

/** Registers everything that was parsed while modules are evaluated, to be frozen. */
function registerAll(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  meter.enter();
  meter.born(value);
  const names = keys(value);
  for (let i = 0; i < names.length; i++) registerAll((value as Record<string, unknown>)[names[i]!]);
  meter.leave();
}

function parse(source: unknown, reviver?: unknown): unknown {
  if (reviver !== undefined) throw new TypeError('In a realm, JSON.parse takes no reviver');
  const text = `${source as string}`;
  meter.charge(1 + (text.length >> 1));
  meter.grow(32 + 8 * text.length);
  const value: unknown = nativeParse(text);
  registerAll(value);
  return value;
}

function serialise(input: unknown, key: string, gap: string, indent: string): string | undefined {
  meter.enter();
  try {
    return serialiseOne(input, key, gap, indent);
  } finally {
    meter.leave();
  }
}

/** Returns undefined for what JSON leaves out. */
function serialiseOne(input: unknown, key: string, gap: string, indent: string): string | undefined {
  let value = input;
  if ((typeof value === 'object' && value !== null) || typeof value === 'bigint') {
    const own = (value as { toJSON?: unknown }).toJSON;
    if (typeof own === 'function') value = (own as (this: unknown, key: string) => unknown).call(value, key);
  }
  meter.charge(2);
  switch (typeof value) {
    case 'string':
      meter.charge(value.length >> 3);
      return meter.text(nativeStringify(value));
    case 'number':
    case 'boolean':
      return nativeStringify(value);
    case 'bigint':
      throw new TypeError('JSON has no BigInt');
    case 'object':
      break;
    default:
      return undefined;
  }
  if (value === null) return 'null';
  const inner = indent + gap;
  const parts: string[] = [];
  let length = 0;
  const add = (part: string): void => {
    length += part.length;
    if (length > 1 << 20) meter.kill('memory');
    parts[parts.length] = part;
  };
  const array = isArray(value);
  if (array) {
    for (let i = 0; i < (value as unknown[]).length; i++)
      add(serialise((value as unknown[])[i], `${i}`, gap, inner) ?? 'null');
  } else {
    const names = keys(value as object);
    for (let i = 0; i < names.length; i++) {
      const name = names[i]!;
      const text = serialise((value as Record<string, unknown>)[name], name, gap, inner);
      if (text !== undefined) add(`${nativeStringify(name)}:${gap === '' ? '' : ' '}${text}`);
    }
  }
  const [open, close] = array ? '[]' : '{}';
  if (parts.length === 0) return `${open}${close}`;
  if (gap === '') return meter.text(`${open}${arrayJoin(parts, ',')}${close}`);
  return meter.text(`${open}\n${inner}${arrayJoin(parts, `,\n${inner}`)}\n${indent}${close}`);
}

function stringify(value: unknown, replacer?: unknown, space?: unknown): string | undefined {
  if (replacer !== undefined && replacer !== null) throw new TypeError('In a realm, JSON.stringify takes no replacer');
  let gap = '';
  if (typeof space === 'number') for (let i = 0; i < space && i < 10; i++) gap += ' ';
  else if (typeof space === 'string') gap = space.slice(0, 10);
  return serialise(value, '', gap, '');
}

export const json = { parse, stringify };
