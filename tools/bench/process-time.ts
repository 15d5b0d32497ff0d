// What a process cost the host: the time it took, and the processor time of all its threads.

import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface ProcessTime {
  wallMs: number;
  /** Processor time, user and system, to 10 ms; undefined where the host does not tell (it does on Linux). */
  cpuMs: number | undefined;
}

/** Linux tells times in this unit to programs on every architecture (USER_HZ). */
const tickMs = 10;

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
export function cpuMsSoFar(pid: number): number | undefined {
  const fields = statOf(pid);
  return fields && (Number(fields[11]) + Number(fields[12])) * tickMs;
}

/** Runs a program to its end, without a terminal, and measures it; after `limitMs` of the clock it is killed (ETIMEDOUT). */
export function timeProcess(
  command: string,
  args: readonly string[],
  limitMs?: number,
): { result: SpawnSyncReturns<string>; time: ProcessTime } {
  const cpuBefore = childrenCpuMs();
  const started = performance.now();
  const result = spawnSync(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    timeout: limitMs,
    killSignal: 'SIGKILL',
  });
  const wallMs = performance.now() - started;
  const cpuAfter = childrenCpuMs();
  const cpuMs = cpuBefore === undefined || cpuAfter === undefined ? undefined : cpuAfter - cpuBefore;
  return { result, time: { wallMs, cpuMs } };
}
