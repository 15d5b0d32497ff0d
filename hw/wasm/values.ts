// Typed WebAssembly expressions with a fluent face: `a.add(b).shl(3)`.
//
// A value is a tree that is emitted where a statement uses it, once per use: what it reads (a local, a load) is
// read at that point. Bind it with `FunctionBuilder.let` when it must be read earlier or only once.

import type { Code, Kind } from './code.ts';

export abstract class Value {
  abstract readonly kind: Kind;
  constructor(readonly emit: (code: Code) => void) {}
}

type I32Like = I32 | number;
type I64Like = I64 | bigint | number;

const unary = (opcode: readonly number[], a: Value) => (code: Code) => {
  a.emit(code);
  code.op(opcode);
};
const binary = (opcode: readonly number[], a: Value, b: Value) => (code: Code) => {
  a.emit(code);
  b.emit(code);
  code.op(opcode);
};
const choice = (cond: I32, a: Value, b: Value) => (code: Code) => {
  a.emit(code);
  b.emit(code);
  cond.emit(code);
  code.u8(0x1b);
};

export class I32 extends Value {
  override readonly kind = 'i32';

  static of(value: I32Like): I32 {
    if (value instanceof I32) return value;
    return new I32((code) => {
      code.u8(0x41);
      code.sleb(value | 0);
    });
  }

  private with(opcode: number, other: I32Like): I32 {
    return new I32(binary([opcode], this, I32.of(other)));
  }

  eqz(): I32 {
    return new I32(unary([0x45], this));
  }
  eq(o: I32Like): I32 {
    return this.with(0x46, o);
  }
  ne(o: I32Like): I32 {
    return this.with(0x47, o);
  }
  ltS(o: I32Like): I32 {
    return this.with(0x48, o);
  }
  ltU(o: I32Like): I32 {
    return this.with(0x49, o);
  }
  gtS(o: I32Like): I32 {
    return this.with(0x4a, o);
  }
  gtU(o: I32Like): I32 {
    return this.with(0x4b, o);
  }
  leS(o: I32Like): I32 {
    return this.with(0x4c, o);
  }
  leU(o: I32Like): I32 {
    return this.with(0x4d, o);
  }
  geS(o: I32Like): I32 {
    return this.with(0x4e, o);
  }
  geU(o: I32Like): I32 {
    return this.with(0x4f, o);
  }
  clz(): I32 {
    return new I32(unary([0x67], this));
  }
  ctz(): I32 {
    return new I32(unary([0x68], this));
  }
  popcnt(): I32 {
    return new I32(unary([0x69], this));
  }
  add(o: I32Like): I32 {
    return this.with(0x6a, o);
  }
  sub(o: I32Like): I32 {
    return this.with(0x6b, o);
  }
  mul(o: I32Like): I32 {
    return this.with(0x6c, o);
  }
  divS(o: I32Like): I32 {
    return this.with(0x6d, o);
  }
  divU(o: I32Like): I32 {
    return this.with(0x6e, o);
  }
  remS(o: I32Like): I32 {
    return this.with(0x6f, o);
  }
  remU(o: I32Like): I32 {
    return this.with(0x70, o);
  }
  and(o: I32Like): I32 {
    return this.with(0x71, o);
  }
  or(o: I32Like): I32 {
    return this.with(0x72, o);
  }
  xor(o: I32Like): I32 {
    return this.with(0x73, o);
  }
  shl(o: I32Like): I32 {
    return this.with(0x74, o);
  }
  shrS(o: I32Like): I32 {
    return this.with(0x75, o);
  }
  shrU(o: I32Like): I32 {
    return this.with(0x76, o);
  }
  rotl(o: I32Like): I32 {
    return this.with(0x77, o);
  }
  rotr(o: I32Like): I32 {
    return this.with(0x78, o);
  }
  not(): I32 {
    return this.xor(-1);
  }
  neg(): I32 {
    return I32.of(0).sub(this);
  }
  extend8S(): I32 {
    return new I32(unary([0xc0], this));
  }
  extend16S(): I32 {
    return new I32(unary([0xc1], this));
  }
  /** Sign-extends to 64 bits. */
  i64S(): I64 {
    return new I64(unary([0xac], this));
  }
  /** Zero-extends to 64 bits. */
  i64U(): I64 {
    return new I64(unary([0xad], this));
  }
  f32Bits(): F32 {
    return new F32(unary([0xbe], this));
  }
  /** The nearest single or double to a signed (S) or unsigned (U) integer, ties to even. */
  f32S(): F32 {
    return new F32(unary([0xb2], this));
  }
  f32U(): F32 {
    return new F32(unary([0xb3], this));
  }
  f64S(): F64 {
    return new F64(unary([0xb7], this));
  }
  f64U(): F64 {
    return new F64(unary([0xb8], this));
  }
  /** This condition chooses `a` (non-zero) or `b`; both are evaluated. */
  select<V extends I32 | I64 | F32 | F64>(a: V, b: V): V {
    const emit = choice(this, a, b);
    return new (a.constructor as new (e: (code: Code) => void) => V)(emit);
  }
}

export class I64 extends Value {
  override readonly kind = 'i64';

  /** One object, by which `add` knows it. */
  static readonly zero = new I64((code) => code.op([0x42, 0x00]));

  static of(value: I64Like): I64 {
    if (value instanceof I64) return value;
    if (value === 0 || value === 0n) return I64.zero;
    return new I64((code) => {
      code.u8(0x42);
      if (typeof value === 'bigint') code.sleb64(value);
      else code.sleb(value);
    });
  }

  private with(opcode: number, other: I64Like): I64 {
    return new I64(binary([opcode], this, I64.of(other)));
  }
  private test(opcode: number, other: I64Like): I32 {
    return new I32(binary([opcode], this, I64.of(other)));
  }

  eqz(): I32 {
    return new I32(unary([0x50], this));
  }
  eq(o: I64Like): I32 {
    return this.test(0x51, o);
  }
  ne(o: I64Like): I32 {
    return this.test(0x52, o);
  }
  ltS(o: I64Like): I32 {
    return this.test(0x53, o);
  }
  ltU(o: I64Like): I32 {
    return this.test(0x54, o);
  }
  gtS(o: I64Like): I32 {
    return this.test(0x55, o);
  }
  gtU(o: I64Like): I32 {
    return this.test(0x56, o);
  }
  leS(o: I64Like): I32 {
    return this.test(0x57, o);
  }
  leU(o: I64Like): I32 {
    return this.test(0x58, o);
  }
  geS(o: I64Like): I32 {
    return this.test(0x59, o);
  }
  geU(o: I64Like): I32 {
    return this.test(0x5a, o);
  }
  clz(): I64 {
    return new I64(unary([0x79], this));
  }
  ctz(): I64 {
    return new I64(unary([0x7a], this));
  }
  popcnt(): I64 {
    return new I64(unary([0x7b], this));
  }
  add(o: I64Like): I64 {
    const other = I64.of(o);
    if (this === I64.zero) return other;
    return other === I64.zero ? this : this.with(0x7c, other);
  }
  sub(o: I64Like): I64 {
    return this.with(0x7d, o);
  }
  mul(o: I64Like): I64 {
    return this.with(0x7e, o);
  }
  divS(o: I64Like): I64 {
    return this.with(0x7f, o);
  }
  divU(o: I64Like): I64 {
    return this.with(0x80, o);
  }
  remS(o: I64Like): I64 {
    return this.with(0x81, o);
  }
  remU(o: I64Like): I64 {
    return this.with(0x82, o);
  }
  and(o: I64Like): I64 {
    return this.with(0x83, o);
  }
  or(o: I64Like): I64 {
    return this.with(0x84, o);
  }
  xor(o: I64Like): I64 {
    return this.with(0x85, o);
  }
  shl(o: I64Like): I64 {
    return this.with(0x86, o);
  }
  shrS(o: I64Like): I64 {
    return this.with(0x87, o);
  }
  shrU(o: I64Like): I64 {
    return this.with(0x88, o);
  }
  rotl(o: I64Like): I64 {
    return this.with(0x89, o);
  }
  rotr(o: I64Like): I64 {
    return this.with(0x8a, o);
  }
  not(): I64 {
    return this.xor(-1n);
  }
  neg(): I64 {
    return I64.of(0n).sub(this);
  }
  extend8S(): I64 {
    return new I64(unary([0xc2], this));
  }
  extend16S(): I64 {
    return new I64(unary([0xc3], this));
  }
  extend32S(): I64 {
    return new I64(unary([0xc4], this));
  }
  /** The low 32 bits. */
  wrap(): I32 {
    return new I32(unary([0xa7], this));
  }
  /** The double of which `F64.bits` made this value: f registers that are f64 locals stay there. */
  double?: F64;
  f64Bits(): F64 {
    return this.double ?? new F64(unary([0xbf], this));
  }
  /** The nearest single or double to a signed (S) or unsigned (U) integer, ties to even. */
  f32S(): F32 {
    return new F32(unary([0xb4], this));
  }
  f32U(): F32 {
    return new F32(unary([0xb5], this));
  }
  f64S(): F64 {
    return new F64(unary([0xb9], this));
  }
  f64U(): F64 {
    return new F64(unary([0xba], this));
  }
}

export class F32 extends Value {
  override readonly kind = 'f32';

  /** A constant; not a NaN, of which a host may change the bits. */
  static of(value: number): F32 {
    return new F32((code) => {
      code.u8(0x43);
      code.append(new Uint8Array(new Float32Array([value]).buffer));
    });
  }

  add(o: F32): F32 {
    return new F32(binary([0x92], this, o));
  }
  sub(o: F32): F32 {
    return new F32(binary([0x93], this, o));
  }
  mul(o: F32): F32 {
    return new F32(binary([0x94], this, o));
  }
  div(o: F32): F32 {
    return new F32(binary([0x95], this, o));
  }
  sqrt(): F32 {
    return new F32(unary([0x91], this));
  }
  min(o: F32): F32 {
    return new F32(binary([0x96], this, o));
  }
  max(o: F32): F32 {
    return new F32(binary([0x97], this, o));
  }
  eq(o: F32): I32 {
    return new I32(binary([0x5b], this, o));
  }
  ne(o: F32): I32 {
    return new I32(binary([0x5c], this, o));
  }
  lt(o: F32): I32 {
    return new I32(binary([0x5d], this, o));
  }
  gt(o: F32): I32 {
    return new I32(binary([0x5e], this, o));
  }
  le(o: F32): I32 {
    return new I32(binary([0x5f], this, o));
  }
  ge(o: F32): I32 {
    return new I32(binary([0x60], this, o));
  }
  /** Signs are changed bitwise, in NaNs too. */
  abs(): F32 {
    return new F32(unary([0x8b], this));
  }
  neg(): F32 {
    return new F32(unary([0x8c], this));
  }
  /** With the sign of `o`. */
  copysign(o: F32): F32 {
    return new F32(binary([0x98], this, o));
  }
  /** Integers, by the four directions; `nearest` takes ties to even. */
  ceil(): F32 {
    return new F32(unary([0x8d], this));
  }
  floor(): F32 {
    return new F32(unary([0x8e], this));
  }
  trunc(): F32 {
    return new F32(unary([0x8f], this));
  }
  nearest(): F32 {
    return new F32(unary([0x90], this));
  }
  /** Truncated to a signed (S) or unsigned (U) integer; saturates, and a NaN becomes 0. */
  i64S(): I64 {
    return new I64(unary([0xfc, 0x04], this));
  }
  i64U(): I64 {
    return new I64(unary([0xfc, 0x05], this));
  }
  /** As of F64. */
  fused(b: F32, c: F32): F32 {
    return new F32((code) => {
      for (const value of [this, b, c]) {
        value.emit(code);
        code.op([0xfd, 0x13]);
      }
      code.op([0xfd, 0x85, 0x02, 0xfd, 0x1f, 0]);
    });
  }
  promote(): F64 {
    return new F64(unary([0xbb], this));
  }
  bits(): I32 {
    return new I32(unary([0xbc], this));
  }
}

export class F64 extends Value {
  override readonly kind = 'f64';

  /** A constant; not a NaN, of which a host may change the bits. */
  static of(value: number): F64 {
    return new F64((code) => {
      code.u8(0x44);
      code.append(new Uint8Array(new Float64Array([value]).buffer));
    });
  }

  add(o: F64): F64 {
    return new F64(binary([0xa0], this, o));
  }
  sub(o: F64): F64 {
    return new F64(binary([0xa1], this, o));
  }
  mul(o: F64): F64 {
    return new F64(binary([0xa2], this, o));
  }
  div(o: F64): F64 {
    return new F64(binary([0xa3], this, o));
  }
  sqrt(): F64 {
    return new F64(unary([0x9f], this));
  }
  min(o: F64): F64 {
    return new F64(binary([0xa4], this, o));
  }
  max(o: F64): F64 {
    return new F64(binary([0xa5], this, o));
  }
  eq(o: F64): I32 {
    return new I32(binary([0x61], this, o));
  }
  ne(o: F64): I32 {
    return new I32(binary([0x62], this, o));
  }
  lt(o: F64): I32 {
    return new I32(binary([0x63], this, o));
  }
  gt(o: F64): I32 {
    return new I32(binary([0x64], this, o));
  }
  le(o: F64): I32 {
    return new I32(binary([0x65], this, o));
  }
  ge(o: F64): I32 {
    return new I32(binary([0x66], this, o));
  }
  /** Signs are changed bitwise, in NaNs too. */
  abs(): F64 {
    return new F64(unary([0x99], this));
  }
  neg(): F64 {
    return new F64(unary([0x9a], this));
  }
  /** With the sign of `o`. */
  copysign(o: F64): F64 {
    return new F64(binary([0xa6], this, o));
  }
  /** Integers, by the four directions; `nearest` takes ties to even. */
  ceil(): F64 {
    return new F64(unary([0x9b], this));
  }
  floor(): F64 {
    return new F64(unary([0x9c], this));
  }
  trunc(): F64 {
    return new F64(unary([0x9d], this));
  }
  nearest(): F64 {
    return new F64(unary([0x9e], this));
  }
  /** Truncated to a signed (S) or unsigned (U) integer; saturates, and a NaN becomes 0. */
  i64S(): I64 {
    return new I64(unary([0xfc, 0x06], this));
  }
  i64U(): I64 {
    return new I64(unary([0xfc, 0x07], this));
  }
  /** this × b + c rounded once, where `hostFuses()`; elsewhere it may be rounded twice, or not validate. */
  fused(b: F64, c: F64): F64 {
    return new F64((code) => {
      for (const value of [this, b, c]) {
        value.emit(code);
        code.op([0xfd, 0x14]);
      }
      code.op([0xfd, 0x87, 0x02, 0xfd, 0x21, 0]);
    });
  }
  demote(): F32 {
    return new F32(unary([0xb6], this));
  }
  bits(): I64 {
    const bits = new I64(unary([0xbd], this));
    bits.double = this;
    return bits;
  }
}

/** The value class of a kind. */
export interface ValueOf {
  i32: I32;
  i64: I64;
  f32: F32;
  f64: F64;
}

export const classes: { [K in Kind]: new (emit: (code: Code) => void) => ValueOf[K] } = {
  i32: I32,
  i64: I64,
  f32: F32,
  f64: F64,
};

const loadOf =
  <K extends Kind>(kind: K, opcode: number, align: number) =>
  (address: I32, offset = 0): ValueOf[K] =>
    new classes[kind]((code) => {
      address.emit(code);
      code.u8(opcode);
      code.uleb(align);
      code.index(offset);
    });

/** Loads from machine memory: `load.u16(address, constant offset)`. Suffix `to64` widens to 64 bits. */
export const load = {
  i32: loadOf('i32', 0x28, 0),
  i64: loadOf('i64', 0x29, 0),
  f32: loadOf('f32', 0x2a, 0),
  f64: loadOf('f64', 0x2b, 0),
  s8: loadOf('i32', 0x2c, 0),
  u8: loadOf('i32', 0x2d, 0),
  s16: loadOf('i32', 0x2e, 0),
  u16: loadOf('i32', 0x2f, 0),
  s8to64: loadOf('i64', 0x30, 0),
  u8to64: loadOf('i64', 0x31, 0),
  s16to64: loadOf('i64', 0x32, 0),
  u16to64: loadOf('i64', 0x33, 0),
  s32to64: loadOf('i64', 0x34, 0),
  u32to64: loadOf('i64', 0x35, 0),
};

/** `cond ? a : b`, evaluating only the one that is chosen. */
export function ifElse<V extends Value>(cond: I32, a: V, b: V): V {
  const blockType = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c }[a.kind];
  return new (a.constructor as new (e: (code: Code) => void) => V)((code) => {
    cond.emit(code);
    code.op([0x04, blockType]);
    a.emit(code);
    code.u8(0x05);
    b.emit(code);
    code.u8(0x0b);
  });
}
