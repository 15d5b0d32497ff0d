// What a process cost the host: the time it took, and the processor time of all its threads; to its end, or until it had
// written certain texts, for systems that do not end themselves.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface ProcessTime {
  wallMs: number;
  /** Processor time, user and system, to 10 ms; undefined where the host does not tell (it does on Linux). */
  cpuMs: number | undefined;
}

export interface TimedRun {
  /**
   * `exit`: the process ended by itself. `marks`: all came, it was killed. `limit`: the time had passed, it was killed.
   * `interrupted`: so was it because this process was told to end. `missing`: there is no such command.
   */
  ending: 'exit' | 'marks' | 'limit' | 'interrupted' | 'missing';
  /** The exit status; null if a signal ended it. */
  status: number | null;
  /** Of the whole process. */
  time: ProcessTime;
  /** From its start to each mark that came, and what that matched. */
  marks: { time: ProcessTime; match: RegExpExecArray }[];
  /** The ends of what it wrote to standard output and standard error. */
  output: string;
  errors: string;
}

export interface TimedRunOptions {
  /** Host milliseconds after which the process is killed. */
  limitMs: number;
  /** What its output matches, in this order; with the last of them it is killed. None: it ends by itself. */
  marks?: readonly RegExp[];
}

/** Linux tells times in this unit to programs on every architecture (USER_HZ). */
const tickMs = 10;

/** What is kept of an output: more than any mark and its line. A guest may write without end. */
const keptLength = 1 << 14;

/** Fields 3 and following of a process's stat of proc(5); undefined where there is none. */
function statOf(process: number | 'self'): string[] | undefined {
  try {
    // The name in the second field may hold anything but is followed by the last closing parenthesis.
    const stat = readFileSync(`/proc/${process}/stat`, 'latin1');
    return stat.replace(/^.*\) /s, '').split(' ');
  } catch {
    return undefined;
  }
}

/** Processor time of all child processes that have ended: cutime and cstime. */
function childrenCpuMs(): number | undefined {
  const fields = statOf('self');
  return fields && (Number(fields[13]) + Number(fields[14])) * tickMs;
}

/** Processor time of all threads of a process so far: utime and stime. */
function cpuMsOf(pid: number): number | undefined {
  const fields = statOf(pid);
  return fields && (Number(fields[11]) + Number(fields[12])) * tickMs;
}

/** Runs a program without a terminal and measures it. One at a time: processor time of others that end would be added. */
export function timeProcess(
  command: string,
  args: readonly string[],
  { limitMs, marks = [] }: TimedRunOptions,
): Promise<TimedRun> {
  return new Promise((resolve) => {
    const run: Omit<TimedRun, 'time'> = { ending: 'exit', status: null, marks: [], output: '', errors: '' };
    let unread = '';
    const cpuBefore = childrenCpuMs();
    const started = performance.now();
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const end = (how: TimedRun['ending']): void => {
      run.ending = how;
      child.kill('SIGKILL');
    };
    const timer = setTimeout(end, limitMs, 'limit');
    const onSignal = (): void => end('interrupted');
    for (const signal of signals) process.on(signal, onSignal);
    const finish = (status: number | null): void => {
      clearTimeout(timer);
      for (const signal of signals) process.removeListener(signal, onSignal);
      const wallMs = performance.now() - started;
      const cpuAfter = childrenCpuMs();
      const cpuMs = cpuBefore === undefined || cpuAfter === undefined ? undefined : cpuAfter - cpuBefore;
      resolve({ ...run, status, time: { wallMs, cpuMs } });
    };

    child.stdout.setEncoding('latin1').on('data', (text: string) => {
      run.output = (run.output + text).slice(-keptLength);
      unread = (unread + text).slice(-keptLength);
      for (let mark = marks[run.marks.length]; mark; mark = marks[run.marks.length]) {
        const match = mark.exec(unread);
        if (match === null) return;
        run.marks.push({ match, time: { wallMs: performance.now() - started, cpuMs: cpuMsOf(child.pid!) } });
        unread = unread.slice(match.index + match[0].length);
        if (run.marks.length === marks.length) end('marks');
      }
    });
    child.stderr.setEncoding('latin1').on('data', (text: string) => {
      run.errors = (run.errors + text).slice(-keptLength);
    });
    child.on('error', (error) => {
      if (child.pid !== undefined) return;
      run.ending = 'missing';
      run.errors = error.message;
      finish(null);
    });
    child.on('close', (status) => {
      if (child.pid !== undefined) finish(status);
    });
  });
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
