// `microvisor bench`: how fast the machine runs programs (cpu), and the kernel its operations (ipc), alone or beside others.

import type { CommandModule } from 'yargs';
import { kernelOperations } from '../../bench/kernel-operations.ts';
import { linuxBoots } from '../../bench/linux.ts';
import { benchPrograms } from '../../bench/programs.ts';
import { Refusal } from '../../refusal.ts';
import { limitMsOf, limitNsOf, translatorOf, translatorOption } from '../machine-options.ts';
import { wholeNumber } from '../whole-number.ts';

interface BenchArguments {
  subject: 'cpu' | 'ipc' | 'memory';
  programs: string[];
  vs: string | undefined;
  linux: boolean;
  short: string | undefined;
  limit: string | undefined;
  for: string | undefined;
  translator: string | undefined;
  rounds: number;
  json: boolean;
}

/** More than a boot or a long run takes on a busy host. */
const defaultLimit = '600s';

const names = (things: readonly { name: string }[]): string => things.map(({ name }) => name).join(', ');
const onProgress = (what: string): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${what}`);
};

export const benchCommand: CommandModule<object, BenchArguments> = {
  command: 'bench <subject> [programs..]',
  describe: 'measure the speed of the machine, or of the kernel',
  builder: (yargs) =>
    yargs
      .positional('subject', {
        choices: ['cpu', 'ipc', 'memory'],
        demandOption: true,
        describe:
          'cpu: programs on one hart; ipc: operations of the kernel; memory: what systems and long runs take of the host’s',
      })
      .positional('programs', {
        type: 'string',
        array: true,
        default: [],
        describe: `cpu: ${names([...benchPrograms, ...linuxBoots])}, or paths of RV64 ELFs that end through the test finisher; ipc: ${names(kernelOperations)}; memory: numbers of cells; all of ours when absent`,
      })
      .option('vs', {
        type: 'string',
        requiresArg: true,
        describe: 'compare, turn by turn; cpu: qemu; ipc: the path of seL4’s kernel.elf, which runs on qemu',
      })
      .option('linux', {
        type: 'boolean',
        default: false,
        describe: 'cpu: the ELFs are static Linux programs, to be run in a VM cell (and on Linux under qemu)',
      })
      .option('short', {
        type: 'string',
        requiresArg: true,
        describe: 'cpu: the ELF of the one program with fewer rounds: what the other takes beyond it is its warm time',
      })
      .option('limit', {
        type: 'string',
        requiresArg: true,
        describe: `cpu: host time after which a run is given up, ${defaultLimit} unless given`,
      })
      .option('for', {
        type: 'string',
        requiresArg: true,
        describe: 'memory: a long run, too, of this much virtual time: 3600s',
      })
      .option('translator', {
        ...translatorOption,
        describe: `cpu: ${translatorOption.describe}`,
        // Checked here, passed on to the processes as it is.
        coerce: (text: unknown): unknown => {
          if (typeof text === 'string') translatorOf(text);
          return text;
        },
      })
      .option('rounds', wholeNumber('rounds', 1, 1000, { default: 5, describe: 'how often each is compared' }))
      .option('json', { type: 'boolean', default: false, describe: 'print the figures as JSON' })
      .example('$0 bench cpu --vs qemu', 'the table of docs/performance.md')
      .example('$0 bench cpu integer --rounds 3', 'one program')
      .example('$0 bench cpu --vs qemu --short coremark-30k.elf coremark-200k.elf', 'a program by path, warm and whole')
      .example('$0 bench cpu --vs qemu --linux coremark', 'a static Linux program in a VM cell')
      .example('$0 bench ipc call --vs kernel.elf', 'a round trip, on our kernel and on seL4') as never,
  handler: async (args) => {
    refuseForeignOptions(args);
    const { report, table } = await measure[args.subject](args);
    onProgress('');
    process.stdout.write(args.json ? `${JSON.stringify(report, null, 2)}\n` : table());
  },
};

/** What each of these options goes with; the others go with all subjects. */
const subjectsOf = {
  vs: ['cpu', 'ipc'],
  linux: ['cpu'],
  short: ['cpu'],
  limit: ['cpu'],
  for: ['memory'],
  translator: ['cpu'],
} as const satisfies Partial<Record<keyof BenchArguments, readonly BenchArguments['subject'][]>>;

function refuseForeignOptions(args: BenchArguments): void {
  for (const [option, subjects] of Object.entries(subjectsOf)) {
    const isGiven = Boolean(args[option as keyof typeof subjectsOf]);
    if (isGiven && !(subjects as readonly string[]).includes(args.subject))
      throw new Refusal(
        'usage',
        `--${option} goes with bench ${subjects.join(' and bench ')}, not with bench ${args.subject}`,
      );
  }
}

interface Measured {
  report: object;
  table: () => string;
}

const measure = { cpu, ipc, memory };

async function cpu({ programs, vs, linux, short, limit, translator, rounds }: BenchArguments): Promise<Measured> {
  if (vs !== undefined && vs !== 'qemu')
    throw new Refusal('usage', `--vs: bench cpu compares with qemu, not with ${vs}`);
  const limitMs = limitMsOf(limit ?? defaultLimit);
  const { benchCpu, enginesFor } = await import('../../bench/cpu.ts');
  const { benchTable } = await import('../../bench/report.ts');
  const report = await benchCpu(enginesFor(vs, limitMs, translator), {
    programs,
    linux,
    short,
    translator,
    rounds,
    onProgress,
  });
  return { report, table: () => benchTable(report) };
}

async function ipc({ programs, vs, rounds }: BenchArguments): Promise<Measured> {
  const { benchIpc } = await import('../../bench/ipc.ts');
  const { ipcTable } = await import('../../bench/ipc-report.ts');
  const report = await benchIpc({ operations: programs, sel4: vs, rounds, onProgress });
  return { report, table: () => ipcTable(report) };
}

async function memory({ programs, for: long }: BenchArguments): Promise<Measured> {
  const cells = programs.length === 0 ? [1, 8, 16, 32, 64] : programs.map(Number);
  if (!cells.every((count) => Number.isInteger(count) && count >= 1 && count <= 64))
    throw new Refusal('usage', 'bench memory takes numbers of cells, 1 to 64');
  const { benchMemory } = await import('../../bench/memory.ts');
  const { memoryTable } = await import('../../bench/memory-report.ts');
  const report = await benchMemory({ cells, longNs: limitNsOf(long), onProgress });
  return { report, table: () => memoryTable(report) };
}
