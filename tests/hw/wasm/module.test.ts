// The module builder: control flow, calls, imports, and the binary form.

import { describe, expect, test } from 'vitest';
import { type FunctionBuilder, type Local, ModuleBuilder } from '../../../hw/wasm/module.ts';
import { I32, I64, ifElse, load } from '../../../hw/wasm/values.ts';

const memory = new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true });

function instantiate(module: ModuleBuilder, imports: Record<string, unknown> = {}) {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.encode(2)), { env: { memory, ...imports } });
  return instance.exports as Record<string, (...args: never[]) => unknown>;
}

/** A function of one i32 to an i32. */
function compile(body: (f: FunctionBuilder, x: Local<'i32'>) => void): (x: number) => number {
  const module = new ModuleBuilder();
  module.export('f', module.function(['i32'], 'i32', body));
  return instantiate(module).f as (x: number) => number;
}

describe('control flow', () => {
  test('a switch runs the chosen case alone, and the last one for every other index', () => {
    const chosen = compile((f, x) => {
      const result = f.local('i32');
      const cases = [10, 20, 30].map((n) => () => f.set(result, result.get.add(n)));
      f.switch(x.get, cases, () => f.set(result, result.get.add(99)));
      f.return(result.get);
    });
    expect([0, 1, 2, 3, -1].map(chosen)).toEqual([10, 20, 30, 99, 99]);
  });

  test('a case can leave the block around its switch', () => {
    const left = compile((f, x) => {
      f.block((end) => {
        f.switch(x.get, [() => f.br(end), () => f.return(I32.of(1))], () => f.return(I32.of(2)));
      });
      f.return(I32.of(0));
    });
    expect([0, 1, 2].map(left)).toEqual([0, 1, 2]);
  });

  test('a branch to a loop repeats it, a branch to a block leaves it', () => {
    const triangle = compile((f, x) => {
      const sum = f.local('i32');
      f.block((done) => {
        f.loop((again) => {
          f.brIf(done, x.get.eqz());
          f.set(sum, sum.get.add(x.get));
          f.set(x, x.get.sub(1));
          f.br(again);
        });
      });
      f.return(sum.get);
    });
    expect(triangle(100)).toBe(5050);
  });

  test('only one arm of an if runs, and labels around it are still reached', () => {
    const sign = compile((f, x) => {
      f.block((end) => {
        f.if(
          x.get.ltS(0),
          () => f.return(I32.of(-1)),
          () => f.if(x.get.eqz(), () => f.br(end)),
        );
        f.return(I32.of(1));
      });
      f.return(I32.of(0));
    });
    expect([-5, 0, 5].map(sign)).toEqual([-1, 0, 1]);
  });
});

describe('values', () => {
  test('a bound value keeps what an unbound one reads anew', () => {
    const difference = compile((f, x) => {
      const bound = f.let(x.get);
      f.set(x, x.get.add(1));
      f.return(x.get.sub(bound));
    });
    expect(difference(7)).toBe(1);
  });

  test('select evaluates both choices, ifElse only the chosen one', () => {
    const divide = compile((f, x) => f.return(ifElse(x.get.eqz(), I32.of(-1), I32.of(100).divU(x.get))));
    expect([0, 5].map(divide)).toEqual([-1, 20]);
    expect(() => compile((f, x) => f.return(x.get.eqz().select(I32.of(-1), I32.of(100).divU(x.get))))(0)).toThrow();
  });
});

describe('memory', () => {
  test('each store writes its width and each load widens as its name says', () => {
    const module = new ModuleBuilder();
    const fn = module.function(['i32'], 'i64', (f, at) => {
      f.fill(at.get, I32.of(0x11), I32.of(16));
      f.store('i64as16', at.get, I64.of(-2n), 2);
      f.store('i8', at.get, I32.of(0x80), 5);
      f.return(load.s16to64(at.get, 2).add(load.u8to64(at.get, 5)).add(load.s8(at.get, 5).i64S()));
    });
    module.export('f', fn);
    expect((instantiate(module).f as (at: number) => bigint)(64)).toBe(-2n + 128n - 128n);
    const written = new Uint8Array(memory.buffer, 64, 8);
    expect([...written]).toEqual([0x11, 0x11, 0xfe, 0xff, 0x11, 0x80, 0x11, 0x11]);
  });
});

describe('functions', () => {
  test('imports and functions that were declared before their definition call each other', () => {
    const module = new ModuleBuilder();
    const report = module.import('report', ['i32']);
    const even = module.declare(['i32'], 'i32');
    const odd = module.declare(['i32'], 'i32');
    module.define(even, (f, n) => {
      f.run(report.call(n.get));
      f.if(n.get.eqz(), () => f.return(I32.of(1)));
      f.return(odd.call(n.get.sub(1)));
    });
    module.define(odd, (f, n) => {
      f.if(n.get.eqz(), () => f.return(I32.of(0)));
      f.return(even.call(n.get.sub(1)));
    });
    module.export('even', even);
    const seen: number[] = [];
    const isEven = instantiate(module, { report: (n: number) => seen.push(n) }).even as (n: number) => number;
    expect([isEven(4), isEven(3)]).toEqual([1, 0]);
    expect(seen).toEqual([4, 2, 0, 3, 1]);
  });

  test('encoding refuses a function that was declared and never defined', () => {
    const module = new ModuleBuilder();
    module.declare([], 'i32');
    expect(() => module.encode(1)).toThrow('never defined');
  });
});
