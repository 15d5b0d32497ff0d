// What may be chosen about the translator. No choice changes what a machine does, only how fast.

export interface TranslatorOptions {
  /** How often a jump target is executed before it is translated, 1 or more; absent: what pays on most programs. */
  threshold?: number;
  /** Cycles that translations wait at most to share a module. */
  patience?: number;
  /** How often a region is entered before a larger one takes its place. */
  entriesUntilLarge?: number;
  /** Modules that may be alive, and their bytes: with more the oldest go. The host needs several times as much for machine code. */
  maxModules?: number;
  maxModuleBytes?: number;
}
