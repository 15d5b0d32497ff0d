// What a process takes of the host's memory while it runs: resident bytes, their peak, and its address-space maps. Linux only.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Refusal } from '../refusal.ts';

export interface HostMemory {
  residentBytes: number;
  peakBytes: number;
  maps: number;
}

/** undefined: there is no such process any more. */
function memoryOf(pid: number): HostMemory | undefined {
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

/**
 * Runs a program of this version of Node to its end, and looks at its memory every `everyMs`. Throws a Refusal if the host does
 * not tell, an Error if the program fails.
 */
export function watchMemory(args: readonly string[], everyMs: number): Promise<HostMemory[]> {
  if (memoryOf(process.pid) === undefined)
    throw new Refusal('unavailable', 'this host does not tell what memory a process has', 'Linux does, in /proc');
  return new Promise((resolve, reject) => {
    const samples: HostMemory[] = [];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-4096);
    });
    const look = (): void => {
      const memory = child.pid === undefined ? undefined : memoryOf(child.pid);
      if (memory) samples.push(memory);
    };
    const timer = setInterval(look, everyMs);
    child.on('error', reject);
    child.on('close', (status) => {
      clearInterval(timer);
      if (status === 0) resolve(samples);
      else reject(new Error(`${args.join(' ')} ended with ${status}: ${errors}`));
    });
  });
}
