// The trace hash: a digest of everything that happened, in order. Two runs with the same hash took the same path.

import type { Hart } from '../hart/hart.ts';

/** Two 32-bit multiply-and-rotate lanes over 32-bit words. Not cryptographic: it detects divergence, not forgery. */
export class TraceHash {
  private a = 0x9e3779b9;
  private b = 0x85ebca6b;

  word(value: number): void {
    const a = Math.imul(this.a ^ value, 0xcc9e2d51);
    this.a = (a << 15) | (a >>> 17);
    const b = Math.imul(this.b + value, 0x1b873593);
    this.b = ((b << 13) | (b >>> 19)) ^ this.a;
  }

  number(value: number): void {
    this.word(value >>> 0);
    this.word(Math.floor(value / 0x1_0000_0000));
  }

  bytes(bytes: Uint8Array): void {
    for (const byte of bytes) this.word(byte);
  }

  /** A trap: (time, hart, cause, pc, register digest), see time.md. */
  trap(hart: Hart, cycle: number, cause: number): void {
    this.number(cycle);
    this.word(hart.id);
    this.word(cause);
    const { u32 } = hart.memory;
    const first = hart.context.base >>> 2;
    // x0 to x31, the sink's slot (always written, never read: skipped), pc.
    for (let at = first; at < first + 64; at++) this.word(u32[at]!);
    this.word(u32[first + 66]!);
    this.word(u32[first + 67]!);
  }

  /** 16 hexadecimal digits. */
  get value(): string {
    const hex = (lane: number): string => (lane >>> 0).toString(16).padStart(8, '0');
    return hex(this.a) + hex(this.b);
  }

  save(): [number, number] {
    return [this.a, this.b];
  }
  load([a, b]: [number, number]): void {
    this.a = a;
    this.b = b;
  }
}
