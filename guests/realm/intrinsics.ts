// The intrinsics of a realm, as servers find them: what is nondeterministic, asynchronous or unmetered is gone, the rest is
// charged and frozen. Whitelists: what a newer engine adds does not appear.

import { arrayMethods, arrayStatics, makeArray } from './charged-array.ts';
import { makeObject, mapMethods, objectMethodNames, objectStatics, setMethods } from './charged-object.ts';
import { bigIntStatics, makeBigInt, stringMethods, stringStatics } from './charged-string.ts';
import { json } from './json.ts';
import { mathNames } from './math-names.ts';
import { meter } from './meter.ts';
import {
  apply,
  construct,
  defineProperty,
  freeze,
  getOwnPropertyDescriptor,
  getPrototypeOf,
  ownKeys,
} from './natives.ts';
import { RealmRegExp } from './regexp.ts';

type AnyFunction = (...args: unknown[]) => unknown;
type Constructor = new (...args: unknown[]) => object;

/** Leaves exactly `methods` among the string keys of a prototype, and the symbols that the language itself looks up. */
function setMethodsOf(prototype: object, methods: Record<string, unknown>): void {
  const kept = [Symbol.iterator, Symbol.toPrimitive, Symbol.toStringTag, Symbol.hasInstance] as PropertyKey[];
  for (const key of ownKeys(prototype)) {
    if (typeof key === 'symbol' ? kept.includes(key) : key in methods) continue;
    // What cannot be deleted are constants: a length, a size.
    Reflect.deleteProperty(prototype, key);
  }
  for (const key of Object.keys(methods)) {
    if (key === '__proto__' || getOwnPropertyDescriptor(prototype, key)?.configurable === false) continue;
    const descriptor = getOwnPropertyDescriptor(methods, key)!;
    if (typeof descriptor.value === 'function') hideProperties(descriptor.value as AnyFunction);
    defineProperty(prototype, key, { ...descriptor, enumerable: false, configurable: true });
  }
}

/** A function of ours that servers see: no prototype to hang anything on. */
function hideProperties(method: AnyFunction): void {
  if (Object.hasOwn(method, 'prototype') && Object.isExtensible(method))
    freeze((method as { prototype?: object }).prototype);
  freeze(method);
}

/** Native methods under their own names. */
function pick(prototype: object, names: readonly string[]): Record<string, unknown> {
  const picked: Record<string, unknown> = Object.create(null);
  for (const name of names) {
    const descriptor = getOwnPropertyDescriptor(prototype, name);
    if (descriptor !== undefined) defineProperty(picked, name, { ...descriptor, enumerable: true });
  }
  return picked;
}

/**
 * A constructor that stands before a native one: same instances, our own statics. `body` gets the arguments, and
 * new.target, or undefined when it was called without new.
 */
function face(
  native: unknown,
  body: (args: unknown[], target: Constructor | undefined) => unknown,
  statics: Record<string, unknown>,
): AnyFunction {
  const { prototype, name } = native as { prototype: object; name: string };
  const made = function (this: unknown, ...args: unknown[]): unknown {
    return body(args, new.target as unknown as Constructor | undefined);
  };
  defineProperty(made, 'prototype', { value: prototype, writable: false });
  defineProperty(made, 'name', { value: name });
  for (const key of Object.keys(statics)) {
    if (typeof statics[key] === 'function') hideProperties(statics[key] as AnyFunction);
    defineProperty(made, key, { value: statics[key] });
  }
  defineProperty(prototype, 'constructor', {
    value: made,
    writable: false,
    enumerable: false,
    configurable: false,
  });
  return freeze(made) as AnyFunction;
}

/** A constructor whose instances can be subclassed. */
function constructible(
  native: unknown,
  prepare: (args: unknown[]) => unknown[],
  statics: Record<string, unknown> = {},
): AnyFunction {
  const make = native as Constructor;
  return face(native, (args, target) => meter.born(construct(make, prepare(args), target ?? make)), statics);
}

function collection(native: unknown): AnyFunction {
  return constructible(native, (args) => {
    meter.grow(128);
    return args.slice(0, 1);
  });
}

function errorClass(native: unknown): AnyFunction {
  const make = native as Constructor;
  return face(
    native,
    (args, target) => {
      meter.grow(128);
      return meter.made(meter.born(construct(make, args, target ?? make)));
    },
    {},
  );
}

/** Assigning `name` or `message` to an error must work although Error.prototype is frozen. */
function overridable(prototype: object, key: string): void {
  const value: unknown = (prototype as Record<string, unknown>)[key];
  defineProperty(prototype, key, {
    configurable: false,
    enumerable: false,
    get: freeze(() => value),
    set: freeze(function (this: object, replacement: unknown) {
      defineProperty(this, key, { value: replacement, writable: true, enumerable: true, configurable: true });
    }),
  });
}

const typedMethods = [
  'at',
  'copyWithin',
  'every',
  'fill',
  'filter',
  'find',
  'findIndex',
  'findLast',
  'findLastIndex',
  'forEach',
  'includes',
  'indexOf',
  'lastIndexOf',
  'map',
  'reduce',
  'reduceRight',
  'reverse',
  'set',
  'slice',
  'some',
  'subarray',
];
const dataView = [
  'buffer',
  'byteLength',
  'byteOffset',
  'getBigInt64',
  'getBigUint64',
  'getInt16',
  'getInt32',
  'getInt8',
  'getUint16',
  'getUint32',
  'getUint8',
  'setBigInt64',
  'setBigUint64',
  'setInt16',
  'setInt32',
  'setInt8',
  'setUint16',
  'setUint32',
  'setUint8',
];
const typedGetters = ['buffer', 'byteLength', 'byteOffset', 'length'];

function typedArrays(globals: Record<string, unknown>): void {
  const base = getPrototypeOf(Uint8Array.prototype) as object;
  const methods = pick(base, typedGetters);
  const lengthOf = (getOwnPropertyDescriptor(base, 'length') as { get: AnyFunction }).get;
  for (const name of typedMethods) {
    const native = (base as Record<string, AnyFunction>)[name]!;
    methods[name] = function (this: unknown, ...args: unknown[]) {
      const length = apply(lengthOf, this, []) as number;
      meter.charge(2 + (length >> 3));
      if (name === 'slice' || name === 'map' || name === 'filter') meter.grow(64 + 8 * length);
      return apply(native, this, args);
    };
  }
  const iterate = (base as Record<string, AnyFunction>)['entries']!;
  methods['entries'] = function (this: unknown) {
    meter.noModuleState();
    return apply(iterate, this, []);
  };
  setMethodsOf(base, methods);
  const all = {
    Uint8Array,
    Int8Array,
    Uint16Array,
    Int16Array,
    Uint32Array,
    Int32Array,
    BigInt64Array,
    BigUint64Array,
  };
  for (const [name, native] of Object.entries(all)) {
    setMethodsOf(native.prototype, {});
    const size = native.BYTES_PER_ELEMENT;
    const prepare = (args: unknown[]): unknown[] => {
      meter.noModuleState();
      const [first] = args;
      const length =
        typeof first === 'number'
          ? first
          : typeof first === 'object' && first !== null && !(first instanceof ArrayBuffer)
            ? Number((first as { length?: number }).length ?? 0)
            : 0;
      meter.grow(64 + size * length);
      meter.charge(2 + (length >> 3));
      return args;
    };
    const make = (source: unknown): unknown => construct(native as unknown as Constructor, prepare([source]));
    globals[name] = constructible(native, prepare, {
      BYTES_PER_ELEMENT: size,
      of: (...items: unknown[]) => make(items),
      from: (source: unknown, map?: (value: unknown, index: number) => unknown) => make(arrayStatics.from(source, map)),
    });
  }
  const buffer = pick(ArrayBuffer.prototype, ['byteLength']);
  const slice = (ArrayBuffer.prototype as unknown as Record<string, AnyFunction>)['slice']!;
  buffer['slice'] = function (this: ArrayBuffer, ...args: unknown[]) {
    meter.grow(64 + this.byteLength);
    return apply(slice, this, args);
  };
  setMethodsOf(ArrayBuffer.prototype, buffer);
  globals['ArrayBuffer'] = constructible(ArrayBuffer, ([length]) => {
    meter.noModuleState();
    meter.grow(64 + Number(length));
    meter.charge(2 + (Number(length) >> 6));
    return [Number(length)];
  });
  setMethodsOf(DataView.prototype, pick(DataView.prototype, dataView));
  globals['DataView'] = constructible(DataView, (args) => args);
}

const number = ['toExponential', 'toFixed', 'toPrecision', 'toString', 'valueOf'];
const numberStatics = [
  'EPSILON',
  'MAX_SAFE_INTEGER',
  'MAX_VALUE',
  'MIN_SAFE_INTEGER',
  'MIN_VALUE',
  'NaN',
  'NEGATIVE_INFINITY',
  'POSITIVE_INFINITY',
  'isFinite',
  'isInteger',
  'isNaN',
  'isSafeInteger',
  'parseFloat',
  'parseInt',
];

/** Rebuilds the intrinsics and returns the globals of servers. Afterwards the context's global object is empty. */
export function tame(): Record<string, unknown> {
  const globals: Record<string, unknown> = Object.create(null);
  const generator = Object.getPrototypeOf(function* () {}) as { prototype: object };
  const iterators = [
    getPrototypeOf([][Symbol.iterator]()),
    getPrototypeOf(new Map()[Symbol.iterator]()),
    getPrototypeOf(new Set()[Symbol.iterator]()),
    getPrototypeOf(''[Symbol.iterator]()),
  ] as object[];
  const iteratorBase = getPrototypeOf(iterators[0]!) as object;
  const numberFunctions = pick(Number, numberStatics);
  const functionMethods = pick(Function.prototype, ['apply', 'bind', 'call']);
  const bindNative = functionMethods['bind'] as AnyFunction;
  const applyNative = functionMethods['apply'] as AnyFunction;
  functionMethods['bind'] = function (this: unknown, ...args: unknown[]) {
    meter.grow(64);
    return meter.born(apply(bindNative, this, args));
  };
  functionMethods['apply'] = function (this: unknown, thisValue: unknown, args: unknown) {
    const length = Number((args as { length?: unknown } | undefined)?.length ?? 0);
    if (length > 1024) meter.kill('memory');
    meter.charge(1 + (length >> 1));
    // The arguments lie on the stack: see depthLimit in tools/realm/meter-source.ts.
    const weight = length >> 6;
    meter.enter(weight);
    try {
      return apply(applyNative, this, [thisValue, args]);
    } finally {
      meter.leave(weight);
    }
  };

  typedArrays(globals);
  setMethodsOf(Map.prototype, add(pick(Map.prototype, ['size']), mapMethods));
  setMethodsOf(Set.prototype, add(pick(Set.prototype, ['size']), setMethods));
  globals['Map'] = collection(Map);
  globals['Set'] = collection(Set);

  setMethodsOf(Array.prototype, arrayMethods);
  globals['Array'] = face(Array, (items) => makeArray(...items), arrayStatics);

  setMethodsOf(String.prototype, add(pick(String.prototype, ['length']), stringMethods));
  globals['String'] = face(
    String,
    (args) => (args.length === 0 ? '' : meter.text(`${args[0] as string}`)),
    stringStatics,
  );
  setMethodsOf(Number.prototype, pick(Number.prototype, number));
  globals['Number'] = face(
    Number,
    (args) => {
      if (typeof args[0] === 'string') meter.charge(args[0].length >> 2);
      return args.length === 0 ? 0 : Number(args[0]);
    },
    numberFunctions,
  );
  setMethodsOf(BigInt.prototype, pick(BigInt.prototype, ['toString', 'valueOf']));
  globals['BigInt'] = face(BigInt, ([value]) => makeBigInt(value), bigIntStatics);
  setMethodsOf(Boolean.prototype, pick(Boolean.prototype, ['toString', 'valueOf']));
  globals['Boolean'] = face(Boolean, ([value]) => Boolean(value), {});
  setMethodsOf(Symbol.prototype, pick(Symbol.prototype, ['toString', 'valueOf']));

  for (const native of [TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError, AggregateError]) {
    setMethodsOf(native.prototype, pick(native.prototype, ['message', 'name']));
    overridable(native.prototype, 'name');
    overridable(native.prototype, 'message');
    const wrapped = errorClass(native);
    if (['TypeError', 'RangeError', 'SyntaxError', 'ReferenceError'].includes(native.name))
      globals[native.name] = wrapped;
    freeze(native.prototype);
  }
  setMethodsOf(Error.prototype, pick(Error.prototype, ['message', 'name', 'toString']));
  overridable(Error.prototype, 'name');
  overridable(Error.prototype, 'message');
  globals['Error'] = errorClass(Error);
  // Without a limit that is a number, the engine captures no stack.
  Reflect.deleteProperty(Error, 'stackTraceLimit');
  Reflect.deleteProperty(Error, 'captureStackTrace');

  setMethodsOf(Function.prototype, functionMethods);
  setMethodsOf(Object.prototype, pick(Object.prototype, objectMethodNames));
  globals['Object'] = face(Object, ([value]) => makeObject(value), objectStatics);
  globals['RegExp'] = RealmRegExp;
  freeze(RealmRegExp.prototype);
  Reflect.deleteProperty(RealmRegExp, 'at');
  globals['Math'] = freezePicked(Math, mathNames);
  globals['JSON'] = freeze({ __proto__: null, parse: freeze(json.parse), stringify: freeze(json.stringify) });
  for (const name of ['isFinite', 'isNaN', 'parseFloat', 'parseInt'] as const) globals[name] = freeze(globalThis[name]);

  const async = [async () => {}, async function* () {}].map((value) => getPrototypeOf(value) as { prototype?: object });
  const others = [
    generator,
    generator.prototype,
    iteratorBase,
    ...iterators,
    getPrototypeOf(Uint8Array.prototype) as object,
  ];
  for (const kind of [generator, ...async]) Reflect.deleteProperty(kind, 'constructor');
  for (const object of [...async, ...async.map(({ prototype }) => prototype)])
    if (object) others[others.length] = object;
  setMethodsOf(generator.prototype, pick(generator.prototype, ['next', 'return', 'throw']));
  for (const iterator of iterators) setMethodsOf(iterator, pick(iterator, ['next']));
  setMethodsOf(iteratorBase, {});

  const global = globalThis as unknown as Record<PropertyKey, unknown>;
  const natives = ownKeys(global).map((key) => global[key]);
  for (const native of natives) {
    if (typeof native !== 'function') continue;
    const { prototype } = native as { prototype?: object };
    if (prototype !== undefined) others[others.length] = prototype;
  }
  for (const key of ownKeys(global)) {
    if (!Reflect.deleteProperty(global, key) && getOwnPropertyDescriptor(global, key)?.writable)
      global[key] = undefined;
  }
  for (const object of others) freezeDeep(object);
  freeze(global);
  return globals;
}

/** The object and the functions right below it. */
function freezeDeep(object: object): void {
  for (const key of ownKeys(object)) {
    const { value, get, set } = getOwnPropertyDescriptor(object, key)!;
    for (const part of [value, get, set]) if (typeof part === 'function') freeze(part);
  }
  freeze(object);
}

function freezePicked(from: object, names: readonly string[]): object {
  const picked = pick(from, names);
  for (const name of names) if (typeof picked[name] === 'function') freeze(picked[name]);
  return freeze(picked);
}

function add(to: Record<string, unknown>, more: Record<string, unknown>): Record<string, unknown> {
  for (const name of Object.keys(more)) if (name !== '__proto__') to[name] = more[name];
  return to;
}
