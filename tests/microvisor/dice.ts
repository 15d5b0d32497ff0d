// xorshift: a sequence of choices that follows from its seed.

export class Dice {
  constructor(private state: number) {
    if (state === 0) this.state = 1;
  }
  below(limit: number): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) % limit;
  }
  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }
  /** True once in `n`. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }
}
