// A context: the whole architectural state of a hart, in machine memory. A hart runs one; a kernel has one per thread.

import { type CsrSlot, csrAt, context as fields } from '../engine/layout.ts';
import type { MachineMemory } from '../engine/memory.ts';

export class Context {
  /** The state of the translation cache when the context's banks were chosen; −1: they must be chosen before it runs. */
  bankEpoch = -1;

  constructor(
    readonly memory: MachineMemory,
    /** Offset in machine memory; a multiple of 2 KiB. */
    readonly base: number,
  ) {}

  /** Register x0 to x31, signed. */
  x(index: number): bigint {
    return this.memory.i64[(this.base + fields.x + index * 8) >>> 3]!;
  }
  setX(index: number, value: bigint): void {
    if (index !== 0) this.memory.i64[(this.base + fields.x + index * 8) >>> 3] = value;
  }
  /** The halves of a register, for paths that must not allocate. */
  xLow(index: number): number {
    return this.memory.u32[(this.base + fields.x + index * 8) >>> 2]!;
  }
  xHigh(index: number): number {
    return this.memory.u32[(this.base + fields.x + index * 8 + 4) >>> 2]!;
  }
  setXHalves(index: number, low: number, high: number): void {
    if (index === 0) return;
    const at = (this.base + fields.x + index * 8) >>> 2;
    this.memory.u32[at] = low;
    this.memory.u32[at + 1] = high;
  }
  f(index: number): bigint {
    return this.memory.u64[(this.base + fields.f + index * 8) >>> 3]!;
  }
  setF(index: number, bits: bigint): void {
    this.memory.u64[(this.base + fields.f + index * 8) >>> 3] = bits;
  }
  get pc(): bigint {
    return this.memory.u64[(this.base + fields.pc) >>> 3]!;
  }
  set pc(value: bigint) {
    this.memory.u64[(this.base + fields.pc) >>> 3] = value;
  }
  /** A stored CSR, unsigned. Views of it (sstatus, sie, …) are `hw/hart/csr-file.ts`'s. */
  csr(slot: CsrSlot): bigint {
    return this.word(csrAt[slot]);
  }
  setCsr(slot: CsrSlot, value: bigint): void {
    this.setWord(csrAt[slot], value);
  }
  /** The 64-bit field at an offset (`csrAt`, or of the layout's `context`), unsigned; and its halves, without allocating. */
  word(at: number): bigint {
    return this.memory.u64[(this.base + at) >>> 3]!;
  }
  setWord(at: number, value: bigint): void {
    this.memory.u64[(this.base + at) >>> 3] = value;
  }
  low(at: number): number {
    return this.memory.u32[(this.base + at) >>> 2]!;
  }
  high(at: number): number {
    return this.memory.u32[(this.base + at + 4) >>> 2]!;
  }
  setLow(at: number, value: number): void {
    this.memory.u32[(this.base + at) >>> 2] = value;
  }
  setHigh(at: number, value: number): void {
    this.memory.u32[(this.base + at + 4) >>> 2] = value;
  }
  /** Ends an LR reservation. */
  dropReservation(): void {
    this.setLow(fields.reservation, 0xffff_ffff);
    this.setHigh(fields.reservation, 0xffff_ffff);
  }
  /** Ends an LR reservation on any of these bytes, by their place in machine memory. */
  dropReservationOf(host: number, length: number): void {
    const { reservation } = fields;
    const at = this.low(reservation);
    if (this.high(reservation) === 0 && at < host + length && at + 8 > host) this.dropReservation();
  }
  /** A u32 field of the context, by its name in the layout. */
  get(field: U32Field): number {
    return this.memory.u32[(this.base + fields[field]) >>> 2]!;
  }
  set(field: U32Field, value: number): void {
    this.memory.u32[(this.base + fields[field]) >>> 2] = value;
  }
}

export type U32Field =
  | 'fflags'
  | 'frm'
  | 'privilege'
  | 'virtual'
  | 'fpOff'
  | 'fpDirty'
  | 'dataBank'
  | 'fetchBank'
  | 'dataRegime'
  | 'fetchRegime'
  | 'waiting';
