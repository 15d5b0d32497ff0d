// String and Number in a realm: methods that charge for what they do. What depends on a locale or on the engine's
// Unicode tables (normalize, localeCompare, toLocale…) does not exist.

import { meter } from './meter.ts';
import { apply, snapshot } from './natives.ts';
import { regExpMethods } from './regexp.ts';

type AnyMethod = (...args: unknown[]) => unknown;

const native = snapshot(String.prototype);

function textOf(value: unknown): string {
  if (value === undefined || value === null) throw new TypeError('A string method was called on nothing');
  return `${value as string}`;
}

/** A method that reads the whole string at worst. */
function linear(name: string): [string, AnyMethod] {
  const method = native[name]!;
  return [
    name,
    function (this: unknown, ...args: unknown[]) {
      const text = textOf(this);
      meter.charge(1 + (text.length >> 4));
      const result = apply(method, text, args);
      return typeof result === 'string' ? meter.text(result) : result;
    } as AnyMethod,
  ];
}

/** A search: at worst it compares the wanted string at every place. */
function searching(name: string): [string, AnyMethod] {
  const method = native[name]!;
  return [
    name,
    function (this: unknown, wanted: unknown, position?: unknown) {
      const text = textOf(this);
      const sought = `${wanted as string}`;
      meter.charge(1 + (text.length >> 4) * (1 + (sought.length >> 2)));
      return apply(method, text, position === undefined ? [sought] : [sought, Number(position)]);
    } as AnyMethod,
  ];
}

function padding(name: string): [string, AnyMethod] {
  const method = native[name]!;
  return [
    name,
    function (this: unknown, length: unknown, filler: unknown = ' ') {
      const target = Number(length);
      if (target > 1 << 20) meter.kill('memory');
      return meter.text(apply(method, textOf(this), [target, `${filler as string}`]) as string);
    } as AnyMethod,
  ];
}

const unchanged = ['at', 'charAt', 'charCodeAt', 'codePointAt', 'toString', 'valueOf'].map(
  (name): [string, AnyMethod] => [name, native[name]!],
);

/** String.prototype, whole. */
export const stringMethods: Record<string, AnyMethod> = {
  __proto__: null,
  ...Object.fromEntries([
    ...unchanged,
    ...['isWellFormed', 'toWellFormed'].filter((name) => name in native).map(linear),
    ...['slice', 'substring', 'substr', 'toLowerCase', 'toUpperCase', 'trim', 'trimEnd', 'trimStart'].map(linear),
    ...['endsWith', 'includes', 'indexOf', 'lastIndexOf', 'startsWith'].map(searching),
    ...['padEnd', 'padStart'].map(padding),
  ]),
  ...(regExpMethods as unknown as Record<string, AnyMethod>),
  concat(this: unknown, ...parts: unknown[]) {
    let text = textOf(this);
    for (let i = 0; i < parts.length; i++) text = meter.text(text + (parts[i] as string));
    return text;
  },
  repeat(this: unknown, count: unknown) {
    const text = textOf(this);
    const times = Math.trunc(Number(count)) || 0;
    if (times < 0) throw new RangeError('Invalid count value');
    if (times * text.length > 1 << 20) meter.kill('memory');
    meter.charge(1 + ((times * text.length) >> 5));
    return meter.text(apply(native['repeat']!, text, [times]) as string);
  },
} as unknown as Record<string, AnyMethod>;

export const stringStatics = {
  fromCharCode: (...codes: number[]): string => meter.text(apply(String.fromCharCode, undefined, codes) as string),
  fromCodePoint: (...codes: number[]): string => meter.text(apply(String.fromCodePoint, undefined, codes) as string),
  raw: (strings: { raw: readonly string[] }, ...values: unknown[]): string => {
    let text = '';
    for (let i = 0; i < strings.raw.length; i++) {
      text = meter.text(
        text + strings.raw[i]! + (i < values.length && i + 1 < strings.raw.length ? (values[i] as string) : ''),
      );
    }
    return text;
  },
};

/** Longest text that BigInt() and Number() take: conversion costs the square of it. */
const numeralLimit = 1300;
const { asIntN, asUintN } = BigInt;
const toBigInt = BigInt;

export function makeBigInt(value: unknown): bigint {
  const primitive = typeof value === 'object' ? `${value as unknown as string}` : value;
  if (typeof primitive === 'string') {
    if (primitive.length > numeralLimit)
      throw new SyntaxError(`A BigInt has at most ${numeralLimit} digits in a realm`);
    meter.charge(primitive.length);
  }
  return toBigInt(primitive as string);
}

const bitsLimit = 4096;
function bits(width: number): number {
  if (!(width >= 0 && width <= bitsLimit)) throw new RangeError(`A BigInt has at most ${bitsLimit} bits in a realm`);
  return width;
}

export const bigIntStatics = {
  asIntN: (width: number, value: bigint): bigint => asIntN(bits(width), value),
  asUintN: (width: number, value: bigint): bigint => asUintN(bits(width), value),
};
