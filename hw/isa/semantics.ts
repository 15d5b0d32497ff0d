// What the meaning of an instruction is written against. The interpreter and the translator each implement it.
//
// A value is evaluated where it is used: after `setX` a value that read the same register is stale. Values returned by
// `load`, `let`, `fp` and `rmw` are bound: they are evaluated once, at the call.

import type { I32, I64 } from '../wasm/values.ts';

export type Source = 'rs1' | 'rs2' | 'rs3';
export type LoadKind = 's8' | 'u8' | 's16' | 'u16' | 's32' | 'u32' | 'i64';
/** Size of a memory access in bytes. */
export type Size = 1 | 2 | 4 | 8;

/** Instructions that only TypeScript executes: they change privileged state. See `hw/hart/system.ts`. */
export type SystemOperation =
  | 'ebreak'
  | 'mret'
  | 'sret'
  | 'wfi'
  | 'csrrw'
  | 'csrrs'
  | 'csrrc'
  | 'csrrwi'
  | 'csrrsi'
  | 'csrrci'
  | 'sfence.vma'
  | 'sinval.vma'
  | 'sfence.w.inval'
  | 'sfence.inval.ir'
  | 'hfence.vvma'
  | 'hfence.gvma'
  | 'hinval.vvma'
  | 'hinval.gvma'
  | 'hlv.b'
  | 'hlv.bu'
  | 'hlv.h'
  | 'hlv.hu'
  | 'hlv.w'
  | 'hlv.wu'
  | 'hlv.d'
  | 'hlvx.hu'
  | 'hlvx.wu'
  | 'hsv.b'
  | 'hsv.h'
  | 'hsv.w'
  | 'hsv.d';

/**
 * Exact floating-point operations (`hw/engine/softfloat`). Operands and results are raw 64-bit register contents:
 * `.s` operations check the NaN boxing of f operands and box f results; integer operands and results are x register
 * values (32-bit results sign-extended). `rounded` ones take the rounding mode; all accrue fflags.
 */
export const fpOperations = {
  rounded: [
    'fadd.s',
    'fsub.s',
    'fmul.s',
    'fdiv.s',
    'fsqrt.s',
    'fmadd.s',
    'fmsub.s',
    'fnmsub.s',
    'fnmadd.s',
    'fadd.d',
    'fsub.d',
    'fmul.d',
    'fdiv.d',
    'fsqrt.d',
    'fmadd.d',
    'fmsub.d',
    'fnmsub.d',
    'fnmadd.d',
    'fcvt.w.s',
    'fcvt.wu.s',
    'fcvt.l.s',
    'fcvt.lu.s',
    'fcvt.s.w',
    'fcvt.s.wu',
    'fcvt.s.l',
    'fcvt.s.lu',
    'fcvt.w.d',
    'fcvt.wu.d',
    'fcvt.l.d',
    'fcvt.lu.d',
    'fcvt.d.w',
    'fcvt.d.wu',
    'fcvt.d.l',
    'fcvt.d.lu',
    'fcvt.s.d',
    'fcvt.d.s',
  ],
  plain: [
    'fmin.s',
    'fmax.s',
    'feq.s',
    'flt.s',
    'fle.s',
    'fclass.s',
    'fmin.d',
    'fmax.d',
    'feq.d',
    'flt.d',
    'fle.d',
    'fclass.d',
    'fsgnj.s',
    'fsgnjn.s',
    'fsgnjx.s',
    'fsgnj.d',
    'fsgnjn.d',
    'fsgnjx.d',
  ],
} as const;
export type FpOperation = (typeof fpOperations.rounded)[number] | (typeof fpOperations.plain)[number];

export interface Semantics {
  /** An x register operand. */
  x(source: Source): I64;
  /** Writes rd, an x register; a write to x0 is discarded. */
  setX(value: I64): void;
  /** The raw contents of an f register operand. */
  f(source: Source): I64;
  /** Writes rd, an f register, and marks floating-point state dirty. Singles must be boxed already. */
  setF(value: I64): void;
  /** The immediate: sign-extended, already scaled; a shift amount for shifts. */
  imm(): I64;
  /** Address of this instruction, and of the one after it. */
  pc(): I64;
  nextPc(): I64;
  /** Evaluates now, once. */
  let(value: I64): I64;
  /** Loads from virtual memory. Faults leave the instruction. */
  load(kind: LoadKind, address: I64): I64;
  store(size: Size, address: I64, value: I64): void;
  /** Atomically replaces `size` bytes (4 or 8) by `next(old)`; `old` is sign-extended. Misaligned: store/AMO address misaligned. */
  rmw(size: Size, address: I64, next: (old: I64) => I64): I64;
  /** Loads `size` bytes (sign-extended) and reserves them for this hart. */
  loadReserved(size: Size, address: I64): I64;
  /** Stores if the reservation holds, and ends it; 0 on success, 1 on failure. */
  storeConditional(size: Size, address: I64, value: I64): I64;
  /** Jumps to pc + imm if the condition holds. */
  branch(condition: I32): void;
  /** Jumps to `target` (an even address; for jal the constant pc + imm). */
  jump(target: I64): void;
  /** Raises illegal-instruction unless floating point is on. Every F and D instruction starts with it. */
  requireFp(): void;
  /** An exact floating-point operation with this instruction's rounding mode; raises illegal-instruction for an invalid one. */
  fp(operation: FpOperation, ...operands: I64[]): I64;
  /** Raises the environment call of the mode. Must be the only statement. */
  environmentCall(): void;
  /** Passes the instruction, operands and all, to TypeScript. Must be the only statement. */
  system(operation: SystemOperation): void;
}
