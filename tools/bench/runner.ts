// The engines that a benchmark runs on, each run a process of its own.

import { join } from 'node:path';
import { ownPackage } from '../manifest/package-root.ts';
import { Refusal } from '../refusal.ts';
import { PlainText } from '../run/plain-text.ts';
import { type LinuxTask, linuxRam } from './linux.ts';
import type { MachineRun } from './machine-run.ts';
import { type MarkedRun, timeMarks } from './mark-time.ts';
import { type ProcessTime, timeProcess } from './process-time.ts';
import { qemuCommand, qemuLinuxCommand } from './rival.ts';

/** What an engine is to run. */
export type Task = { readonly kind: 'program'; readonly elf: string } | LinuxTask;

export interface Timed {
  time: ProcessTime;
  /** Retired instructions; null where the engine does not tell. */
  instructions: number | null;
}

/** Runs a task to its end. Throws a Refusal if it fails, or takes too long. */
export type Runner = (task: Task) => Promise<Timed>;

type Command = readonly [string, ...string[]];

const dist = (path: string): string => join(ownPackage().folder, 'dist/tools', path);

/** After `limitMs` of the clock a run is given up. */
export const microvisorRunner =
  (limitMs: number): Runner =>
  async (task) => {
    if (task.kind === 'linux') return timeLinux('microvisor', microvisorLinuxCommand(task), task, limitMs);
    const { elf } = task;
    const { result, time } = timeProcess(process.execPath, [dist('bench/run-program.js'), elf], limitMs);
    if (timedOut(result)) throw tooLong(elf, 'microvisor', limitMs);
    if (result.status !== 0) throw new Error(`the benchmark's process ended with ${result.status}: ${result.stderr}`);
    const run = JSON.parse(result.stdout) as MachineRun | { complaint: string };
    if ('complaint' in run) throw new Refusal('refused', run.complaint);
    if (run.outcome?.kind !== 'pass')
      throw new Refusal('failed', `${elf}: ${run.outcome ? 'the program failed' : 'the program never ended'}`);
    return { time, instructions: run.instructions };
  };

/** As `microvisorRunner`, on QEMU. */
export const qemuRunner =
  (limitMs: number): Runner =>
  async (task) => {
    if (task.kind === 'linux') return timeLinux('qemu', qemuLinuxCommand(task), task, limitMs);
    const { elf } = task;
    const [command, ...args] = qemuCommand(elf);
    const { result, time } = timeProcess(command, args, limitMs);
    if (timedOut(result)) throw tooLong(elf, 'qemu', limitMs);
    if (result.status !== 0) throw new Refusal('failed', `${elf}: the program failed on qemu (${result.status})`);
    return { time, instructions: null };
  };

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
  const run = await timeMarks(command, args, from ? [from, to] : [to], limitMs);
  const complaint = complaintOf(engine, run, limitMs);
  if (complaint) throw complaint;
  return { time: measuredTime(run), instructions: null };
}

/** Why a run of Linux is no measurement; undefined: it is one. */
export function complaintOf(
  engine: string,
  { ending, matches, tail }: MarkedRun,
  limitMs: number,
): Refusal | undefined {
  const lastLines = new PlainText().filter(Buffer.from(tail, 'latin1')).trimEnd().split('\n').slice(-6);
  const hint = `the last lines of its console: ${lastLines.map((line) => line.trim()).join(' / ')}`;
  switch (ending) {
    case 'limit':
      return tooLong('linux', engine, limitMs, hint);
    case 'interrupted':
      return new Refusal('interrupted', 'interrupted');
    case 'missing':
      return new Refusal('unavailable', `${engine} cannot be started: ${tail}`);
    case 'exit':
      return new Refusal('failed', `linux: ${engine} ended before Linux had come that far`, hint);
    case 'marks': {
      const status = matches.at(-1)![1] ?? '0';
      return status === '0' ? undefined : new Refusal('failed', `the program ended with ${status} on ${engine}`, hint);
    }
    default:
      return ending satisfies never;
  }
}

/** Between the marks, or up to the only one. */
export function measuredTime({ times }: MarkedRun): ProcessTime {
  const [first, second] = times;
  if (second === undefined) return first!;
  const known = first!.cpuMs !== undefined && second.cpuMs !== undefined;
  return {
    wallMs: second.wallMs - first!.wallMs,
    cpuMs: known ? second.cpuMs! - first!.cpuMs! : undefined,
  };
}

const timedOut = ({ error }: { error?: Error }): boolean =>
  (error as NodeJS.ErrnoException | undefined)?.code === 'ETIMEDOUT';

const tooLong = (what: string, engine: string, limitMs: number, hint?: string): Refusal =>
  new Refusal(
    'timeout',
    `${what}: ${engine} did not end within ${limitMs / 1e3} s`,
    hint ?? 'give it more time with --limit, if it only is slow',
  );
