// The benchmark programs of guests/bench, each with the numbers of rounds of its two runs.

export interface BenchProgram {
  /** The source is guests/bench/NAME.s. */
  readonly name: string;
  readonly describe: string;
  /** Rounds of the short run, which ends after the engines have warmed up; the long run takes QEMU about a second or more. */
  readonly rounds: number;
}

/** The long run has this many times the rounds of the short one. */
export const longRun = 4;

export const benchPrograms: readonly BenchProgram[] = [
  { name: 'integer', describe: 'CRC-32, matrix product and sorting of words', rounds: 6400 },
  { name: 'branches', describe: 'branches that depend on data', rounds: 3600 },
  { name: 'copy', describe: 'copying and adding up 4 MiB', rounds: 110 },
  { name: 'chase', describe: 'pointers through 4 MiB, one after another', rounds: 650 },
  { name: 'float', describe: 'matrix product and norms in double precision', rounds: 2500 },
  { name: 'calls', describe: 'a jump table and calls through pointers', rounds: 20_000 },
  { name: 'syscalls', describe: 'ecall from U-mode to M-mode and back', rounds: 2_000_000 },
];
