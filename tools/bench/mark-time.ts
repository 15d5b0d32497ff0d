// What a process cost the host until it had written certain texts: for systems that do not end themselves.

import { spawn } from 'node:child_process';
import { cpuMsSoFar, type ProcessTime } from './process-time.ts';

export interface MarkedRun {
  /** `marks`: all came. `exit`: the process ended before. `limit`: the time passed. `missing`: there is no such command. */
  ending: 'marks' | 'exit' | 'limit' | 'interrupted' | 'missing';
  /** From the start of the process to each mark that came. */
  times: ProcessTime[];
  /** What each of them matched. */
  matches: RegExpExecArray[];
  /** The end of what it wrote, errors included. */
  tail: string;
}

/** More than any mark and its line take; a guest may write without end. */
const tailLength = 1 << 14;

/**
 * Runs a program without a terminal until its output has matched every mark, in order, then kills it; also when `limitMs`
 * of the clock have passed, and when this process is told to end.
 */
export function timeMarks(
  command: string,
  args: readonly string[],
  marks: readonly RegExp[],
  limitMs: number,
): Promise<MarkedRun> {
  return new Promise((resolve) => {
    const times: ProcessTime[] = [];
    const matches: RegExpExecArray[] = [];
    let ending: MarkedRun['ending'] = 'exit';
    let unread = '';
    let tail = '';
    const started = performance.now();
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const end = (how: MarkedRun['ending']): void => {
      ending = how;
      child.kill('SIGKILL');
    };
    const keep = (text: string): void => {
      tail = (tail + text).slice(-tailLength);
    };
    const timer = setTimeout(end, limitMs, 'limit');
    const onSignal = (): void => end('interrupted');
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
    const finish = (): void => {
      clearTimeout(timer);
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.removeListener(signal, onSignal);
      resolve({ ending, times, matches, tail });
    };

    child.stdout.setEncoding('latin1').on('data', (text: string) => {
      keep(text);
      unread = (unread + text).slice(-tailLength);
      while (times.length < marks.length) {
        const match = marks[times.length]!.exec(unread);
        if (match === null) return;
        times.push({ wallMs: performance.now() - started, cpuMs: cpuMsSoFar(child.pid!) });
        matches.push(match);
        unread = unread.slice(match.index + match[0].length);
      }
      if (ending === 'exit') end('marks');
    });
    child.stderr.setEncoding('latin1').on('data', keep);
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (child.pid !== undefined) return;
      keep(error.message);
      ending = 'missing';
      finish();
    });
    child.on('close', () => {
      if (child.pid !== undefined) finish();
    });
  });
}
