// Object, Map and Set in a realm: methods that charge for what they do. Descriptors, prototypes and symbols are out of a
// server's reach: plain data needs none of them.

import { meter } from './meter.ts';
import { freeze, getPrototypeOf, hasOwn, keys, uncurry } from './natives.ts';

const native = Object;

function names(value: unknown): string[] {
  const found = keys(native(value) as object);
  meter.charge(1 + (found.length >> 1));
  meter.grow(32 + 8 * found.length);
  return meter.born(found);
}

function isPlainKey(key: unknown): key is string {
  return typeof key === 'string';
}

export const objectStatics = {
  assign: (target: object, ...sources: unknown[]): object => {
    for (let i = 0; i < sources.length; i++) {
      const source = sources[i];
      if (source === undefined || source === null) continue;
      const list = names(source);
      for (let j = 0; j < list.length; j++) {
        const key = list[j]!;
        meter.note(target, key);
        (target as Record<string, unknown>)[key] = (source as Record<string, unknown>)[key];
      }
    }
    return target;
  },
  create: (prototype: object | null): object => {
    if (prototype !== null && typeof prototype !== 'object') throw new TypeError('A prototype is an object or null');
    return meter.born(native.create(prototype) as object);
  },
  entries: (value: unknown): [string, unknown][] => {
    const list = names(value);
    meter.grow(48 * list.length);
    const result: [string, unknown][] = meter.born([]);
    for (let i = 0; i < list.length; i++)
      result[i] = meter.born([list[i]!, (value as Record<string, unknown>)[list[i]!]]);
    return result;
  },
  freeze: <T>(value: T): T => {
    names(value ?? {});
    return freeze(value) as T;
  },
  fromEntries: (entries: Iterable<readonly [PropertyKey, unknown]>): object => {
    const result: Record<PropertyKey, unknown> = meter.born({});
    for (const [key, value] of entries) {
      meter.charge(2);
      meter.grow(16);
      const name = isPlainKey(key) ? key : `${key as unknown as string}`;
      if (name === '__proto__') continue;
      result[name] = value;
    }
    return result;
  },
  getOwnPropertyNames: (value: unknown): string[] => names(value),
  getPrototypeOf: (value: unknown): unknown => getPrototypeOf(native(value) as object),
  hasOwn: (value: object, key: PropertyKey): boolean => hasOwn(value, key),
  is: native.is,
  isFrozen: (value: unknown): boolean => {
    names(value ?? {});
    return native.isFrozen(value);
  },
  keys: names,
  values: (value: unknown): unknown[] => {
    const list = names(value);
    const result: unknown[] = meter.born([]);
    for (let i = 0; i < list.length; i++) result[i] = (value as Record<string, unknown>)[list[i]!];
    return result;
  },
};

/** Object(value): an object of its own for nothing, the value itself for objects. */
export function makeObject(value?: unknown): object {
  return meter.born(value === undefined || value === null ? {} : (native(value) as object));
}

/** Object.prototype's methods, as far as they stay. */
export const objectMethodNames = ['hasOwnProperty', 'isPrototypeOf', 'propertyIsEnumerable', 'toString', 'valueOf'];

/** Maps and sets of modules: frozen once the modules are evaluated. */
const sealed = new WeakSet<object>();
const sealedHas = uncurry(WeakSet.prototype.has).bind(undefined, sealed) as (value: object) => boolean;
const sealedAdd = uncurry(WeakSet.prototype.add).bind(undefined, sealed) as (value: object) => unknown;

export function sealCollection(collection: object): void {
  sealedAdd(collection);
}

function writable<T extends object>(collection: T): T {
  if (sealedHas(collection))
    throw new TypeError('A Map or Set of a module cannot change: it would be state outside of the state');
  return collection;
}

const mapNative = Map.prototype as unknown as Record<string, (...args: unknown[]) => unknown>;
const setNative = Set.prototype as unknown as Record<string, (...args: unknown[]) => unknown>;
const { apply } = Reflect;

function iterating(method: (...args: unknown[]) => unknown): (...args: unknown[]) => unknown {
  return function (this: unknown) {
    meter.noModuleState();
    return apply(method, this, []);
  };
}
function changing(method: (...args: unknown[]) => unknown, bytes: number): (...args: unknown[]) => unknown {
  return function (this: object, ...args: unknown[]) {
    meter.charge(2);
    meter.grow(bytes);
    meter.compared(args[0]);
    return apply(method, writable(this), args);
  };
}
function reading(method: (...args: unknown[]) => unknown): (...args: unknown[]) => unknown {
  return function (this: object, key: unknown) {
    return apply(method, this, [meter.compared(key)]);
  };
}

export const mapMethods = {
  clear: changing(mapNative['clear']!, 0),
  delete: changing(mapNative['delete']!, 0),
  entries: iterating(mapNative['entries']!),
  forEach: mapNative['forEach'],
  get: reading(mapNative['get']!),
  has: reading(mapNative['has']!),
  keys: iterating(mapNative['keys']!),
  set: changing(mapNative['set']!, 48),
  values: iterating(mapNative['values']!),
};

export const setMethods = {
  add: changing(setNative['add']!, 32),
  clear: changing(setNative['clear']!, 0),
  delete: changing(setNative['delete']!, 0),
  entries: iterating(setNative['entries']!),
  forEach: setNative['forEach'],
  has: reading(setNative['has']!),
  keys: iterating(setNative['keys']!),
  values: iterating(setNative['values']!),
};
