// What several measurements of the same thing say together.

export interface Sample {
  median: number;
  /** The smallest and the largest value. */
  min: number;
  max: number;
}

export function sampleOf(values: readonly number[]): Sample {
  if (values.length === 0) throw new RangeError('a sample needs a value');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, min: sorted[0]!, max: sorted.at(-1)! };
}
