// Runs a command line in this process; what the commands say goes through process.stdout and process.stderr as in life.

import { vi } from 'vitest';
import { type Command, runCommandLine } from '../../tools/cli/command-line.ts';
import { commands } from '../../tools/cli/commands.ts';

export interface Ran {
  code: number;
  out: string;
  err: string;
}

export const run = (...args: string[]): Promise<Ran> => runWith(commands, ...args);

export async function runWith(list: readonly Command[], ...args: string[]): Promise<Ran> {
  const text = { out: '', err: '' };
  const sinks = (['stdout', 'stderr'] as const).map((stream) =>
    vi.spyOn(process[stream], 'write').mockImplementation((chunk) => {
      text[stream === 'stdout' ? 'out' : 'err'] +=
        typeof chunk === 'string' ? chunk : new TextDecoder('latin1').decode(chunk);
      return true;
    }),
  );
  try {
    return { code: await runCommandLine(list, args), ...text };
  } finally {
    for (const sink of sinks) sink.mockRestore();
  }
}
