// The corpus of escapes: what is known to have led out of sandboxes. Each must fail when loaded, or find nothing.

import { describe, expect, test } from 'vitest';
import { bodies, loadInline, RunningServer, realmOf } from './inline-server.ts';

/** Code that the loader must refuse. */
const refused: Record<string, string> = {
  eval: `return eval('1')`,
  'indirect eval': `return (0, eval)('1')`,
  'Function constructor': `return new Function('return this')()`,
  'dynamic import': `return import('node:fs')`,
  'import.meta': `return import.meta.url`,
  globalThis: `return globalThis`,
  process: `return process.exit()`,
  require: `return require('fs')`,
  console: `return console.log(1)`,
  Promise: `return Promise.resolve()`,
  'async function': `return (async () => 1)()`,
  'async generator': `return (async function* () {})()`,
  await: `async function f() { await 1; } return f()`,
  'for await': `async function f() { for await (const x of []) {} } return f()`,
  Proxy: `return new Proxy({}, {})`,
  Reflect: `return Reflect.ownKeys({})`,
  Symbol: `return Symbol.iterator`,
  Date: `return new Date()`,
  WeakRef: `return new WeakRef({})`,
  FinalizationRegistry: `return new FinalizationRegistry(() => {})`,
  Intl: `return Intl.Collator`,
  SharedArrayBuffer: `return new SharedArrayBuffer(8)`,
  Atomics: `return Atomics.wait`,
  WebAssembly: `return WebAssembly.Module`,
  structuredClone: `return structuredClone({})`,
  setTimeout: `return setTimeout(() => {}, 0)`,
  queueMicrotask: `return queueMicrotask(() => {})`,
  arguments: `return arguments`,
  'yield*': `function* g() { yield* [1]; } return g()`,
  debugger: `debugger; return 1`,
  with: `with ({}) { return 1 }`,
  'the gate': `return $gate(0)`,
  'the machine, without being the SDK': `return $machine`,
  'the meter': `return $meter`,
  'the fuel': `return $$f`,
  'a name that shadows the meter': `const $$f = 1e9; return $$f`,
  'immer itself': `return $immer`,
  'assigning an intrinsic': `Object = null; return 1`,
  'Error.captureStackTrace through a free name': `return performance.now()`,
  Float64Array: `return new Float64Array(1)`,
  'static private members': `class C { static #x = 1; static y() { return ++this.#x } } return C.y()`,
};

test.each(Object.entries(refused))('The loader refuses %s', (_name, body) => {
  const result = loadInline(`function run(): unknown { ${body} }\nexport default server({ init() { run(); } });`);
  expect(result.ok).toBe(false);
  if (!result.ok) expect(result.diagnostics[0]!.line).toBe(2);
});

/** Code that loads; what it evaluates to. `host` would be the way out. */
const harmless: [name: string, body: string, result: string][] = [
  ['the constructor of a function', `return String((() => {}).constructor)`, '[object Function]'],
  [
    'calling the constructor of a constructor',
    `try { return (() => {}).constructor.constructor('return process')() } catch (e) { return 'no' }`,
    'no',
  ],
  [
    'the constructor of an object',
    `try { return ({}).constructor.constructor('return process')() } catch (e) { return 'no' }`,
    'no',
  ],
  [
    'the constructor of a generator function',
    `function* g() {} return typeof (g as any).constructor('yield 1')`,
    'object',
  ],
  [
    'the constructor of a class',
    `class A {} try { return (A as any).constructor('return process')() } catch (e) { return 'no' }`,
    'no',
  ],
  ['this in a plain function', `function f(this: any) { return this } return typeof f()`, 'undefined'],
  ['this of the module', `return typeof (function (this: any) { return this })()`, 'undefined'],
  [
    'caller of a function',
    `function f() { return typeof (f as any).caller } try { return f() } catch (e) { return 'no' }`,
    'undefined',
  ],
  [
    'arguments of a function',
    `function f() { return typeof (f as any).arguments } try { return f() } catch (e) { return 'no' }`,
    'undefined',
  ],
  ['callee through bind', `return typeof (f as any).bind({}).caller; function f() {}`, 'undefined'],
  ['the stack of an error', `try { (null as any).x } catch (e) { return typeof (e as any).stack }`, 'undefined'],
  ['the stack of a new error', `return typeof new Error('x').stack`, 'undefined'],
  [
    'Error.prepareStackTrace',
    `try { (Error as any).prepareStackTrace = (e: any, t: any) => t } catch (e) {} return typeof new Error('x').stack`,
    'undefined',
  ],
  ['Error.captureStackTrace', `return typeof (Error as any).captureStackTrace`, 'undefined'],
  [
    'Error.stackTraceLimit',
    `try { (Error as any).stackTraceLimit = 10 } catch (e) {} return typeof new Error('x').stack`,
    'undefined',
  ],
  [
    'stackTraceLimit by way of an engine error',
    `try { (null as any).x } catch (e) { try { (e as any).constructor.stackTraceLimit = 9 } catch {} } return typeof new TypeError('x').stack`,
    'undefined',
  ],
  ['__proto__ of an object', `return typeof ({} as any).__proto__`, 'undefined'],
  ['__defineGetter__', `return typeof ({} as any).__defineGetter__`, 'undefined'],
  ['__lookupGetter__', `return typeof ({} as any).__lookupGetter__`, 'undefined'],
  ['Object.defineProperty', `return typeof (Object as any).defineProperty`, 'undefined'],
  ['Object.getOwnPropertyDescriptors', `return typeof (Object as any).getOwnPropertyDescriptors`, 'undefined'],
  ['Object.getOwnPropertySymbols', `return typeof (Object as any).getOwnPropertySymbols`, 'undefined'],
  ['Object.setPrototypeOf', `return typeof (Object as any).setPrototypeOf`, 'undefined'],
  ['Object.groupBy and what is newer', `return typeof (Object as any).groupBy`, 'undefined'],
  ['writing Object.prototype', `try { (Object.prototype as any).x = 1 } catch (e) { return 'no' } return 'yes'`, 'no'],
  [
    'writing Array.prototype',
    `try { (Array.prototype as any).push = () => 0 } catch (e) { return 'no' } return 'yes'`,
    'no',
  ],
  [
    'writing Function.prototype',
    `try { (Object.getPrototypeOf(() => 0) as any).call = 1 } catch (e) { return 'no' } return 'yes'`,
    'no',
  ],
  [
    'writing the prototype of iterators',
    `try { (Object.getPrototypeOf([].values()) as any).next = 1 } catch (e) { return 'no' } return 'yes'`,
    'no',
  ],
  [
    'writing the prototype of generators',
    `function* g() {} try { (Object.getPrototypeOf(Object.getPrototypeOf(g())) as any).next = 1 } catch (e) { return 'no' } return 'yes'`,
    'no',
  ],
  ['writing Map.prototype', `try { (Map.prototype as any).get = 1 } catch (e) { return 'no' } return 'yes'`, 'no'],
  [
    'writing RegExp.prototype',
    `try { (RegExp.prototype as any).exec = 1 } catch (e) { return 'no' } return 'yes'`,
    'no',
  ],
  ['writing a static method', `try { (Array as any).isArray = 1 } catch (e) { return 'no' } return 'yes'`, 'no'],
  ['hanging a value on a method', `try { ([].push as any).secret = 1 } catch (e) { return 'no' } return 'yes'`, 'no'],
  ['writing Math', `try { (Math as any).abs = 1 } catch (e) { return 'no' } return 'yes'`, 'no'],
  ['Math.random', `const math: any = Math; return typeof math.random`, 'undefined'],
  [
    'Math.sin and others that differ between engines',
    `const math: any = Math; return [typeof math.sin, typeof math.exp, typeof math.pow].join()`,
    'undefined,undefined,undefined',
  ],
  [
    'toLocaleString',
    `return [typeof (1 as any).toLocaleString, typeof ([] as any).toLocaleString, typeof ({} as any).toLocaleString].join()`,
    'undefined,undefined,undefined',
  ],
  [
    'localeCompare and normalize',
    `return [typeof ('' as any).localeCompare, typeof ('' as any).normalize].join()`,
    'undefined,undefined',
  ],
  [
    'the species of an array',
    `class A { constructor() { throw new Error('species') } } const a: any = [1]; try { a.constructor = { x: A } } catch {} return a.map((x: number) => x).length`,
    '1',
  ],
  [
    'an array with its own constructor',
    `const a: any = [3]; try { a.constructor = function () { return { evil: 1 } } } catch {} return a.slice().length`,
    '1',
  ],
  ['a function whose source shows the meter', `function f() { return 1 } return String(f)`, '[object Function]'],
  ['Function.prototype.toString', `return typeof (Object.getPrototypeOf(() => 0) as any).toString.call`, 'function'],
  [
    'a getter on a thrown object',
    `const e = { get message() { return 'got' } }; try { throw e } catch (x) { return (x as any).message }`,
    'got',
  ],
  [
    'toString while a string is made',
    `let calls = 0; const o = { toString() { calls++; return 'o' } }; const s = 'a' + o; return s + calls`,
    'ao1',
  ],
  ['valueOf while numbers are added', `const o = { valueOf() { return 2 } }; return (o as any) + 1`, '3'],
  [
    'the buffer of a typed array',
    `const b = new Uint8Array(4).buffer; return (b as any).constructor === ArrayBuffer`,
    'true',
  ],
  [
    'a buffer that grows',
    `return typeof (new ArrayBuffer(8, { maxByteLength: 1e15 } as any) as any).resize`,
    'undefined',
  ],
  ['transferring a buffer', `return typeof (new ArrayBuffer(8) as any).transfer`, 'undefined'],
  ['floats in a DataView', `return typeof (new DataView(new ArrayBuffer(8)) as any).getFloat64`, 'undefined'],
  [
    'a setter hidden in a literal',
    `const o: any = { __proto__: { set x(v: any) { this.y = v } } }; o.x = 1; return o.y`,
    '1',
  ],
  [
    'a subclass of an error',
    `class E extends TypeError {} const e = new E('m'); return [e instanceof TypeError, e.message, typeof e.stack].join()`,
    'true,m,undefined',
  ],
  [
    'naming an error',
    `class E extends Error { constructor() { super('m'); this.name = 'E' } } return String(new E())`,
    'E: m',
  ],
  [
    'JSON with __proto__',
    `const o = JSON.parse('{"__proto__":{"x":1}}'); return [typeof o.x, Object.keys(o).join()].join()`,
    'undefined,__proto__',
  ],
  [
    'Object.fromEntries with __proto__',
    `return typeof (Object.fromEntries([['__proto__', { x: 1 }]]) as any).x`,
    'undefined',
  ],
  ['a finally block that swallows', `function f() { try { throw 1 } finally { return 2 } } return f()`, '2'],
  ['instanceof with a server function', `function F() {} return ({}) instanceof (F as any)`, 'false'],
  ['a tagged template', `return ((s: any) => Array.isArray(s.raw))\`x\``, 'true'],
  ['RegExp legacy statics', `/(a)/.test('a'); return typeof (RegExp as any).$1`, 'undefined'],
  ['the string iterator', `return [...'aé😀'].length`, '3'],
  ['Array.fromAsync', `return typeof (Array as any).fromAsync`, 'undefined'],
  ['iterator helpers', `return typeof ([].values() as any).map`, 'undefined'],
  ['a private field guard', `class C { #x = 1; get() { return this.#x } } return new C().get()`, '1'],
];

const evaluateHarmless = bodies(harmless.map(([, body]) => body));
test.each(harmless.map(([name, , result], index) => [name, result, index] as const))(
  'Nothing comes of %s',
  (_name, result, index) => {
    expect(evaluateHarmless(index)).toBe(result);
  },
);

/** Code that must end in a fault, whatever it catches. */
const stopped: [name: string, body: string, cause: string][] = [
  ['catching exhaustion', `for (;;) { try { for (;;); } catch {} }`, 'budget'],
  ['finally after exhaustion', `try { for (;;); } finally { return 'out' }`, 'budget'],
  [
    'a generator that cleans up after exhaustion',
    `function* g() { try { yield 1 } finally { for (;;); } } for (const x of g()) { for (;;); }`,
    'budget',
  ],
  ['recursion', `function f(n: number): number { return 1 + f(n + 1) } return f(0)`, 'depth'],
  [
    'recursion that catches',
    `function f(n: number): number { try { return f(n + 1) } catch { return f(n + 1) } } return f(0)`,
    'depth',
  ],
  ['recursion through a getter', `const o = { get x(): number { return this.x } }; return o.x`, 'depth'],
  ['recursion through toString', `const o: any = { toString() { return '' + o } }; return '' + o`, 'depth'],
  ['recursion through parameters', `function f(a: any = f()): any { return a } return f()`, 'depth'],
  ['recursion through field initialisers', `class A { x: any = new A() } return new A()`, 'depth'],
  ['recursion through sort', `function f(): any { return [2, 1].sort(() => f()) } return f()`, 'depth'],
  [
    'recursion through toJSON',
    `const o: any = { toJSON() { return JSON.stringify(o) } }; return JSON.stringify(o)`,
    'depth',
  ],
  [
    'recursion through generators',
    `function* g(): any { for (const x of g()) yield x } for (const x of g()) return x`,
    'depth',
  ],
  [
    'stack exhaustion below a big frame',
    `function f(a: any): any { const x = [${'a,'.repeat(2000)} f(a)]; return x } return f(1)`,
    'depth',
  ],
  ['a nested array that is joined', `let a: any = []; for (let i = 0; i < 1e5; i++) a = [a]; return a.join()`, 'depth'],
  [
    'a nested array that is written as JSON',
    `let a: any = []; for (let i = 0; i < 1e5; i++) a = [a]; return JSON.stringify(a)`,
    'depth',
  ],
  ['doubling a string', `let s = 'x'; for (;;) s += s`, 'memory'],
  ['doubling a template', `let s = 'x'; for (;;) s = \`\${s}\${s}\``, 'memory'],
  ['repeat', `return 'x'.repeat(2 ** 28).length`, 'memory'],
  ['padStart', `return 'x'.padStart(2 ** 28).length`, 'memory'],
  ['a long array', `return new Array(2 ** 31).fill(0).length`, 'memory'],
  ['a long sparse array', `const a: any[] = []; a.length = 2 ** 31; return a.map((x) => x).length`, 'memory'],
  ['growing an array', `const a: any[] = []; for (;;) a.push(a.slice())`, 'memory'],
  ['spreading', `let a = [1]; for (;;) a = [...a, ...a]`, 'memory'],
  ['concat', `let a = [1]; for (;;) a = a.concat(a)`, 'memory'],
  ['a big typed array', `return new Uint8Array(2 ** 30).length`, 'memory'],
  ['a big buffer', `return new ArrayBuffer(2 ** 30).byteLength`, 'memory'],
  ['a growing map', `const m = new Map(); for (let i = 0; ; i++) m.set(i, i)`, 'budget'],
  ['a power of BigInts', `return String(3n ** 100000000n).length`, 'memory'],
  ['squaring BigInts', `let x = 3n; for (;;) x *= x`, 'memory'],
  ['shifting BigInts', `return String(1n << 1000000000n).length`, 'memory'],
  ['a long apply', `return Math.max.apply(null, new Array(1e6).fill(1))`, 'memory'],
  ['an explosive regular expression', `return /^(a+)+$/.test('a'.repeat(40) + 'b')`, 'regexp'],
  ['an explosive regular expression, caught', `for (;;) try { /(x+x+)+y/.test('x'.repeat(50)) } catch {}`, 'regexp'],
  ['objects in a loop', `let o: any = null; for (;;) o = { o }`, 'memory'],
];

const evaluateStopped = bodies(stopped.map(([, body]) => body));
test.each(stopped.map(([name, , cause], index) => [name, cause, index] as const))(
  'A server cannot survive %s',
  (_name, cause, index) => {
    expect(() => evaluateStopped(index, { handlerUnits: 3_000_000 })).toThrow(new RegExp(`^${cause}:`));
  },
);

describe('At the gate', () => {
  const calling = `
    import { machine } from '../../../guests/sdk/machine.ts';
    const attempts: ((thing: any) => unknown)[] = [
      (thing) => machine.load(thing, 8),
      (thing) => machine.load(0x10_0000, thing),
      (thing) => machine.store(0x10_0000, 8, thing),
      (thing) => machine.loadBytes(0x10_0000, thing),
      (thing) => machine.storeBytes(0x10_0000, thing),
      (thing) => machine.storeEach(0x10_0000, thing),
      (thing) => machine.systemCall(thing, 1, 0n, [], 0, 0),
      (thing) => machine.systemCall(-1, 1, 0n, [thing], 0, 0),
      (thing) => machine.signal(thing),
      (thing) => machine.signal(1, thing ?? null),
      (thing) => machine.publish(0, 8, thing),
    ];
    const things: any[] = [
      { valueOf() { throw new Error('asked'); } }, { toString() { throw new Error('asked'); } }, null, undefined, 'x', NaN, -1, 1.5,
      [], () => 0, Object.create(Uint8Array.prototype), { length: 5 },
    ];
    export default server<object>({
      protected(cell, _channel, message) {
        if (message.label === 1) return { label: 0, words: [machine.load(0x12_0000, 8)] };
        let refused = 0n;
        for (const attempt of attempts) {
          for (const thing of things) {
            try { attempt(thing); } catch (error) {
              if (error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError) refused++;
            }
          }
        }
        return { label: 0, words: [refused] };
      },
    });`;

  test('arguments of the wrong kind are refused inside the realm, and none is asked to convert itself', () => {
    const running = new RunningServer(realmOf(calling));
    const [refused] = running.call(0)!;
    // All but one: −1 is the number of seL4_Call.
    expect(refused).toBe(11n * 12n - 1n);
    expect(running.realm.fault).toBeUndefined();
  });

  test("what the machine throws stays the machine's, and stops the run", () => {
    const running = new RunningServer(realmOf(calling));
    running.thread.load = () => {
      throw new Error('a bug of the machine');
    };
    expect(() => running.call(1)).toThrow('a bug of the machine');
    expect(running.thread.replies).toEqual([]);
  });

  test('an exhausted stack of the host gives no error of the host to the realm', () => {
    const running = new RunningServer(realmOf(calling));
    const sink = (depth: number): void => {
      try {
        sink(depth + 1);
      } catch {
        try {
          running.call(1);
        } catch {
          // Whatever reaches the host here is its own.
        }
      }
    };
    sink(0);
    expect(running.realm.fault?.message ?? '').not.toMatch(/process|require/);
  });

  test('a realm without a thread does nothing', () => {
    const running = new RunningServer(realmOf(calling));
    expect(() => running.realm.save()).not.toThrow();
  });
});
