// `microvisor bench cpu`: how fast the machine runs programs, alone or beside QEMU.

import type { CommandModule } from 'yargs';
import { benchPrograms } from '../../bench/programs.ts';
import { wholeNumber } from '../whole-number.ts';

interface BenchArguments {
  subject: 'cpu';
  programs: string[];
  vs: 'qemu' | undefined;
  rounds: number;
  json: boolean;
}

export const benchCommand: CommandModule<object, BenchArguments> = {
  command: 'bench <subject> [programs..]',
  describe: 'measure the speed of the machine',
  builder: (yargs) =>
    yargs
      .positional('subject', { choices: ['cpu'], demandOption: true, describe: 'cpu: run programs on one hart' })
      .positional('programs', {
        type: 'string',
        array: true,
        default: [],
        describe: `${benchPrograms.map(({ name }) => name).join(', ')}, or paths of RV64 ELFs that end through the test finisher; all of ours when absent`,
      })
      .option('vs', { choices: ['qemu'], requiresArg: true, describe: 'run the same files there, turn by turn' })
      .option('rounds', wholeNumber('rounds', 1, 1000, { default: 5, describe: 'how often each is run' }))
      .option('json', { type: 'boolean', default: false, describe: 'print the figures as JSON' })
      .example('$0 bench cpu --vs qemu', 'the table of docs/performance.md')
      .example('$0 bench cpu integer --rounds 3', 'one program') as never,
  handler: async ({ programs, vs, rounds, json }) => {
    const { benchCpu, enginesFor } = await import('../../bench/cpu.ts');
    const { benchTable } = await import('../../bench/report.ts');
    const report = benchCpu(enginesFor(vs), {
      programs,
      rounds,
      onProgress: (what) => process.stderr.isTTY && process.stderr.write(`\r\u001b[K${what}`),
    });
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
    process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : benchTable(report));
  },
};
