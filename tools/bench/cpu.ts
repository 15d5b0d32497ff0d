// `microvisor bench cpu`: runs each program in turn on our machine and, if wanted, on its rival, several times over.
//
// Every run is a process of its own, so that it pays for its start and its warm-up. A program of ours is run at two
// lengths: their difference is what its rounds cost once everything is warm.

import { writeFileSync } from 'node:fs';
import { arch, cpus, platform, release } from 'node:os';
import { join } from 'node:path';
import { version } from '../cli/version.ts';
import { accept, readImageFile } from '../host/image-file.ts';
import { inTemporaryFolder } from '../host/temporary-folder.ts';
import { readElf } from '../image/elf.ts';
import type { ProcessTime } from './process-time.ts';
import { benchElf } from './program-elf.ts';
import { benchPrograms, longRun } from './programs.ts';
import { qemuVersion } from './rival.ts';
import { type Runner, runMicrovisor, runQemu } from './runner.ts';
import { type Sample, sampleOf } from './statistics.ts';

export interface CpuBenchOptions {
  /** Names of programs of ours, or paths of ELF files; none: all programs of ours. */
  programs: readonly string[];
  rounds: number;
  /** Told before every run. */
  onProgress: (what: string) => void;
}

export interface EngineTimes {
  /** Host milliseconds of the whole process on the long run: start, compilation, warm-up and all. */
  whole: Sample;
  /** Host milliseconds of the long run less those of the short one; null for an ELF by path, which has one length. */
  steady: Sample | null;
}

export interface ProgramResult {
  /** A name of `benchPrograms`, or the path of an ELF. */
  program: string;
  /** Instructions that our machine retired in the long run, and in it beyond the short run. */
  instructions: { whole: number; steady: number | null };
  microvisor: EngineTimes;
  /** null without a rival. */
  rival: EngineTimes | null;
  /** The rival's time divided by ours, paired by round: our speed relative to the rival's. null without a rival. */
  ratio: { whole: Sample; steady: Sample | null } | null;
}

/** What `microvisor bench cpu --json` prints. */
export interface CpuBenchReport {
  version: 1;
  microvisor: string;
  rival: { name: 'qemu'; version: string } | null;
  host: { cpu: string; cpus: number; platform: string; node: string };
  rounds: number;
  /** What the times are: processor time of all threads, or the clock where the host does not tell that. */
  clock: 'cpu' | 'wall';
  programs: ProgramResult[];
}

/** One program in the files that are run; `short` is absent for an ELF by path. */
interface Prepared {
  program: string;
  long: string;
  short: string | undefined;
}

function prepare(name: string, folder: string): Prepared {
  const known = benchPrograms.find((program) => program.name === name);
  if (known === undefined) {
    accept(name, readElf(readImageFile(name)));
    return { program: name, long: name, short: undefined };
  }
  const write = (rounds: number): string => {
    const path = join(folder, `${name}-${rounds}.elf`);
    writeFileSync(path, benchElf(name, rounds));
    return path;
  };
  return { program: name, long: write(known.rounds * longRun), short: write(known.rounds) };
}

/** Times of one engine, by round. */
class Series {
  readonly whole: number[] = [];
  readonly steady: number[] = [];
  instructions = { whole: 0, steady: null as number | null };

  constructor(
    private readonly run: Runner,
    private readonly clock: (time: ProcessTime) => number,
  ) {}

  measure({ long, short }: Prepared): void {
    const first = short === undefined ? undefined : this.run(short);
    const second = this.run(long);
    this.whole.push(this.clock(second.time));
    this.instructions.whole = second.instructions;
    if (first === undefined) return;
    this.steady.push(this.clock(second.time) - this.clock(first.time));
    this.instructions.steady = second.instructions - first.instructions;
  }

  get times(): EngineTimes {
    return { whole: sampleOf(this.whole), steady: this.steady.length === 0 ? null : sampleOf(this.steady) };
  }
}

const ratios = (theirs: readonly number[], ours: readonly number[]): Sample =>
  sampleOf(theirs.map((time, round) => time / ours[round]!));

/** What is compared. */
export interface Engines {
  microvisor: Runner;
  rival: { name: 'qemu'; version: string; run: Runner } | undefined;
}

/** Throws a Refusal when QEMU is wanted and not installed. */
export const enginesFor = (rival: 'qemu' | undefined): Engines => ({
  microvisor: runMicrovisor,
  rival: rival && { name: rival, version: qemuVersion(), run: runQemu },
});

/** Throws a Refusal for a file that is no ELF, and for a program that fails. */
export function benchCpu({ microvisor, rival }: Engines, options: CpuBenchOptions): CpuBenchReport {
  const { rounds, onProgress } = options;
  const names = options.programs.length > 0 ? options.programs : benchPrograms.map(({ name }) => name);
  const clock: CpuBenchReport['clock'] = platform() === 'linux' ? 'cpu' : 'wall';
  const read = (time: ProcessTime): number => (clock === 'cpu' && time.cpuMs !== undefined ? time.cpuMs : time.wallMs);
  return inTemporaryFolder('bench', (folder) => {
    const prepared = names.map((name) => prepare(name, folder));
    const programs = prepared.map((program): ProgramResult => {
      const ours = new Series(microvisor, read);
      const theirs = rival === undefined ? undefined : new Series(rival.run, read);
      for (let round = 1; round <= rounds; round++) {
        onProgress(`${program.program}, round ${round} of ${rounds}`);
        ours.measure(program);
        theirs?.measure(program);
      }
      return {
        program: program.program,
        instructions: ours.instructions,
        microvisor: ours.times,
        rival: theirs?.times ?? null,
        ratio: theirs
          ? {
              whole: ratios(theirs.whole, ours.whole),
              steady: theirs.steady.length === 0 ? null : ratios(theirs.steady, ours.steady),
            }
          : null,
      };
    });
    return {
      version: 1,
      microvisor: version(),
      rival: rival ? { name: rival.name, version: rival.version } : null,
      host: {
        cpu: cpus()[0]?.model ?? 'unknown',
        cpus: cpus().length,
        platform: `${platform()} ${release()} ${arch()}`,
        node: process.versions.node,
      },
      rounds,
      clock,
      programs,
    };
  });
}
