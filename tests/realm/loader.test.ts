// What the loader says about sources, and that instrumented code means what it meant before.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NodeRealm } from '../../tools/host/realm.ts';
import { loadServer } from '../../tools/host/server-source.ts';
import { bodies, loadInline, programOf, RunningServer, realmOf } from './inline-server.ts';

describe('A diagnostic names line, column and a hint', () => {
  test.each([
    ['async functions', 'async function f() {}', 'async'],
    ['Date', 'const t = Date.now();', 'unknown-name'],
    ['Math.random', 'const f = () => Math.random();', 'unknown-member'],
    ['a function of Math that engines round differently', 'const s = Math.sin(1);', 'unknown-member'],
    ['Promise', 'const p = Promise;', 'unknown-name'],
    ['an enum', 'enum Colour { red }', 'typescript-syntax'],
    ['a parameter property', 'class A { constructor(private x: number) {} }', 'typescript-syntax'],
    ['a namespace with values', 'namespace N { export const x = 1; }', 'typescript-syntax'],
    ['a module variable', 'let count = 0;', 'module-variable'],
    ['a reserved name', 'const $$f = 1;', 'reserved-name'],
    ['a syntax error', 'const = 1;', 'syntax'],
    ['a module that is not there', "import { x } from './nowhere.ts';", 'missing-module'],
    ['a module outside', "import { x } from '../../../tools/realm/loader.ts';", 'import-not-allowed'],
    ['a package', "import { produce } from 'immer';", 'import-not-allowed'],
    ['a module of the host', "import fs from 'node:fs';", 'import-not-allowed'],
    ['an export that is not there', "import { nothing } from '../../../guests/sdk/index.ts';", 'missing-export'],
    ['a regular expression that is refused', 'const letters = /\\p{L}/u;', 'regexp'],
  ])('%s', (_name, line, code) => {
    const result = loadInline(`${line}\nexport default server({});`);
    expect(result).toMatchObject({
      ok: false,
      diagnostics: [{ code, line: 2, file: 'tests/realm/servers/inline.ts' }],
    });
  });

  test('A name that the module declares itself is no Math of the realm', () => {
    expect(loadInline('const f = (Math: any) => Math.random();\nexport default server({});').ok).toBe(true);
  });

  test('All of them are reported at once', () => {
    const result = loadInline('let a = 0;\nlet b = Date;\nasync function f() {}\nexport default server({});');
    expect(!result.ok && result.diagnostics.map(({ line }) => line).sort()).toEqual([2, 3, 3, 4]);
  });
});

describe('A module keeps nothing that can change', () => {
  const cases: [name: string, source: string][] = [
    ['a closure over a changing variable', 'const next = (() => { let n = 0; return () => ++n; })();'],
    ['a generator', 'const g = (function* () { let n = 0; for (;;) yield n++; })();'],
    ['an object with a private field', 'class C { #n = 0; next() { return ++this.#n; } }\nconst c = new C();'],
    ['a typed array', 'const bytes = new Uint8Array(4);'],
    ['an iterator', 'const it = [1, 2].values();'],
  ];
  test.each(cases)('%s is refused', (_name, source) => {
    const program = programOf(loadInline(`${source}\nexport default server({});`));
    expect(new NodeRealm({ cell: 'test', program }).fault?.cause).toBe('module-state');
  });

  const frozen: [name: string, source: string, change: string][] = [
    ['an object', 'const o: any = { a: { n: 0 } };', 'o.a.n = 1'],
    [
      'an object that a function made',
      'function make(): any { return { list: [] }; }\nconst o = make();',
      'o.list.push(1)',
    ],
    ['an object in a closure', 'const o = (() => { const hidden: any = {}; return () => hidden; })();', 'o().n = 1'],
    ['a Map', 'const m = new Map([[1, 2]]);', 'm.set(1, 3)'],
    ['a Set', 'const s = new Set();', 's.add(1)'],
    ['a function', 'function f() {}', '(f as any).n = 1'],
    ['a class', 'class C { static n = 0; }', 'C.n = 1'],
    ['the prototype of a class', 'class C {}', '(C.prototype as any).n = 1'],
    ['a method in a literal', 'const o = { m() {} };', '(o.m as any).n = 1'],
    ['the result of map', 'const list: any = [1].map((n) => ({ n }));', 'list[0].n = 2'],
    ['parsed JSON', 'const j: any = JSON.parse(\'{"a":{"b":1}}\');', 'j.a.b = 2'],
    ['a rest parameter', 'const list: any = ((...rest: any[]) => rest)(1, 2);', 'list[0] = 5'],
    ['an expression with the flag g', 'const re = /a/g;', "re.test('a')"],
  ];
  test.each(frozen)('%s is frozen', (_name, source, change) => {
    const running = new RunningServer(realmOf(`${source}\nexport default server({ init() { ${change}; } });`));
    expect(running.realm.fault?.message).toMatch(/TypeError: (Cannot|A Map or Set)/);
  });
});

describe('Instrumented code means what it meant', () => {
  const cases: [name: string, body: string, result: string][] = [
    ['statements without semicolons', 'const a = 1\nconst b = 2\n;[a, b].length\nreturn a + b', '3'],
    [
      'a branch without braces',
      'let x = 0; for (let i = 0; i < 3; i++) if (i % 2) x += i; else x -= i; return x',
      '-1',
    ],
    ['empty bodies', 'let i = 0; while (i++ < 3); for (; i < 9; i++); do; while (i++ < 12); return i', '13'],
    [
      'labels',
      'let n = 0; outer: for (const a of [1, 2]) for (const b of [1, 2]) { if (b === 2) continue outer; n += a + b } return n',
      '5',
    ],
    [
      'switch with falling through',
      'let s = ""; for (const x of [1, 2, 3]) switch (x) { case 1: s += "a"; case 2: s += "b"; break; default: s += "c" } return s',
      'abbc',
    ],
    [
      'arrow functions that return objects',
      'const f = (a: number) => ({ a, b: [a] }); return JSON.stringify(f(1))',
      '{"a":1,"b":[1]}',
    ],
    [
      'default parameters and patterns',
      'const f = ({ a = 1, ...rest }: any, [b, ...c]: any = [2, 3, 4]) => [a, b, c, Object.keys(rest)].join("|"); return f({ x: 1 })',
      '1|2|3,4|x',
    ],
    [
      'destructuring assignment',
      'const o: any = {}; let rest: any; [o.a, o["b"], ...rest] = [1, 2, 3, 4]; ({ x: o.c = 5 } = {} as any); return [o.a, o.b, o.c, rest].join()',
      '1,2,5,3,4',
    ],
    [
      'compound assignment',
      'const o: any = { a: "x", n: 2n }; let calls = 0; const key = () => { calls++; return "a" }; o[key()] += "y"; o.n **= 10n; o.n <<= 2n; o.n *= 3n; return [o.a, o.n, calls].join()',
      'xy,12288,1',
    ],
    [
      'compound assignment on this',
      'class A { #p = 1; n = 2; f() { this.#p += 4; this.n += this.#p; return this.n } } return new A().f()',
      '7',
    ],
    ['parentheses around operands', 'return (1 + 2) + ((3)) + ("a" + (4 + 5))', '6a9'],
    ['powers', 'return [2 ** 10, 2 ** -1, (-2) ** 3, 3n ** 4n].join()', '1024,0.5,-8,81'],
    [
      'classes',
      'class A { constructor(public_: number) { this.v = public_ } v: number; get w() { return this.v } static s = 4; static { this.s++ } } class B extends A { constructor() { super(3) } } return [new B().w, B.s, new B() instanceof A].join()',
      '3,5,true',
    ],
    [
      'generators',
      'function* g(n: number): Generator<number, string, number> { let sum = 0; for (let i = 0; i < n; i++) sum += yield i; return "s" + sum } const it = g(2); it.next(); it.next(5); return it.next(6).value',
      's11',
    ],
    [
      'a generator that is left early',
      'let done = ""; function* g() { try { yield 1; yield 2 } finally { done = "yes" } } for (const x of g()) break; return done',
      'yes',
    ],
    [
      'closures in loops',
      'const fs: any[] = []; for (let i = 0; i < 3; i++) fs.push(() => i); return fs.map((f) => f()).join()',
      '0,1,2',
    ],
    ['hoisted functions', 'return f(); function f() { return g(); function g() { return "hoisted" } }', 'hoisted'],
    ['catch with a pattern', 'try { throw { a: 1, b: [2] } } catch ({ a, b: [c] }: any) { return a + c }', '3'],
    [
      'optional chaining and nullish assignment',
      'const o: any = { a: null }; o.a ??= { f: () => 7 }; return [o.a?.f?.(), o.b?.c.d, o.x?.[1]].join()',
      '7,,',
    ],
    [
      'tagged templates',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: source of a server
      'const tag = (s: any, ...v: any[]) => s.raw.join("_") + v.join(); return tag`a${1}b${2}c`',
      'a_b_c1,2',
    ],
    [
      'typeof, void, delete, in',
      'const o: any = { a: 1 }; delete o.a; return [typeof o.a, void 0, "a" in o].join()',
      'undefined,,false',
    ],
    [
      'sort is stable',
      'return [[1, "a"], [0, "b"], [1, "c"], [0, "d"]].sort((a: any, b: any) => a[0] - b[0]).map((x) => x[1]).join("")',
      'bdac',
    ],
    ['sort by default', 'return [10, 9, undefined, 1].sort().join()', '1,10,9,'],
    [
      'JSON',
      'return JSON.stringify({ a: [1, "x", null, undefined, () => 1], b: undefined, c: { toJSON: () => 5 } }, null, 1)',
      '{\n "a": [\n  1,\n  "x",\n  null,\n  null,\n  null\n ],\n "c": 5\n}',
    ],
    [
      'string methods',
      'return ["abc".padStart(5, "-"), "abc".at(-1), " x ".trim(), "aXb".toLowerCase(), "abc".includes("bc"), "a,b".split(",").length].join()',
      '--abc,c,x,axb,true,2',
    ],
    [
      'array methods',
      'return [[1, [2, [3]]].flat(Infinity).join(""), Array.from({ length: 2 }, (_, i) => i).join(""), [3, 1].toSorted().join(""), [1, 2, 3].with(1, 9).join(""), [1, 2].entries().next().value].join()',
      '123,01,13,193,0,1',
    ],
    [
      'typed arrays',
      'const b = Uint8Array.from([1, 300]); const v = new DataView(b.buffer); return [b.join ? "j" : "", b[1], v.getUint16(0), [...b.subarray(1)].length].join()',
      ',44,300,1',
    ],
    [
      'instances of wrapped constructors',
      'return [[] instanceof Array, {} instanceof Object, new Map() instanceof Map, (() => 0) instanceof Object, new Error("x") instanceof Error].join()',
      'true,true,true,true,true',
    ],
    [
      'maps of maps',
      'const m = new Map<string, number>([["a", 1]]); m.set("b", 2); let s = ""; for (const [k, v] of m) s += k + v; return s + [...m.keys()].join() + m.size',
      'a1b2a,b2',
    ],
  ];
  const evaluate = bodies(cases.map(([, body]) => body));
  test.each(cases.map(([name, , result], index) => [name, result, index] as const))('%s', (_name, result, index) => {
    expect(evaluate(index)).toBe(result);
  });
});

test('What a handler costs is the same in every realm', () => {
  const source = `export default server({ protected(_cell, _channel, message) {
    let text = '';
    for (let i = 0; i < message.label; i++) text += [i, i * 2].map((n) => n + 1).join();
    return { label: text.length, words: [] };
  } });`;
  const payments = (labels: number[]): number[] => {
    const running = new RunningServer(realmOf(source));
    for (const label of labels) running.call(label);
    return running.thread.payments;
  };
  expect(payments([5, 50, 5])).toEqual(payments([5, 50, 5]));
  const sum = (list: number[]): number => list.reduce((total, ticks) => total + ticks, 0);
  expect(sum(payments([50]))).toBeGreaterThan(sum(payments([5])));
});

test('Damaged sources get diagnostics, never an exception', () => {
  const original = readFileSync(resolve(import.meta.dirname, '../../guests/servers/key-value.ts'), 'utf8');
  const file = resolve(import.meta.dirname, '../../guests/servers/damaged.ts');
  const damage = fc.record({ at: fc.nat(original.length), length: fc.nat(20), put: fc.string({ maxLength: 6 }) });
  fc.assert(
    fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), (places) => {
      let text = original;
      for (const { at, length, put } of places) text = text.slice(0, at) + put + text.slice(at + length);
      const result = loadServer(file, text);
      if (result.ok) return;
      expect(result.diagnostics.length).toBeGreaterThan(0);
      for (const { line, column } of result.diagnostics) expect(line * column).toBeGreaterThan(0);
    }),
    { numRuns: 150 },
  );
});
