// Choices that follow from a seed (Marsaglia's xorshift128).

export class Dice {
  private a: number;
  private b = 0x9e37_79b9;
  private c = 0x243f_6a88;
  private d = 0xb7e1_5162;

  /** `seed` and `round`: whole numbers from 0 on. Different pairs give different sequences. */
  constructor(seed: number, round: number) {
    this.a = seed >>> 0;
    this.b ^= Math.floor(seed / 2 ** 32);
    this.c ^= round;
    // The first numbers of similar seeds are similar.
    for (let i = 0; i < 16; i++) this.below(2);
  }

  /** From 0 to `limit` − 1. */
  below(limit: number): number {
    const t = this.a ^ (this.a << 11);
    this.a = this.b;
    this.b = this.c;
    this.c = this.d;
    this.d = this.d ^ (this.d >>> 19) ^ t ^ (t >>> 8);
    return (this.d >>> 0) % limit;
  }
  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }
  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }
}
