// The realm's natives as they were before anything was replaced, uncurried: f(this, ...arguments).

const { call } = Function.prototype;
const bind = call.bind(call.bind) as (target: unknown, thisValue: unknown) => unknown;

/** Turns a method into a function whose first argument is `this`. */
export function uncurry<T, A extends unknown[], R>(method: (this: T, ...args: A) => R): (self: T, ...args: A) => R {
  return bind(call, method) as (self: T, ...args: A) => R;
}

export const arraySlice = uncurry(Array.prototype.slice) as <T>(list: readonly T[], from?: number, to?: number) => T[];
export const arrayJoin = uncurry(Array.prototype.join) as (list: readonly unknown[], separator?: string) => string;
export const apply = Reflect.apply;
export const construct = Reflect.construct;
export const { isArray } = Array;
export const { freeze, keys, getPrototypeOf, defineProperty } = Object;
export const { ownKeys, getOwnPropertyDescriptor } = Reflect;
export const hasOwn: (target: object, key: PropertyKey) => boolean = Object.hasOwn;
export const objectPrototype = Object.prototype;
export const arrayPrototype = Array.prototype;
export const charCodeAt = uncurry(String.prototype.charCodeAt) as (text: string, at: number) => number;
export const substring = uncurry(String.prototype.substring) as (text: string, from: number, to?: number) => string;
export const indexOf = uncurry(String.prototype.indexOf) as (text: string, search: string, from?: number) => number;
export const mapGet = uncurry(Map.prototype.get) as <K, V>(map: Map<K, V>, key: K) => V | undefined;
export const mapSet = uncurry(Map.prototype.set) as <K, V>(map: Map<K, V>, key: K, value: V) => Map<K, V>;
export const weakGet = uncurry(WeakMap.prototype.get) as <K extends WeakKey, V>(
  map: WeakMap<K, V>,
  key: K,
) => V | undefined;
export const weakSet = uncurry(WeakMap.prototype.set) as <K extends WeakKey, V>(
  map: WeakMap<K, V>,
  key: K,
  value: V,
) => void;

/** The methods of a prototype as they are now: the prototype itself is about to change. */
export function snapshot(prototype: object): Record<string, (...args: unknown[]) => unknown> {
  const methods: Record<string, (...args: unknown[]) => unknown> = Object.create(null);
  for (const key of ownKeys(prototype)) {
    const value: unknown = getOwnPropertyDescriptor(prototype, key)?.value;
    if (typeof key === 'string' && typeof value === 'function') methods[key] = value as (...args: unknown[]) => unknown;
  }
  return methods;
}
