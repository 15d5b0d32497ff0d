// How deep calls may nest is the meter's matter, and the same on every host: the deepest frames fit into a small stack.

import { describe, expect, test } from 'vitest';
import { NodeRealm } from '../../tools/host/realm.ts';
import { bodies, loadInline, programOf, RunningServer } from './inline-server.ts';

const list = (count: number, each: (i: number) => string, separator = ', '): string =>
  Array.from({ length: count }, (_, i) => each(i)).join(separator);

/** Recursions with the largest frames that can be had for little depth. */
const recursions: [name: string, body: string][] = [
  [
    'many locals',
    `function f(n: number): number { let ${list(500, (i) => `a${i} = n + ${i}`)}; const r = f(n + 1); return r + ${list(500, (i) => `a${i}`, '+')} } return f(0)`,
  ],
  [
    'locals in a loop',
    `function f(n: number): number { for (;;) { let ${list(500, (i) => `a${i} = n`)}; f(n + 1); n += ${list(500, (i) => `a${i}`, '+')} } } return f(0)`,
  ],
  [
    'many parameters',
    `function f(${list(300, (i) => `a${i}: number`)}): number { return f(${list(300, (i) => `a${i}`)}) + 1 } return (f as any)(1)`,
  ],
  ['many arguments', `function f(...all: number[]): number { return f(${list(300, () => '1')}) + 1 } return f(1)`],
  ['just below the next weight', `function f(): any { return [${list(50, () => '1')}, f()] } return f()`],
  [
    'spread arguments',
    `const all = Array(1024).fill(1); function f(...some: number[]): number { return f(...all) + some.length } return f()`,
  ],
  [
    'spread arguments of constructors',
    `const all = Array(1024).fill(1); class A { constructor(...some: number[]) { new A(...all) } } return new A()`,
  ],
  [
    'applied arguments',
    `const all = Array(1024).fill(1); function f(...some: number[]): number { return f.apply(null, all) + some.length } return f()`,
  ],
  ['defaults of parameters', `function f(a: any = f()): any { return a } return f()`],
  ['defaults in patterns', `function f({ a = f({}) }: any): any { return a } return f({})`],
  [
    'keys in patterns',
    `const key: any = { toString({ [key]: x }: any = {}): string { return x } }; return String(key)`,
  ],
  [
    'defaults with large expressions',
    `function f(a: any = [${list(200, () => 'f')}, f()]): any { return a } return f()`,
  ],
  ['field initialisers', `class A { x: any = new A() } return new A()`],
  ['private field initialisers', `class A { #x: any = new A(); y() { return this.#x } } return new A()`],
  ['field initialisers of a base', `class A { x: any = new B() } class B extends A {} return new B()`],
  ['coercion', `const o: any = { toString(a: any = '' + o) { return a } }; return '' + o`],
  ['callbacks', `function f(): any { return [1].map(() => f()) } return f()`],
  ['sorting', `function f(): any { return [2, 1].sort(() => f()) } return f()`],
  ['replacing', `function f(): any { return 'a'.replace(/a/g, () => f()) } return f()`],
  ['getters', `const o = { get x(): number { return this.x } }; return o.x`],
  [
    'a catch at every level',
    `function f(n: number): any { try { return f(n + 1) } catch { return f(n + 1) } } return f(0)`,
  ],
  ['a draft', `let a: any = {}; for (let i = 0; i < 1e5; i++) a = { a }; return JSON.stringify(a)`],
];
const evaluate = bodies(recursions.map(([, body]) => body));

const beneath = (frames: number, run: () => unknown): unknown => (frames === 0 ? run() : [beneath(frames - 1, run)]);

/** How many such frames the stack of this host holds, within a few: V8 gives 984 KiB to a main thread. */
function stackFrames(): number {
  let [low, high] = [0, 1 << 20];
  while (high - low > 16) {
    const middle = (low + high) >> 1;
    try {
      beneath(middle, () => 0);
      low = middle;
    } catch {
      high = middle;
    }
  }
  return low;
}
const half = stackFrames() >> 1;

test.each(recursions.map(([name], index) => [name, index] as const))(
  'Recursion with %s ends by its depth, on half a stack',
  (_name, index) => {
    expect(() => beneath(half, () => evaluate(index))).toThrow('depth: Calls nest too deeply');
  },
);

test.each([
  ['an array', 'Array(1025).fill(1)'],
  ['bytes', 'new Uint8Array(1025)'],
  ['a string', `'x'.repeat(1025)`],
  ['a set', 'new Set(Array.from(Array(1025).keys()))'],
])('A call takes no more than 1024 arguments from %s', (_what, all) => {
  expect(() => bodies([`const all: any = ${all}; return Math.max(...all)`])(0)).toThrow('memory');
  expect(bodies([`const all: any = ${all.replaceAll('1025', '1024')}; return [Math.max(...all)].length`])(0)).toBe('1');
});

test('A depth that a server has caught at does not count any more', () => {
  const body = `
    function f(a: any = (() => { throw new Error('no') })()): any { return a }
    class A { x: any = f() }
    for (let i = 0; i < 1000; i++) { try { f() } catch {} try { new A() } catch {} try { [1].join.apply([{ toString() { throw 1 } }] as any, ['-']) } catch {} }
    return 'done'`;
  expect(bodies([body])(0)).toBe('done');
});

describe('An exhausted stack of the host', () => {
  test('ends the run, and says whose code was running', () => {
    const program = programOf(
      loadInline(`
        function f(n: number): number { ${list(20, (i) => `const a${i} = n;`, ' ')} return n === 0 ? 0 : f(n - 1) + ${list(20, (i) => `a${i}`, '+')} }
        export default server<object>({
          protected() { try { f(100) } catch {} finally { return { label: 0, words: [] } } },
        });`),
    );
    const outcome = (frames: number): 'answers' | 'too deep' | string => {
      const running = new RunningServer(new NodeRealm({ cell: 'digger', program }));
      try {
        beneath(frames, () => running.call(0));
        return 'answers';
      } catch (error) {
        return error instanceof RangeError ? 'too deep' : (error as Error).message;
      }
    };
    // Between a stack that suffices and one that does not even hold the host's own frames.
    let [low, high] = [0, 1 << 16];
    const seen = new Set<string>();
    while (high - low > 8) {
      const middle = (low + high) >> 1;
      const what = outcome(middle);
      seen.add(what);
      if (what === 'answers') low = middle;
      else high = middle;
    }
    for (let frames = low; frames < low + 400; frames += 20) seen.add(outcome(frames));
    expect([...seen].some((each) => each.startsWith("digger: the host's stack is exhausted"))).toBe(true);
  });

  test('cannot be feigned by a server', () => {
    const feigned = bodies([
      `throw new RangeError('Maximum call stack size exceeded')`,
      `try { 'x'.repeat(-1) } catch (error) { (error as Error).message = 'Maximum call stack size exceeded'; throw error }`,
      `class Mine extends RangeError { get message() { return 'Maximum call stack size exceeded' } } throw new Mine()`,
    ]);
    for (const index of [0, 1, 2]) expect(() => feigned(index)).toThrow(/^throw: /);
  });
});
