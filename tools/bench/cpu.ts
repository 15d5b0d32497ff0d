// `microvisor bench cpu`: runs each program in turn on our machine and, if wanted, on its rival, several times over.
//
// Every run is a process of its own, so that it pays for its start and its warm-up. A program of ours is run at two
// lengths: their difference is what its rounds cost once everything is warm. So is one by path whose short version is given.

import { writeFileSync } from 'node:fs';
import { arch, cpus, platform, release } from 'node:os';
import { join } from 'node:path';
import { version } from '../cli/version.ts';
import { accept, readImageFile } from '../host/image-file.ts';
import { inTemporaryFolderAsync } from '../host/temporary-folder.ts';
import { readElf } from '../image/elf.ts';
import { Refusal } from '../refusal.ts';
import { bootTask, linuxBoots, programTask, requireDebian, type Where } from './linux.ts';
import type { ProcessTime } from './process-time.ts';
import { benchElf } from './program-elf.ts';
import { benchPrograms, longRun } from './programs.ts';
import { qemuVersion } from './rival.ts';
import { microvisorRunner, qemuRunner, type Runner, type Task } from './runner.ts';
import { type Sample, sampleOf } from './statistics.ts';

export interface CpuBenchOptions {
  /** Names of programs of ours, or paths of ELF files; none: all programs of ours. */
  programs: readonly string[];
  /** The ELFs are static Linux programs, to be run in a VM cell. */
  linux: boolean;
  /** The path of the one program of `programs` in a version with fewer rounds. */
  short: string | undefined;
  /** How ours translates, for the report: the value of `--translator`. */
  translator: string | undefined;
  rounds: number;
  /** Told before every round. */
  onProgress: (what: string) => void;
}

export interface EngineTimes {
  /** Host milliseconds of the long run, with start, compilation, warm-up and all; of a Linux program without Linux's boot. */
  whole: Sample;
  /** Host milliseconds of the long run less those of the short one; null where there is one length. */
  steady: Sample | null;
  /** Milliseconds that the whole took by the clock: what somebody waits for. */
  elapsed: Sample;
}

export interface ProgramResult {
  /** A name of `benchPrograms` or `linuxBoots`, or the path of an ELF. */
  program: string;
  where: Where;
  /** Instructions that our machine retired in the long run, and in it beyond the short run; null for Linux. */
  instructions: { whole: number | null; steady: number | null };
  microvisor: EngineTimes;
  /** null without a rival. */
  rival: EngineTimes | null;
  /** The rival's time divided by ours, paired by round: our speed relative to the rival's. null without a rival. */
  ratio: { whole: Sample; steady: Sample | null; elapsed: Sample } | null;
}

/** What `microvisor bench cpu --json` prints. */
export interface CpuBenchReport {
  version: 3;
  microvisor: string;
  rival: { name: 'qemu'; version: string } | null;
  host: { cpu: string; cpus: number; platform: string; node: string };
  /** The value of `--translator`, with which ours ran; null: the machine's own choice. */
  translator: string | null;
  rounds: number;
  /** What `whole` and `steady` are: processor time of all threads, or the clock where the host does not tell that. */
  clock: 'cpu' | 'wall';
  programs: ProgramResult[];
  /** Programs that nobody named and this host cannot run. */
  skipped: { program: string; why: string }[];
}

/** One program as it is run; `short` is absent where there is one length. */
interface Prepared {
  program: string;
  where: Where;
  long: Task;
  short: Task | undefined;
}

/** Makes the files that programs are run from. Throws a Refusal for what cannot be run. */
class Preparation {
  private linuxPrograms = 0;

  constructor(
    private readonly options: Pick<CpuBenchOptions, 'linux' | 'short'>,
    private readonly folder: string,
  ) {}

  prepare(name: string): Prepared {
    if (this.options.linux) return { program: name, where: 'cell', ...this.lengths(name, (path) => this.linux(path)) };
    const boot = linuxBoots.find((each) => each.name === name);
    if (boot) {
      return {
        program: name,
        where: boot.where,
        long: bootTask(requireDebian(), boot.where, this.folder),
        short: undefined,
      };
    }
    const known = benchPrograms.find((program) => program.name === name);
    if (known === undefined) return { program: name, where: 'machine', ...this.lengths(name, (path) => bare(path)) };
    const write = (rounds: number): Task => {
      const elf = join(this.folder, `${name}-${rounds}.elf`);
      writeFileSync(elf, benchElf(name, rounds));
      return { kind: 'program', name, elf };
    };
    return { program: name, where: 'machine', long: write(known.rounds * longRun), short: write(known.rounds) };
  }

  private lengths(long: string, taskOf: (path: string) => Task): Pick<Prepared, 'long' | 'short'> {
    const { short } = this.options;
    return { long: taskOf(long), short: short === undefined ? undefined : taskOf(short) };
  }

  private linux(path: string): Task {
    return programTask(requireDebian(), path, `program${this.linuxPrograms++}`, this.folder);
  }
}

function bare(elf: string): Task {
  accept(elf, readElf(readImageFile(elf)));
  return { kind: 'program', name: elf, elf };
}

/** The names to measure: those given, or all of ours that can be run here. */
function chosen({ programs, linux, short }: CpuBenchOptions): { names: string[]; skipped: CpuBenchReport['skipped'] } {
  const own: readonly string[] = [...benchPrograms, ...linuxBoots].map(({ name }) => name);
  if (linux && programs.length === 0) throw new Refusal('usage', '--linux: name a static Linux program');
  if (short !== undefined && (programs.length !== 1 || (!linux && own.includes(programs[0]!))))
    throw new Refusal('usage', '--short: goes with one program by path, of which it is the version with fewer rounds');
  if (programs.length > 0) return { names: [...programs], skipped: [] };
  try {
    requireDebian();
    return { names: [...own], skipped: [] };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const why = error.message;
    return {
      names: benchPrograms.map(({ name }) => name),
      skipped: linuxBoots.map(({ name }) => ({ program: name, why })),
    };
  }
}

/** Times of one engine, by round. */
class Series {
  readonly whole: number[] = [];
  readonly steady: number[] = [];
  readonly elapsed: number[] = [];
  readonly instructions: ProgramResult['instructions'] = { whole: null, steady: null };

  constructor(
    private readonly run: Runner,
    private readonly clock: (time: ProcessTime) => number,
  ) {}

  async measure({ program, long, short }: Prepared): Promise<void> {
    const first = short && (await this.run(short));
    const second = await this.run(long);
    const whole = this.clock(second.time);
    this.whole.push(whole);
    this.elapsed.push(second.time.wallMs);
    this.instructions.whole = second.instructions;
    if (first === undefined) return;
    const steady = whole - this.clock(first.time);
    if (steady <= 0) {
      const hint = 'it needs many more rounds than the short one; or the host was busy: try again';
      throw new Refusal('failed', `${program}: the longer run took no longer`, hint);
    }
    this.steady.push(steady);
    if (second.instructions !== null && first.instructions !== null)
      this.instructions.steady = second.instructions - first.instructions;
  }

  get times(): EngineTimes {
    return {
      whole: sampleOf(this.whole),
      steady: this.steady.length === 0 ? null : sampleOf(this.steady),
      elapsed: sampleOf(this.elapsed),
    };
  }
}

const ratios = (theirs: readonly number[], ours: readonly number[]): Sample =>
  sampleOf(theirs.map((time, round) => time / ours[round]!));

const compare = (theirs: Series, ours: Series): NonNullable<ProgramResult['ratio']> => ({
  whole: ratios(theirs.whole, ours.whole),
  steady: theirs.steady.length === 0 ? null : ratios(theirs.steady, ours.steady),
  elapsed: ratios(theirs.elapsed, ours.elapsed),
});

/** What is compared. */
export interface Engines {
  microvisor: Runner;
  rival: { name: 'qemu'; version: string; run: Runner } | undefined;
}

/** `limitMs`: what a run may take. Throws a Refusal when QEMU is wanted and not installed. */
export const enginesFor = (rival: 'qemu' | undefined, limitMs: number, translator?: string): Engines => ({
  microvisor: microvisorRunner(limitMs, translator),
  rival: rival && { name: rival, version: qemuVersion(), run: qemuRunner(limitMs) },
});

/** Throws a Refusal for what cannot be run, and for a program that fails or takes too long. */
export async function benchCpu({ microvisor, rival }: Engines, options: CpuBenchOptions): Promise<CpuBenchReport> {
  const { rounds, onProgress } = options;
  const { names, skipped } = chosen(options);
  const clock: CpuBenchReport['clock'] = platform() === 'linux' ? 'cpu' : 'wall';
  const read = (time: ProcessTime): number => (clock === 'cpu' && time.cpuMs !== undefined ? time.cpuMs : time.wallMs);
  return inTemporaryFolderAsync('bench', async (folder) => {
    const preparation = new Preparation(options, folder);
    const programs: ProgramResult[] = [];
    for (const prepared of names.map((name) => preparation.prepare(name))) {
      const ours = new Series(microvisor, read);
      const theirs = rival && new Series(rival.run, read);
      for (let round = 1; round <= rounds; round++) {
        onProgress(`${prepared.program}, round ${round} of ${rounds}`);
        await ours.measure(prepared);
        await theirs?.measure(prepared);
      }
      programs.push({
        program: prepared.program,
        where: prepared.where,
        instructions: ours.instructions,
        microvisor: ours.times,
        rival: theirs?.times ?? null,
        ratio: theirs ? compare(theirs, ours) : null,
      });
    }
    return {
      version: 3,
      microvisor: version(),
      rival: rival ? { name: rival.name, version: rival.version } : null,
      host: {
        cpu: cpus()[0]?.model ?? 'unknown',
        cpus: cpus().length,
        platform: `${platform()} ${release()} ${arch()}`,
        node: process.versions.node,
      },
      translator: options.translator ?? null,
      rounds,
      clock,
      programs,
      skipped,
    };
  });
}
