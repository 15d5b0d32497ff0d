// `microvisor bare`: a bare machine without microvisor.

import { createWriteStream, openSync, type WriteStream } from 'node:fs';
import type { CommandModule } from 'yargs';
import type { Machine, StopReason } from '../../../hw/machine/machine.ts';
import type { Outcome } from '../../../vdev/test-finisher.ts';
import { BareMachine } from '../../bare/bare-machine.ts';
import { runPaced } from '../../host/pace.ts';
import { attachTerminal } from '../../host/terminal.ts';
import { parseRate, parseSize, parseTime, type Quantity } from '../../manifest/units.ts';
import { type TraceDetail, traceMachine } from '../../trace/trace-writer.ts';
import { CommandError, fileError } from '../command-error.ts';
import { noteRunFacts } from '../crash-report.ts';
import { requireWritable } from '../output-file.ts';
import { wholeNumber } from '../whole-number.ts';

interface BareArguments {
  image: string | undefined;
  kernel: string | undefined;
  initrd: string | undefined;
  append: string | undefined;
  bios: string | undefined;
  disk: string[] | undefined;
  harts: number;
  ram: string;
  clock: string;
  seed: number;
  for: string | undefined;
  trace: string | undefined;
  traceDetail: string;
  save: string | undefined;
  load: string | undefined;
  quiet: boolean;
}

export const bareCommand: CommandModule<object, BareArguments> = {
  command: 'bare [image]',
  describe: 'run a bare machine: an ELF, a kernel on built-in firmware, or your own firmware',
  builder: (yargs) =>
    yargs
      .positional('image', { type: 'string', describe: 'an RV64 ELF that starts in M-mode' })
      .option('kernel', {
        type: 'string',
        requiresArg: true,
        describe: 'a Linux Image or an ELF, started in S-mode by firmware',
      })
      .option('initrd', { type: 'string', requiresArg: true, describe: 'an initial RAM disk for the kernel' })
      .option('append', { type: 'string', requiresArg: true, describe: "the kernel's command line" })
      .option('bios', {
        type: 'string',
        requiresArg: true,
        describe: 'M-mode firmware (ELF or raw) instead of the built-in SBI',
      })
      .option('disk', {
        type: 'string',
        array: true,
        nargs: 1,
        describe: 'a disk image behind virtio-blk; the file is not written',
      })
      .option('harts', wholeNumber('harts', 1, 8, { default: 1, describe: '1 to 8' }))
      .option('clock', {
        type: 'string',
        default: '1GHz',
        describe: 'cycles per second: with a slow one, guests that wait by spinning wait for fewer instructions',
      })
      .option('ram', { type: 'string', default: '256M', describe: 'memory, up to 3G' })
      .option('clock', {
        type: 'string',
        default: '1GHz',
        describe: 'cycles per second: with a slow one, guests that wait by spinning wait for fewer instructions',
      })
      .option(
        'seed',
        wholeNumber('seed', 0, Number.MAX_SAFE_INTEGER, { default: 0, describe: 'where all randomness comes from' }),
      )
      .option('for', { type: 'string', requiresArg: true, describe: 'end after this much virtual time: 5s' })
      .option('trace', { type: 'string', requiresArg: true, describe: 'write a trace to this file' })
      .option('trace-detail', {
        choices: ['traps', 'instructions'],
        default: 'instructions',
        describe: 'what the trace shows',
      })
      .option('save', { type: 'string', requiresArg: true, describe: 'save the machine here when the run ends' })
      .option('load', { type: 'string', requiresArg: true, describe: 'go on with a machine that --save wrote' })
      .option('quiet', { type: 'boolean', alias: 'q', default: false, describe: 'no summary at the end' })
      .example('$0 bare program.elf', 'run a program; its exit code is passed on')
      .example('$0 bare --kernel Image --initrd initrd --append console=ttyS0', 'boot Linux') as never,
  handler: runBare,
};

function quantity<T>(option: string, parsed: Quantity<T>): T {
  if (parsed.ok) return parsed.value;
  throw new CommandError('usage', `--${option}: ${parsed.hint}`);
}

function checkArguments({ image, kernel, bios, load, initrd, append }: BareArguments): void {
  if (!image && !kernel && !bios && !load)
    throw new CommandError('usage', 'nothing to run: name an ELF, or give --kernel or --bios');
  if (image && (kernel || bios))
    throw new CommandError('usage', 'an ELF runs alone: leave out --kernel and --bios, or give it as --kernel');
  if (load && (image || kernel || bios || initrd || append !== undefined))
    throw new CommandError(
      'usage',
      '--load goes on with the images of the saved machine',
      'leave out the ELF, --kernel, --initrd, --append and --bios',
    );
  if (initrd && !kernel) throw new CommandError('usage', '--initrd goes with --kernel');
  if (append !== undefined && !kernel) throw new CommandError('usage', '--append goes with --kernel');
}

async function runBare(args: BareArguments): Promise<void> {
  checkArguments(args);
  noteRunFacts({ seed: args.seed });
  const limitNs = args.for === undefined ? Infinity : quantity('for', parseTime(args.for));
  if (args.save !== undefined) requireWritable(args.save);
  const ending: Ending = {};
  const bare = new BareMachine({
    harts: args.harts,
    ramSize: ramSizeOf(args),
    clockHz: clockOf(args),
    disks: args.disk ?? [],
    seed: args.seed,
    builtInFirmware: args.bios === undefined && args.image === undefined,
    onConsole: (bytes) => terminal.write(bytes),
    onOutcome: (outcome) => {
      ending.outcome ??= outcome;
      bare.machine.stop();
    },
  });
  const { machine } = bare;
  if (args.load !== undefined) bare.load(args.load);
  else if (args.image !== undefined) bare.loadProgram(args.image);
  else bare.loadSystem(args);
  const trace = args.trace === undefined ? undefined : openTrace(args.trace);
  if (trace) traceMachine(machine, args.traceDetail as TraceDetail, (line) => trace.write(`${line}\n`));

  const terminal = attachTerminal({
    onInput: (bytes) => bare.input(bytes),
    onLeave: () => {
      ending.left = true;
    },
  });
  const onInterrupt = (): void => {
    ending.interrupted = true;
  };
  process.on('SIGINT', onInterrupt);
  const started = performance.now();
  try {
    ending.reason = await runPaced(machine, {
      limit: machine.now + (limitNs * machine.clockHz) / 1e9,
      realTime: terminal.interactive,
      inputMayCome: () => !terminal.ended,
      ended: () => ending.outcome !== undefined || ending.left === true || ending.interrupted === true,
    });
    if (args.save !== undefined) bare.save(args.save);
    machine.hashMemory();
  } finally {
    process.removeListener('SIGINT', onInterrupt);
    terminal.close();
    trace?.end();
  }
  if (!args.quiet) process.stderr.write(summary(machine, ending, performance.now() - started));
  if (ending.interrupted) throw new CommandError('interrupted', '');
  if (ending.outcome?.kind === 'fail') process.exitCode = Math.min(ending.outcome.code, 255);
  else if (ending.reason === 'idle') throw new CommandError('failed', 'the machine came to rest without an outcome');
}

function clockOf({ clock }: BareArguments): number {
  const hz = quantity('clock', parseRate(clock));
  if (hz >= 10e6 && hz <= 10e9 && hz % 10e6 === 0) return hz;
  throw new CommandError('usage', '--clock is a multiple of the 10MHz timebase, up to 10GHz');
}

function ramSizeOf({ ram }: BareArguments): number {
  const size = quantity('ram', parseSize(ram));
  if (size >= 8 << 20 && size <= 3 * 2 ** 30 && size % 2 ** 20 === 0) return size;
  throw new CommandError('usage', '--ram is a whole number of megabytes from 8M to 3G');
}

function openTrace(path: string): WriteStream {
  try {
    return createWriteStream(path, { fd: openSync(path, 'w') });
  } catch (error) {
    throw fileError(error, 'write', path);
  }
}

/** How a run came to its end. */
interface Ending {
  outcome?: Outcome;
  left?: boolean;
  interrupted?: boolean;
  reason?: StopReason;
}

function describeEnding({ outcome, left, interrupted, reason }: Ending): string {
  if (outcome?.kind === 'pass') return 'the guest passed';
  if (outcome?.kind === 'fail') return `the guest failed with code ${outcome.code}`;
  if (outcome?.kind === 'reset') return 'the guest asked for a reset';
  if (left) return 'left';
  if (interrupted) return 'interrupted';
  return reason === 'idle' ? 'every hart waits, and nothing can wake one' : 'the time is up';
}

function summary(machine: Machine, ending: Ending, ms: number): string {
  const instructions = machine.harts.reduce((sum, hart) => sum + machine.instructionsOf(hart), 0);
  const speed = (instructions / ms / 1e3).toFixed(0);
  const time = (machine.nowNs / 1e9).toFixed(6);
  return `\nmicrovisor: ${describeEnding(ending)}; ${time} s of virtual time, ${instructions} instructions, ${speed} million/s, trace hash ${machine.hash.value}\n`;
}
