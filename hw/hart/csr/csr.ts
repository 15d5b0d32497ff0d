// What a control and status register is, and the shapes that most of them have.

import { type CsrSlot, csrAt } from '../../engine/layout.ts';
import { updateFpOff } from '../floating-point.ts';
import type { Hart } from '../hart.ts';

/** What a write may have changed for the engine, as a set of bits. */
export const effects = {
  none: 0,
  /** An interrupt may have become takeable. */
  interrupts: 1,
  /** SUM, MXR, MPRV, MPP or MPV: the regimes may have changed. */
  regime: 2,
  /** satp, vsatp or hgatp: the same regime translates differently. */
  translation: 4,
  /** PMP: cached translations may allow too much. */
  protection: 8,
  /** A timer's comparison changed. */
  timer: 16,
  /** `fpOff` changed. */
  floatingPoint: 32,
} as const;

/** How machine code makes the common accesses itself (hw/engine/privileged); it must come to what `read` and `write` would. */
export type Direct =
  /** Held by the context's CSR at an offset; writes change the bits of `writable` and have no effects. */
  | { readonly kind: 'stored'; readonly at: number; readonly writable: bigint }
  /** mstatus at an offset, or a view of it. */
  | { readonly kind: 'status'; readonly at: number; readonly view: bigint; readonly writable: bigint }
  /** A u32 field of the context's floating-point state, of these bits; or both of them. */
  | { readonly kind: 'float'; readonly at: number; readonly view: bigint }
  | { readonly kind: 'fcsr' }
  /** Counts; read only. `counter` is the bit that opens it below M-mode, 0: its number does. */
  | { readonly kind: 'cycle' | 'instret' | 'time'; readonly counter: number };

/** A control and status register. Values are unsigned 64-bit. */
export interface Csr {
  readonly name: string;
  read(hart: Hart): bigint;
  /** Legalises and writes; returns the union of its `effects`. Registers without it ignore writes. */
  readonly write?: (hart: Hart, value: bigint) => number;
  /** What CSRRS and CSRRC combine their operand with, where that differs from what they return. */
  readonly readToModify?: (hart: Hart) => bigint;
  /** An exception that an access raises besides the rules for every CSR, or 0. */
  readonly guard?: (hart: Hart) => number;
  /** The register that this number reaches when V=1. */
  readonly guest?: Csr;
  readonly direct?: Direct;
}

/** A register that reads as a constant and ignores writes. */
export function constant(name: string, value: bigint): Csr {
  return { name, read: () => value };
}

const allOnes = 0xffff_ffff_ffff_ffffn;

/** A register that holds the bits of `writable`; the others read as they were set at reset. */
export function stored(
  slot: CsrSlot,
  options: { writable?: bigint; effects?: number; guard?: Csr['guard']; guest?: Csr } = {},
): Csr {
  const at = csrAt[slot];
  const changed = options.effects ?? effects.none;
  const { writable, guard, guest } = options;
  const lowWritable = lowHalf(writable ?? 0n);
  const highWritable = lowHalf((writable ?? 0n) >> 32n);
  return {
    name: slot,
    read: ({ context }) => context.word(at),
    write:
      writable === undefined
        ? ({ context }, value) => {
            context.setWord(at, value);
            return changed;
          }
        : ({ context }, value) => {
            // In halves: epcs are written with every trap.
            const low = context.low(at) & ~lowWritable;
            const high = context.high(at) & ~highWritable;
            context.setWord(at, value);
            context.setLow(at, low | (context.low(at) & lowWritable));
            context.setHigh(at, high | (context.high(at) & highWritable));
            return changed;
          },
    ...(guard && { guard }),
    ...(guest && { guest }),
    ...(changed === effects.none && !guard && { direct: { kind: 'stored', at, writable: writable ?? allOnes } }),
  };
}

/** `floatingPoint` if FS or V made floating point go on or off. */
export function fpOffEffect(hart: Hart): number {
  return updateFpOff(hart.context) ? effects.floatingPoint : effects.none;
}

/** Bits of `next` that were not set in `old` may let an interrupt through. */
export function interruptEffect(old: number, next: number): number {
  return next & ~old ? effects.interrupts : effects.none;
}

/** The low half of a CSR value as a signed 32-bit number, as bit operations want it. */
export const lowHalf = (value: bigint): number => Number(value & 0xffff_ffffn) | 0;

/** Trap vectors: direct or vectored, aligned to 4 bytes. */
export const tvecWritable = ~2n & 0xffff_ffff_ffff_ffffn;
/** Exception program counters: 16-bit instructions exist, so only bit 0 is fixed. */
export const epcWritable = ~1n & 0xffff_ffff_ffff_ffffn;
/** All 32 counters may be enabled. */
export const counterEnableWritable = 0xffff_ffffn;
