// Array in a realm: methods that charge for what they do. Order and results are ECMA-262's; sorting is our own merge
// sort, because what an inconsistent comparator leads to differs between engines.

import { meter } from './meter.ts';
import { apply, arrayPrototype, arraySlice, isArray, snapshot, uncurry } from './natives.ts';
import { wholeArray } from './undo-log.ts';

type Method = (this: unknown, ...args: never[]) => unknown;
type AnyMethod = (...args: unknown[]) => unknown;

/** The array that `this` must be: what an array-like object would do is not worth its dangers. */
export function list(value: unknown): unknown[] {
  if (!isArray(value)) throw new TypeError('In a realm, array methods work on arrays only');
  return value;
}

/** A native method that costs as much as the array is long. */
function linear(native: AnyMethod, makesArray: boolean): Method {
  return function (this: unknown, ...args: unknown[]) {
    const { length } = list(this);
    meter.charge(1 + (length >> 2));
    if (!makesArray) return apply(native, this, args);
    meter.grow(32 + 8 * length);
    return meter.born(apply(native, this, args));
  } as Method;
}

/** A search: comparing long strings takes time for each element. */
function searching(native: AnyMethod): Method {
  return function (this: unknown, ...args: unknown[]) {
    const { length } = list(this);
    const wanted = args[0];
    meter.charge(1 + (length >> 2));
    if (typeof wanted === 'string' && wanted.length > 256) meter.charge(length * (wanted.length >> 6));
    return apply(native, this, args);
  } as Method;
}

/** A native method that moves elements of the array. */
function changing(native: AnyMethod): Method {
  return function (this: unknown, ...args: unknown[]) {
    const target = list(this);
    meter.charge(1 + (target.length >> 3) + args.length);
    meter.grow(8 * args.length);
    meter.note(target, wholeArray);
    return meter.born(apply(native, this, args));
  } as Method;
}

const joinNative = uncurry(arrayPrototype.join) as (list: unknown[], separator: string) => string;

function defaultOrder(a: unknown, b: unknown): number {
  const left = `${a as string}`;
  const right = `${b as string}`;
  meter.charge(1 + (Math.min(left.length, right.length) >> 4));
  return left < right ? -1 : left > right ? 1 : 0;
}

function mergeSort(items: unknown[], order: (a: unknown, b: unknown) => number): unknown[] {
  if (items.length < 2) return items;
  meter.charge(items.length);
  meter.grow(8 * items.length);
  const middle = items.length >> 1;
  const left = mergeSort(arraySlice(items, 0, middle), order);
  const right = mergeSort(arraySlice(items, middle), order);
  let l = 0;
  let r = 0;
  for (let i = 0; i < items.length; i++) {
    const takeLeft = r >= right.length || (l < left.length && !(order(left[l], right[r]) > 0));
    items[i] = takeLeft ? left[l++] : right[r++];
  }
  return items;
}

function sorted(source: unknown[], compare: unknown): unknown[] {
  if (compare !== undefined && typeof compare !== 'function') throw new TypeError('The comparator must be a function');
  const values: unknown[] = [];
  let absent = 0;
  meter.charge(source.length);
  for (let i = 0; i < source.length; i++) {
    if (source[i] === undefined) absent++;
    else values[values.length] = source[i];
  }
  const order = (compare as ((a: unknown, b: unknown) => number) | undefined) ?? defaultOrder;
  const result = mergeSort(values, (a, b) => Number(order(a, b)));
  for (let i = 0; i < absent; i++) result[result.length] = undefined;
  return result;
}

function flatten(source: unknown[], depth: number, into: unknown[]): unknown[] {
  meter.enter();
  meter.charge(source.length);
  meter.grow(8 * source.length);
  for (let i = 0; i < source.length; i++) {
    if (!(i in source)) continue;
    const item = source[i];
    if (depth >= 1 && isArray(item)) flatten(item, depth - 1, into);
    else into[into.length] = item;
  }
  meter.leave();
  return into;
}

const native = snapshot(arrayPrototype);
const named = (names: readonly string[], make: (method: AnyMethod) => Method): [string, Method][] => {
  const entries: [string, Method][] = [];
  for (let i = 0; i < names.length; i++) if (native[names[i]!]) entries[i] = [names[i]!, make(native[names[i]!]!)];
  return entries;
};

const iterating = (method: AnyMethod): Method =>
  function (this: unknown) {
    meter.noModuleState();
    return apply(method, list(this), []);
  } as Method;

/** Array.prototype, whole: what isn't here does not exist in a realm. */
export const arrayMethods: Record<string, Method> = {
  __proto__: null,
  ...Object.fromEntries([
    ...named(['every', 'find', 'findIndex', 'findLast', 'findLastIndex', 'forEach', 'some'], (m) => linear(m, false)),
    ...named(['includes', 'indexOf', 'lastIndexOf'], searching),
    ...named(['reduce', 'reduceRight'], (m) => linear(m, false)),
    ...named(['filter', 'map', 'slice', 'toReversed', 'with'], (m) => linear(m, true)),
    ...named(['reverse', 'shift', 'splice', 'unshift'], changing),
    ...named(['entries', 'keys', 'values'], iterating),
  ] as [string, Method][]),
  at: native['at'] as Method,
  concat(this: unknown, ...items: unknown[]) {
    const result: unknown[] = meter.born(arraySlice(list(this)));
    meter.charge(1 + (result.length >> 2));
    meter.grow(32 + 8 * result.length);
    for (let i = 0; i < items.length; i++) {
      const item = items[i];
      const { length } = isArray(item) ? item : [item];
      meter.charge(1 + (length >> 2));
      meter.grow(8 * length);
      if (isArray(item)) for (let j = 0; j < length; j++) result[result.length] = item[j];
      else result[result.length] = item;
    }
    return result;
  },
  copyWithin: changing(native['copyWithin']!),
  fill(this: unknown, ...args: unknown[]) {
    const target = list(this);
    meter.charge(1 + (target.length >> 2));
    meter.grow(8 * target.length);
    meter.note(target, wholeArray);
    return apply(native['fill']!, target, args);
  },
  flat(this: unknown, depth = 1) {
    return meter.born(flatten(list(this), Number(depth) || 0, []));
  },
  flatMap(this: unknown, callback: (value: unknown, index: number, array: unknown[]) => unknown) {
    const source = list(this);
    const mapped: unknown[] = [];
    meter.charge(source.length);
    meter.grow(8 * source.length);
    for (let i = 0; i < source.length; i++) if (i in source) mapped[mapped.length] = callback(source[i], i, source);
    return meter.born(flatten(mapped, 1, []));
  },
  join(this: unknown, separator: unknown = ',') {
    const source = list(this);
    const between = `${separator as string}`;
    meter.enter();
    let length = 0;
    const parts: string[] = [];
    meter.charge(source.length);
    try {
      for (let i = 0; i < source.length; i++) {
        const item = source[i];
        const part = item === undefined || item === null ? '' : `${item as string}`;
        parts[i] = part;
        length += part.length + between.length;
        if (length > 1 << 20) meter.kill('memory');
      }
    } finally {
      meter.leave();
    }
    meter.charge(length >> 5);
    return meter.text(joinNative(parts, between));
  },
  pop(this: unknown) {
    const target = list(this);
    meter.note(target, target.length - 1);
    return apply(native['pop']!, target, []);
  },
  push(this: unknown, ...items: unknown[]) {
    const target = list(this);
    meter.grow(8 * items.length);
    meter.note(target, target.length);
    return apply(native['push']!, target, items);
  },
  sort(this: unknown, compare?: unknown) {
    const target = list(this);
    const result = sorted(target, compare);
    meter.note(target, wholeArray);
    for (let i = 0; i < result.length; i++) target[i] = result[i];
    return target;
  },
  toSorted(this: unknown, compare?: unknown) {
    return meter.born(sorted(list(this), compare));
  },
  toSpliced(this: unknown, ...args: unknown[]) {
    const copy = arraySlice(list(this));
    meter.charge(1 + (copy.length >> 2) + args.length);
    meter.grow(32 + 8 * copy.length);
    apply(native['splice']!, copy, args);
    return meter.born(copy);
  },
  toString(this: unknown) {
    return apply(arrayMethods['join'] as AnyMethod, this, []);
  },
} as unknown as Record<string, Method>;

/** Static methods of Array. */
export const arrayStatics = {
  isArray,
  of: (...items: unknown[]): unknown[] => {
    meter.grow(32 + 8 * items.length);
    return meter.born(items);
  },
  from: (source: unknown, map?: (value: unknown, index: number) => unknown): unknown[] => {
    const result: unknown[] = meter.born([]);
    if (source === null || source === undefined) throw new TypeError('There is nothing to make an array from');
    const add = (value: unknown): void => {
      meter.charge(2);
      meter.grow(8);
      result[result.length] = map ? map(value, result.length) : value;
    };
    if (typeof (source as Iterable<unknown>)[Symbol.iterator] === 'function') {
      for (const value of source as Iterable<unknown>) add(value);
    } else {
      const length = Number((source as { length?: unknown }).length) || 0;
      for (let i = 0; i < length; i++) add((source as Record<number, unknown>)[i]);
    }
    return result;
  },
};

/** Array(n) is n holes, and paid for. */
export function makeArray(...items: unknown[]): unknown[] {
  if (items.length !== 1 || typeof items[0] !== 'number') return arrayStatics.of(...items);
  const length = items[0];
  if (length !== length >>> 0) throw new RangeError('Invalid array length');
  meter.charge(length >> 2);
  meter.grow(32 + 8 * length);
  const result: unknown[] = [];
  result.length = length;
  return meter.born(result);
}
