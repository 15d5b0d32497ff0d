// What a process takes of the host's memory while it runs: resident bytes, their peak, and its address-space maps. Linux only.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Refusal } from '../refusal.ts';

export interface HostMemory {
  residentBytes: number;
  peakBytes: number;
  maps: number;
}

/** undefined: there is no such process any more. */
export function memoryOf(pid: number): HostMemory | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
    const maps = readFileSync(`/proc/${pid}/maps`, 'latin1').split('\n').length - 1;
    // A process that is about to end has none.
    if (maps === 0 || Number.isNaN(field('VmRSS'))) return undefined;
    return { residentBytes: field('VmRSS'), peakBytes: field('VmHWM'), maps };
  } catch {
    return undefined;
  }
}

/** Resident bytes of a process's largest map that it may write to: in one that runs a machine, the machine's memory. */
export function residentOfLargestMap(pid: number): number {
  let [largest, resident, size] = [0, 0, 0];
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'latin1').split('\n')) {
    const map = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line);
    if (map) size = Number.parseInt(map[2]!, 16) - Number.parseInt(map[1]!, 16);
    else if (/^[0-9a-f]+-/.test(line)) size = 0;
    const rss = /^Rss:\s+(\d+) kB/.exec(line);
    if (rss && size > largest) [largest, resident] = [size, Number(rss[1]) * 1024];
  }
  return resident;
}

/** Throws a Refusal if this host does not tell what `memoryOf` wants to know. */
export function requireHostMemory(): void {
  if (memoryOf(process.pid) === undefined)
    throw new Refusal('unavailable', 'this host does not tell what memory a process has', 'Linux does, in /proc');
}

/**
 * Runs a program of this version of Node to its end, and looks at its memory every `everyMs`; 0: never. Lines that it writes are
 * passed on. Rejects with a Refusal if it fails.
 */
export function watchProcess(
  what: string,
  args: readonly string[],
  { everyMs, onLine }: { everyMs: number; onLine?: (line: string) => void },
): Promise<HostMemory[]> {
  return new Promise((resolve, reject) => {
    const samples: HostMemory[] = [];
    const child = spawn(process.execPath, args, { stdio: ['ignore', onLine ? 'pipe' : 'ignore', 'pipe'] });
    let errors = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-4096);
    });
    if (child.stdout && onLine) createInterface(child.stdout).on('line', onLine);
    const look = (): void => {
      const memory = child.pid === undefined ? undefined : memoryOf(child.pid);
      if (memory) samples.push(memory);
    };
    const timer = everyMs > 0 ? setInterval(look, everyMs) : undefined;
    const fail = (how: string): void => {
      const lines = errors.trim().split('\n').slice(-6);
      reject(new Refusal('failed', `${what}: its process ${how}`, lines.join('\n  ') || undefined));
    };
    child.on('error', (error) => fail(`could not be started: ${error.message}`));
    child.on('close', (status, signal) => {
      clearInterval(timer);
      if (status === 0) resolve(samples);
      else fail(signal === null ? `ended with status ${status}` : `was ended by ${signal}`);
    });
  });
}
