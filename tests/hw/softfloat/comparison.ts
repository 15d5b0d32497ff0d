// Compares the operations with and without their fast paths, inside WebAssembly, over operands at which these differ.

import { context as fields } from '../../../hw/engine/layout.ts';
import { boxSingle, spanOf, unlessExact } from '../../../hw/engine/softfloat/fast-path.ts';
import { defineSoftfloat, exactOperations, type Operation } from '../../../hw/engine/softfloat/index.ts';
import { operands } from '../../../hw/engine/softfloat/operation.ts';
import { fastPath } from '../../../hw/engine/softfloat/paths.ts';
import { type FpOperation, fpOperations } from '../../../hw/isa/semantics.ts';
import { type FunctionBuilder, type Local, ModuleBuilder } from '../../../hw/wasm/module.ts';
import { type F32, type F64, I32, I64, ifElse, load } from '../../../hw/wasm/values.ts';
import { type Kind, operandKinds } from './operands.ts';

const context = 0x2000;
const found = 0x1000;
/** Exponents near which something changes, of singles and doubles, as tables of u16. */
const tables = { s: 0x4000, d: 0x4100 } as const;
const boundaries = {
  s: [0, 1, 2, 23, 24, 25, 63, 64, 103, 126, 127, 128, 150, 158, 159, 190, 191, 224, 225, 251, 252, 253, 254, 255],
  d: [
    0, 1, 2, 3, 52, 53, 54, 122, 123, 124, 511, 512, 874, 896, 970, 1022, 1023, 1024, 1054, 1055, 1075, 1086, 1087,
    1150, 1151, 1534, 1993, 1996, 2020, 2023, 2025, 2026, 2044, 2045, 2046, 2047,
  ],
} as const;
const shapes = { s: { width: 32, fraction: 23 }, d: { width: 64, fraction: 52 } } as const;
const boxing = 0xffff_ffffn << 32n;

/** Random operands of one function; each draws from one stream of numbers. */
class Draw {
  /** The exponent of the last float, near which the next is likely to be. */
  private readonly exponent: Local<'i32'>;

  constructor(
    private readonly f: FunctionBuilder,
    private readonly state: Local<'i64'>,
  ) {
    this.exponent = f.local('i32');
  }

  /** Steele, Lea and Flood's SplitMix64. */
  next(): I64 {
    const { f, state } = this;
    f.set(state, state.get.add(0x9e37_79b9_7f4a_7c15n));
    const a = f.let(state.get.xor(state.get.shrU(30)).mul(0xbf58_476d_1ce4_e5b9n));
    const b = f.let(a.xor(a.shrU(27)).mul(0x94d0_49bb_1331_11ebn));
    return f.let(b.xor(b.shrU(31)));
  }

  /** 0 up to a bound, exclusive. */
  below(bound: number): I32 {
    return this.f.let(this.next().shrU(33).wrap().remU(bound));
  }

  private choose(...values: I64[]): I64 {
    const { f } = this;
    const chosen = f.local('i64');
    f.switch(
      this.below(values.length),
      values.slice(1).map((value) => () => f.set(chosen, value)),
      () => f.set(chosen, values[0]!),
    );
    return chosen.get;
  }

  private fraction(bits: number): I64 {
    const mask = (1n << BigInt(bits)) - 1n;
    const random = this.next();
    const shift = this.below(bits).i64U();
    const few = this.below(5).i64U().sub(2);
    const one = I64.of(1n);
    return this.choose(
      random,
      random,
      random.shl(shift),
      random.and(mask).shrU(shift),
      random.and(mask).shrU(shift).not(),
      one.shl(shift).add(few),
      few,
      one
        .shl(shift)
        .add(one.shl(this.below(bits).i64U()))
        .add(few),
      random.and(~0x1fff_ffffn).or(0x1000_0000n).add(few),
      random.shl(27),
    ).and(mask);
  }

  private float(kind: 's' | 'd', toInteger: boolean): I64 {
    const { f, exponent } = this;
    const { width, fraction } = shapes[kind];
    const maximum = 2 ** (width - 1 - fraction) - 1;
    const bias = (maximum - 1) / 2;
    const table = load.u16(this.below(boundaries[kind].length).mul(2), tables[kind]);
    f.switch(
      this.below(8),
      [
        () => f.set(exponent, this.below(maximum + 1)),
        () => f.set(exponent, table),
        () => f.set(exponent, this.below(toInteger ? 70 : 9).add(bias - (toInteger ? 3 : 4))),
        () => f.set(exponent, exponent.get.add(this.below(2 * fraction + 20)).sub(fraction + 10)),
      ],
      () => f.set(exponent, exponent.get.add(this.below(7)).sub(3)),
    );
    f.set(exponent, exponent.get.and(maximum));
    const sign = this.next()
      .shrU(63)
      .shl(width - 1);
    const bits = f.let(exponent.get.i64U().shl(fraction).or(this.fraction(fraction)).or(sign));
    return kind === 'd' ? bits : f.let(bits.or(this.below(64).eqz().select(this.next().shl(32), I64.of(boxing))));
  }

  /** Next to a power of two near the ends of the range. */
  edge(kind: 's' | 'd'): I64 {
    const { width, fraction } = shapes[kind];
    const maximum = 2 ** (width - 1 - fraction) - 1;
    const exponent = ifElse(this.below(2), this.below(4), this.below(4).add(maximum - 3)).i64U();
    const magnitude = exponent.shl(fraction).add(this.below(5).i64U()).sub(2);
    const bits = this.f.let(magnitude.and((1n << BigInt(width)) - 1n));
    return kind === 'd' ? bits : bits.or(boxing);
  }

  operand(kind: Kind, toInteger: boolean): I64 {
    if (kind === 's' || kind === 'd') return this.float(kind, toInteger);
    const random = this.next();
    const shift = this.below(64).i64U();
    const few = this.below(5).i64U().sub(2);
    return this.f.let(
      this.choose(random, random.shrS(shift), I64.of(1n).shl(shift).add(few), I64.of(-1n).shl(shift).add(few)),
    );
  }
}

/** (seed, cases) → how many differ. The last that does is at `found`. */
function defineComparison(
  module: ModuleBuilder,
  name: FpOperation,
  fast: Operation,
  exact: Operation,
  all: Record<FpOperation, Operation>,
) {
  const kinds = operandKinds(name);
  const isRounded = (fpOperations.rounded as readonly string[]).includes(name);
  const [operation, suffix] = name.split('.') as [string, 's' | 'd'];
  return module.function(['i64', 'i32'], 'i32', (f, seed, cases) => {
    const draw = new Draw(f, seed);
    const differing = f.local('i32');
    const [a, b, c, first] = [f.local('i64'), f.local('i64'), f.local('i64'), f.local('i64')];
    const [rm, accrued, flags] = [f.local('i32'), f.local('i32'), f.local('i32')];
    const base = I32.of(context);
    const zero = I64.of(0n);
    const host = (other: string, x: I64, y: I64, z: I64 = zero) =>
      all[`${other}.${suffix}` as FpOperation].call(base, I32.of(0), x, y, z);
    const near = (value: I64): I64 => value.add(draw.below(5).i64U()).sub(2);
    const negative = 1n << (suffix === 's' ? 31n : 63n);
    f.loop((next) => {
      for (const [index, local] of [a, b, c].entries()) {
        if (kinds[index]) f.set(local, draw.operand(kinds[index], operation === 'fcvt' && 'wl'.includes(suffix[0]!)));
      }
      // A quarter of the operands make the operation nearly exact, or its result nearly zero.
      f.if(draw.below(4).eqz(), () => {
        if (kinds.length === 2) f.set(b, near(a.get).xor(draw.next().and(negative)));
        if (operation === 'fdiv') {
          f.set(b, draw.operand(suffix, false));
          f.set(a, near(host('fmul', ifElse(draw.below(2), a.get, draw.edge(suffix)), b.get)));
        }
        if (operation === 'fmul') f.set(b, near(host('fdiv', draw.edge(suffix), a.get)));
        if (operation === 'fsqrt') f.set(a, near(host('fmul', a.get, a.get)));
        if (kinds.length === 3) f.set(c, near(host('fmul', a.get, b.get)).xor(draw.next().and(negative)));
      });
      f.set(rm, isRounded ? draw.below(8) : I32.of(0));
      f.set(rm, rm.get.gtU(4).select(I32.of(0), rm.get));
      f.set(accrued, ifElse(draw.below(4).eqz(), draw.below(32), draw.below(2)));
      f.store('i32', base, accrued.get, fields.fflags);
      f.set(first, fast.call(base, rm.get, a.get, b.get, c.get));
      f.set(flags, load.i32(base, fields.fflags));
      f.store('i32', base, accrued.get, fields.fflags);
      const same = first.get.eq(exact.call(base, rm.get, a.get, b.get, c.get));
      f.if(same.and(flags.get.eq(load.i32(base, fields.fflags))).eqz(), () => {
        f.set(differing, differing.get.add(1));
        for (const [index, value] of [a.get, b.get, c.get, rm.get.i64U(), accrued.get.i64U()].entries()) {
          f.store('i64', I32.of(found), value, 8 * index);
        }
      });
      f.set(cases, cases.get.sub(1));
      f.brIf(next, cases.get);
    });
    f.return(differing.get);
  });
}

export interface Comparison {
  /** Compares so many cases; returns how many differ, and the operands, rounding mode and flags of one. */
  run(name: FpOperation, seed: bigint, cases: number): { differing: number; one: bigint[] };
}

/** Which description of a fast path is compared: the function's; or as it is inlined with the mode of fcsr, or a static one. */
export type Way = 'function' | 'dynamic mode' | 'static mode';

/** As a translator inlines the operation, with the exact computation as its slow path. */
function inlined(module: ModuleBuilder, name: FpOperation, exact: Operation, way: Way, hostFuses: boolean): Operation {
  const isRounded = (fpOperations.rounded as readonly string[]).includes(name);
  const kinds = operandKinds(name);
  return module.function(operands, 'i64', (f, base, rm, ...raw) => {
    const [a, b, c] = raw;
    const slow = (): void => f.return(exact.call(base.get, rm.get, a!.get, b!.get, c!.get));
    const sources = kinds.map((kind, index) =>
      'sd'.includes(kind) ? f.let(raw[index]!.get.f64Bits()) : raw[index]!.get,
    );
    const accrued = load.i32(base.get, fields.fflags).and(1);
    const attempt = (rounding: number, nearest: I32): void => {
      const path = fastPath(f, name, sources, { span: f.let(spanOf(nearest, accrued)), rounding, hostFuses });
      if (!path) {
        slow();
        return;
      }
      unlessExact(f, path, slow);
      const { kind } = path.result;
      const result = path.result.get;
      f.return(kind === 'i64' ? result : (kind === 'f32' ? boxSingle(result as F32) : (result as F64)).bits());
    };
    if (way === 'dynamic mode' || !isRounded) attempt(7, rm.get.eqz());
    else
      f.switch(
        rm.get,
        [0, 1, 2, 3].map((mode) => () => attempt(mode, I32.of(1))),
        () => attempt(4, I32.of(1)),
      );
  });
}

export function comparison(way: Way, hostFuses: boolean): Comparison {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const module = new ModuleBuilder();
  const functions = defineSoftfloat(module, hostFuses);
  const exact = exactOperations(module);
  for (const name of Object.keys(functions) as FpOperation[]) {
    const alone = module.function(operands, 'i64', (f, base, rm, a, b, c) =>
      f.return(exact[name](base.get, rm.get, a.get, b.get, c.get)),
    );
    const fast = way === 'function' ? functions[name] : inlined(module, name, alone, way, hostFuses);
    module.export(name, defineComparison(module, name, fast, alone, functions));
  }
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.encode(1)), { env: { memory } });
  for (const kind of ['s', 'd'] as const) new Uint16Array(memory.buffer, tables[kind]).set(boundaries[kind]);
  return {
    run(name, seed, cases) {
      const differing = (exports[name] as (seed: bigint, cases: number) => number)(seed, cases);
      return { differing, one: [...new BigUint64Array(memory.buffer, found, 5)] };
    },
  };
}
