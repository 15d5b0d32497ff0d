// The engines that a benchmark runs on, each run a process of its own.

import { join } from 'node:path';
import { ownPackage } from '../manifest/package-root.ts';
import { Refusal } from '../refusal.ts';
import { PlainText } from '../run/plain-text.ts';
import { type LinuxTask, linuxRam } from './linux.ts';
import type { MachineRun } from './machine-run.ts';
import { type ProcessTime, type TimedRun, timeProcess } from './process-time.ts';
import { qemuCommand, qemuLinuxCommand } from './rival.ts';

/** What an engine is to run. */
export type Task = { readonly kind: 'program'; readonly name: string; readonly elf: string } | LinuxTask;

export interface Timed {
  time: ProcessTime;
  /** Retired instructions; null where the engine does not tell. */
  instructions: number | null;
}

/** Runs a task to its end. Throws a Refusal if it fails, or takes too long. */
export type Runner = (task: Task) => Promise<Timed>;

type Command = readonly [string, ...string[]];

const dist = (path: string): string => join(ownPackage().folder, 'dist/tools', path);

/** After `limitMs` of the clock a run is given up. `translator`: the value of `--translator`; undefined: without it. */
export const microvisorRunner =
  (limitMs: number, translator?: string): Runner =>
  async (task) => {
    if (task.kind === 'linux') {
      const command = microvisorLinuxCommand(task);
      const option = translator === undefined ? [] : ['--translator', translator];
      return timeLinux('microvisor', [...command, ...option], task, limitMs);
    }
    const { name } = task;
    const command = [
      process.execPath,
      dist('bench/run-program.js'),
      task.elf,
      ...(translator ? [translator] : []),
    ] as const;
    const { status, output, errors, time } = await timeProgram('microvisor', command, name, limitMs);
    if (status !== 0) throw new Error(`the benchmark's process ended with ${status}: ${errors}`);
    const run = JSON.parse(output) as MachineRun | { complaint: string };
    if ('complaint' in run) throw new Refusal('refused', run.complaint);
    if (run.outcome?.kind !== 'pass')
      throw new Refusal('failed', `${name}: ${run.outcome ? 'the program failed' : 'the program never ended'}`);
    return { time, instructions: run.instructions };
  };

/** As `microvisorRunner`, on QEMU. */
export const qemuRunner =
  (limitMs: number): Runner =>
  async (task) => {
    if (task.kind === 'linux') return timeLinux('qemu', qemuLinuxCommand(task), task, limitMs);
    const { name, elf } = task;
    const { status, time } = await timeProgram('qemu', qemuCommand(elf), name, limitMs);
    if (status !== 0) throw new Refusal('failed', `${name}: the program failed on qemu (${status})`);
    return { time, instructions: null };
  };

async function timeProgram(
  engine: string,
  [command, ...args]: Command,
  name: string,
  limitMs: number,
): Promise<TimedRun> {
  const run = await timeProcess(command, args, { limitMs });
  const complaint = interruption(engine, name, run, limitMs);
  if (complaint) throw complaint;
  return run;
}

function microvisorLinuxCommand({ kernel, initrd, manifest }: LinuxTask): Command {
  const main = [process.execPath, dist('cli/main.js')] as const;
  if (manifest !== undefined) return [...main, 'run', manifest, '--batch', '--quiet', '--attach', 'linux'];
  const images = ['--kernel', kernel, '--initrd', initrd, '--append', 'console=ttyS0'];
  return [...main, 'bare', ...images, '--ram', linuxRam, '--quiet'];
}

async function timeLinux(
  engine: string,
  [command, ...args]: Command,
  { from, to }: LinuxTask,
  limitMs: number,
): Promise<Timed> {
  const run = await timeProcess(command, args, { limitMs, marks: from ? [from, to] : [to] });
  const complaint = complaintOf(engine, run, limitMs);
  if (complaint) throw complaint;
  return { time: measuredTime(run), instructions: null };
}

/** Why a run of Linux is no measurement; undefined: it is one. */
export function complaintOf(engine: string, run: TimedRun, limitMs: number): Refusal | undefined {
  const lines = new PlainText()
    .filter(Buffer.from(run.output + run.errors, 'latin1'))
    .trim()
    .split(/\s*\n\s*/);
  const hint = `the last lines of its console: ${lines.slice(-6).join(' / ')}`;
  if (run.ending === 'exit') return new Refusal('failed', `linux: ${engine} ended before Linux had come so far`, hint);
  const status = run.marks.at(-1)?.match[1] ?? '0';
  if (run.ending === 'marks' && status !== '0')
    return new Refusal('failed', `the program ended with ${status} on ${engine}`, hint);
  return interruption(engine, 'linux', run, limitMs, hint);
}

/** Between the marks, or up to the only one. */
export function measuredTime({ marks }: Pick<TimedRun, 'marks'>): ProcessTime {
  const [first, second] = marks.map(({ time }) => time);
  if (second === undefined) return first!;
  const isTold = first!.cpuMs !== undefined && second.cpuMs !== undefined;
  return {
    wallMs: second.wallMs - first!.wallMs,
    cpuMs: isTold ? second.cpuMs! - first!.cpuMs! : undefined,
  };
}

/** Why a process did not come to its own end, or to its marks. */
export function interruption(
  engine: string,
  what: string,
  { ending, errors }: Pick<TimedRun, 'ending' | 'errors'>,
  limitMs: number,
  hint = 'give it more time with --limit, if it only is slow',
): Refusal | undefined {
  switch (ending) {
    case 'limit':
      return new Refusal('timeout', `${what}: ${engine} did not end within ${limitMs / 1e3} s`, hint);
    case 'interrupted':
      return new Refusal('interrupted', 'interrupted');
    case 'missing':
      return new Refusal('unavailable', `${engine} cannot be started: ${errors}`);
    default:
      return undefined;
  }
}
