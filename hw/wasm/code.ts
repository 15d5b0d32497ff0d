// A growing run of WebAssembly bytes: LEB128 integers, names, and opcodes.

/** WebAssembly value types by their binary codes (core specification, 5.3.1). */
export const valueTypes = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c } as const;
export type Kind = keyof typeof valueTypes;

/** A place in a template where an integer goes that only its use knows. */
export interface Hole {
  readonly at: number;
  readonly signed: boolean;
  /** Which of the integers that a use gives, and what is added to it. */
  readonly which: number;
  readonly plus: number;
}

/** The index of a hole, where the index of a local, of a function or the depth of a label is expected. */
export const holeIndex = (which: number): number => -1 - which;

export class Code {
  private bytes = new Uint8Array(256);
  length = 0;
  readonly holes: Hole[] = [];

  private reserve(n: number): void {
    if (this.length + n <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.length + n));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  /** Begins anew in the same memory. */
  clear(): void {
    this.length = 0;
  }

  u8(value: number): void {
    if (this.length === this.bytes.length) this.reserve(1);
    this.bytes[this.length++] = value;
  }

  op(opcode: readonly number[]): void {
    for (let i = 0; i < opcode.length; i++) this.u8(opcode[i]!);
  }

  /** Unsigned LEB128 of a number below 2^32. */
  uleb(value: number): void {
    let rest = value >>> 0;
    while (rest >= 0x80) {
      this.u8((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.u8(rest);
  }

  /** Signed LEB128 of an integer that a number holds exactly. */
  sleb(value: number): void {
    let rest = value;
    while (rest < -0x40 || rest >= 0x40) {
      this.u8((rest & 0x7f) | 0x80);
      rest = rest === (rest | 0) ? rest >> 7 : Math.floor(rest / 0x80);
    }
    this.u8(rest & 0x7f);
  }

  /** Signed LEB128 of a 64-bit integer. */
  sleb64(value: bigint): void {
    let rest = BigInt.asIntN(64, value);
    while (BigInt.asIntN(53, rest) !== rest) {
      this.u8(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.sleb(Number(rest));
  }

  /** An index, or the offset of a load or store; a negative one is that of a hole. */
  index(index: number): void {
    if (index < 0) this.hole(-1 - index, false);
    else this.uleb(index);
  }

  hole(which: number, signed: boolean, plus = 0): void {
    this.holes.push({ at: this.length, signed, which, plus });
  }

  name(text: string): void {
    const encoded = new TextEncoder().encode(text);
    this.uleb(encoded.length);
    this.append(encoded);
  }

  append(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Appends `source` from one index to another (exclusive); for few bytes cheaper than `append`. */
  copy(source: Uint8Array, from: number, to: number): void {
    this.reserve(to - from);
    const { bytes } = this;
    let at = this.length;
    for (let i = from; i < to; i++) bytes[at++] = source[i]!;
    this.length = at;
  }

  /** The bytes so far; a view, valid until the next write. */
  view(): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(0, this.length);
  }
}
