// Plain data, what states and events are made of: null, booleans, numbers, strings, BigInts, arrays and objects without a
// class. Checks it, weighs it, freezes it, turns it into text and back.

import {
  arrayPrototype,
  freeze,
  getOwnPropertyDescriptor,
  getPrototypeOf,
  isArray,
  keys,
  mapGet,
  mapSet,
  objectPrototype,
  weakGet,
  weakSet,
} from './natives.ts';

/** Something in a state is not plain data. */
export class NotPlainError extends Error {
  readonly path: string;
  constructor(path: string, what: string) {
    super(`${path} is ${what}: state is plain data (null, booleans, numbers, strings, BigInts, arrays, objects)`);
    this.path = path;
  }
}

const nestingLimit = 200;
let visits = 0;

/** How many values have been weighed so far. */
export function weighed(): number {
  return visits;
}

/** Smaller subtrees are weighed again: that is cheaper than remembering them. */
const rememberedWeight = 400;
/** Weights of frozen subtrees: they cannot change any more. */
const weights = new WeakMap<object, number>();

function weightOfPrimitive(value: unknown): number | undefined {
  switch (typeof value) {
    case 'string':
      return 16 + 2 * value.length;
    case 'number':
    case 'boolean':
    case 'undefined':
      return 8;
    case 'bigint':
      return 24;
    default:
      return value === null ? 8 : undefined;
  }
}

/**
 * Bytes that a value occupies by the rules of the cost table: 16 for an object, 8 for an element, 16 and its name for a
 * property, 2 for a UTF-16 unit. Throws NotPlainError. Freezes everything if `freezes`, and then remembers subtrees.
 */
export function weigh(value: unknown, freezes: boolean, path = 'state', depth = 0): number {
  const light = weightOfPrimitive(value);
  if (light !== undefined) return light;
  if (typeof value !== 'object' || value === null)
    throw new NotPlainError(path, typeof value === 'function' ? 'a function' : `a ${typeof value}`);
  visits++;
  if (depth > nestingLimit) throw new NotPlainError(path, 'nested too deeply, or contains itself');
  const known = freezes ? weakGet(weights, value) : undefined;
  if (known !== undefined) return known;
  const prototype: unknown = getPrototypeOf(value);
  let weight = 16;
  const names = keys(value);
  if (isArray(value)) {
    if (prototype !== arrayPrototype || names.length !== value.length)
      throw new NotPlainError(path, 'an array with holes or extra properties');
    for (let i = 0; i < value.length; i++) {
      const item: unknown = value[i];
      weight += 8 + (weightOfPrimitive(item) ?? weigh(item, freezes, `${path}[${i}]`, depth + 1));
    }
  } else {
    if (prototype !== objectPrototype && prototype !== null)
      throw new NotPlainError(path, 'an instance of a class, a Map, a Set or a typed array');
    for (let i = 0; i < names.length; i++) {
      const name = names[i]!;
      if (getOwnPropertyDescriptor(value, name)!.get !== undefined)
        throw new NotPlainError(`${path}.${name}`, 'a getter');
      const item = (value as Record<string, unknown>)[name];
      weight += 16 + 2 * name.length;
      weight += weightOfPrimitive(item) ?? weigh(item, freezes, `${path}.${name}`, depth + 1);
    }
  }
  if (freezes) {
    freeze(value);
    if (weight >= rememberedWeight) weakSet(weights, value, weight);
  }
  return weight;
}

/**
 * Plain data that modules made while they were loaded: frozen, and the same in every realm of the program. A state that refers
 * to such an object refers to the same one after a load. Their weights are remembered from the beginning.
 */
export class Constants {
  private readonly list: object[] = [];
  private readonly indices = new Map<object, number>();

  /** Does nothing with what is not plain data. */
  add(value: object): void {
    if (typeof value !== 'object') return;
    try {
      weigh(value, true);
    } catch (error) {
      if (error instanceof NotPlainError) return;
      throw error;
    }
    mapSet(this.indices, value, this.list.length);
    this.list[this.list.length] = value;
  }
  indexOf(value: object): number | undefined {
    return mapGet(this.indices, value);
  }
  at(index: number): object | undefined {
    return this.list[index];
  }
}

/**
 * Text of plain data. JSON, except that what JSON lacks is an object with one key: `$big`, `$number` (NaN, infinities,
 * −0), `$undefined`; `$ref` is an object that occurred before, by its order; `$const` is one of the constants, by its index, and
 * what it looks like; names that begin with $ get another $.
 */
export function encode(value: unknown, constants: Constants): string {
  const seen = new Map<object, number>();
  const pack = (item: unknown): unknown => {
    switch (typeof item) {
      case 'bigint':
        return { $big: `${item}` };
      case 'number':
        return item - item === 0 && !Object.is(item, -0) ? item : { $number: Object.is(item, -0) ? '-0' : `${item}` };
      case 'undefined':
        return { $undefined: 1 };
      case 'object':
        break;
      default:
        return item;
    }
    if (item === null) return null;
    const before = mapGet(seen, item);
    if (before !== undefined) return { $ref: before };
    mapSet(seen, item, seen.size);
    const constant = constants.indexOf(item);
    return constant === undefined ? packObject(item) : { $const: [constant, packObject(item)] };
  };
  const packObject = (item: object): unknown => {
    if (isArray(item)) {
      const list: unknown[] = [];
      for (let i = 0; i < item.length; i++) list[i] = pack(item[i]);
      return list;
    }
    const record: Record<string, unknown> = Object.create(null);
    const names = keys(item);
    for (let i = 0; i < names.length; i++) {
      const name = names[i]!;
      record[name[0] === '$' ? `$${name}` : name] = pack((item as Record<string, unknown>)[name]);
    }
    return getPrototypeOf(item) === null ? { $null: record } : record;
  };
  return JSON.stringify(pack(value));
}

/** @param constants of the same program; undefined: another's, whose constants are copied */
export function decode(text: string, constants: Constants | undefined): unknown {
  const seen: unknown[] = [];
  const unpack = (item: unknown): unknown => {
    if (typeof item !== 'object' || item === null) return item;
    if (isArray(item)) {
      const list: unknown[] = [];
      seen[seen.length] = list;
      for (let i = 0; i < item.length; i++) list[i] = unpack(item[i]);
      return list;
    }
    const packed = item as Record<string, unknown>;
    const names = keys(packed);
    let source = packed;
    let record: Record<string, unknown> = {};
    if (names.length === 1) {
      const only = packed[names[0]!];
      switch (names[0]) {
        case '$big':
          return BigInt(only as string);
        case '$number':
          return Number(only);
        case '$undefined':
          return undefined;
        case '$ref':
          return seen[only as number];
        case '$const': {
          const [index, looks] = only as [number, unknown];
          const at = seen.length;
          const copy = unpack(looks);
          seen[at] = constants?.at(index) ?? copy;
          return seen[at];
        }
        case '$null':
          source = only as Record<string, unknown>;
          record = Object.create(null) as Record<string, unknown>;
          break;
        default:
      }
    }
    seen[seen.length] = record;
    const inner = keys(source);
    for (let i = 0; i < inner.length; i++) {
      const name = inner[i]!;
      Object.defineProperty(record, name[0] === '$' ? name.slice(1) : name, {
        value: unpack(source[name]),
        writable: true,
        enumerable: true,
        configurable: true,
      });
    }
    return record;
  };
  return unpack(JSON.parse(text));
}
