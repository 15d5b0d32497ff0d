// What may be chosen about the translator. No choice changes what a machine does, only how fast.

export interface TranslatorOptions {
  /** How often a jump target is executed before it is translated, 1 to `maxThreshold`; absent: what pays on most programs. */
  threshold?: number;
  /** Cycles that translations wait at most to share a module. */
  patience?: number;
  /** Cycles for which a region is interpreted before it is made anew, 1 or more. */
  observation?: number;
  /** How often a region is entered before a larger one takes its place. */
  entriesUntilLarge?: number;
  /** Modules that may be alive, and their bytes: with more the oldest go. The host needs several times as much for machine code. */
  maxModules?: number;
  maxModuleBytes?: number;
}

/** Executions are counted in 16 bits. */
export const maxThreshold = 65_535;
const defaultThreshold = 4000;

/** Throws a RangeError if it is none. */
export function thresholdOf({ threshold = defaultThreshold }: TranslatorOptions): number {
  if (Number.isInteger(threshold) && threshold >= 1 && threshold <= maxThreshold) return threshold;
  throw new RangeError(`a threshold is a whole number from 1 to ${maxThreshold}, not ${threshold}`);
}
