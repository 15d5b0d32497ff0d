// `microvisor bare`: a bare machine without microvisor.

import type { CommandModule } from 'yargs';
import type { MachineConfig } from '../../../hw/machine/machine.ts';
import type { Outcome } from '../../../vdev/test-finisher.ts';
import { BareMachine, type BareOptions } from '../../bare/bare-machine.ts';
import { bareInLockstep, type CreateBare } from '../../lockstep/bare.ts';
import { describeVerdict } from '../../lockstep/report.ts';
import { Refusal } from '../../refusal.ts';
import { TraceFile } from '../../trace/trace-file.ts';
import { type TraceDetail, traceMachine } from '../../trace/trace-writer.ts';
import { noteRunFacts } from '../crash-report.ts';
import { GuestExit } from '../guest-exit.ts';
import { clockHzOf, limitNsOf, ramSizeOf, translatorOption } from '../machine-options.ts';
import { requireWritable } from '../output-file.ts';
import { type RunEnding, runAtTerminal, writeConsole, writeSummary } from '../terminal-run.ts';
import { wholeNumber } from '../whole-number.ts';

interface BareArguments {
  image: string[] | undefined;
  kernel: string | undefined;
  initrd: string | undefined;
  append: string | undefined;
  bios: string | undefined;
  disk: string[] | undefined;
  harts: number;
  ram: string;
  clock: string;
  translator: MachineConfig['translator'];
  seed: number;
  for: string | undefined;
  trace: string | undefined;
  traceDetail: string;
  save: string | undefined;
  load: string | undefined;
  lockstep: boolean;
  quiet: boolean;
}

export const bareCommand: CommandModule<object, BareArguments> = {
  command: 'bare [image..]',
  describe: 'run a bare machine: an ELF, a kernel on built-in firmware, or your own firmware',
  builder: (yargs) =>
    yargs
      .positional('image', {
        type: 'string',
        array: true,
        describe: 'an RV64 ELF that starts in M-mode; several with --lockstep',
      })
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
      .option('translator', translatorOption)
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
      .option('lockstep', {
        type: 'boolean',
        default: false,
        describe: 'run on an interpreting and a translating machine at once, and compare them all along',
      })
      .option('quiet', { type: 'boolean', alias: 'q', default: false, describe: 'no summary at the end' })
      .example('$0 bare program.elf', 'run a program; its exit code is passed on')
      .example('$0 bare --lockstep rv64*-p-*', 'hold the translator against the interpreter')
      .example('$0 bare --kernel Image --initrd initrd --append console=ttyS0', 'boot Linux') as never,
  handler: runBare,
};

function checkArguments({ image: images, kernel, bios, load, initrd, append, lockstep, ...args }: BareArguments): void {
  const [image, another] = images ?? [];
  if (another !== undefined && !lockstep)
    throw new Refusal('usage', 'several ELFs run one after another with --lockstep');
  if (!image && !kernel && !bios && !load)
    throw new Refusal('usage', 'nothing to run: name an ELF, or give --kernel or --bios');
  if (image && (kernel || bios))
    throw new Refusal('usage', 'an ELF runs alone: leave out --kernel and --bios, or give it as --kernel');
  if (load && (image || kernel || bios || initrd || append !== undefined))
    throw new Refusal(
      'usage',
      '--load goes on with the images of the saved machine',
      'leave out the ELF, --kernel, --initrd, --append and --bios',
    );
  if (initrd && !kernel) throw new Refusal('usage', '--initrd goes with --kernel');
  if (append !== undefined && !kernel) throw new Refusal('usage', '--append goes with --kernel');
  if (!lockstep) return;
  if (args.translator === false)
    throw new Refusal('usage', '--lockstep compares with the translator: it cannot be off');
  if (load || args.save || args.trace)
    throw new Refusal('usage', '--lockstep begins anew: leave out --load, --save and --trace');
}

/** The machine that the arguments describe, with one of the images; nothing listens to it yet. */
function createBare(
  args: BareArguments,
  image: string | undefined,
  more: Pick<BareOptions, 'translator' | 'onConsole' | 'onOutcome'>,
): BareMachine {
  const bare = new BareMachine({
    harts: args.harts,
    ramSize: ramSizeOf(args.ram),
    clockHz: clockHzOf(args.clock),
    disks: args.disk ?? [],
    seed: args.seed,
    builtInFirmware: args.bios === undefined && image === undefined,
    ...more,
  });
  if (args.load !== undefined) bare.load(args.load);
  else if (image !== undefined) bare.loadProgram(image);
  else bare.loadSystem(args);
  return bare;
}

async function runBare(args: BareArguments): Promise<void> {
  checkArguments(args);
  noteRunFacts({ seed: args.seed });
  const limitNs = limitNsOf(args.for);
  if (args.lockstep) return runInLockstep(args, limitNs);
  if (args.save !== undefined) requireWritable(args.save);
  let outcome: Outcome | undefined;
  const bare: BareMachine = createBare(args, args.image?.[0], {
    translator: args.translator,
    onConsole: writeConsole,
    onOutcome: (reported) => {
      outcome ??= reported;
      bare.machine.stop();
    },
  });
  const { machine } = bare;
  const trace = args.trace === undefined ? undefined : new TraceFile(args.trace);
  if (trace) traceMachine(machine, args.traceDetail as TraceDetail, (line) => trace.write(line));
  let ending: RunEnding;
  try {
    ending = await runAtTerminal({
      machine,
      limitNs,
      input: (bytes) => bare.input(bytes),
      listening: () => true,
      over: () => outcome !== undefined,
    });
    if (args.save !== undefined) bare.save(args.save);
    machine.hashMemory();
  } finally {
    trace?.end();
  }
  if (!args.quiet) writeSummary(machine, describeEnding(ending, outcome), ending);
  if (ending.interrupted) throw new Refusal('interrupted', '');
  if (outcome?.kind === 'fail') throw new GuestExit(outcome.code);
  if (outcome === undefined && ending.reason === 'idle') {
    throw new Refusal('failed', 'the machine came to rest without an outcome');
  }
}

/** Compares for each program in turn; the exit code is 1 if the engines disagree on any, whatever the programs report. */
function runInLockstep(args: BareArguments, limitNs: number): void {
  const images = args.image?.length ? args.image : [undefined];
  const limit = limitNs === Infinity ? Infinity : (limitNs * clockHzOf(args.clock)) / 1e9;
  let disagreements = 0;
  for (const image of images) {
    const create: CreateBare = (more) => createBare(args, image, more);
    const verdict = bareInLockstep(create, { limit, seed: args.seed, translator: args.translator || {} });
    if (!verdict.agreed) disagreements++;
    if (!verdict.agreed || !args.quiet)
      process.stdout.write(`${describeVerdict(image ?? args.kernel ?? args.bios!, verdict)}\n`);
  }
  if (!args.quiet && images.length > 1)
    process.stdout.write(`${images.length - disagreements} agree, ${disagreements} differ\n`);
  if (disagreements > 0) throw new Refusal('failed', 'interpreter and translator disagree');
}

function describeEnding({ left, interrupted, reason }: RunEnding, outcome: Outcome | undefined): string {
  if (outcome?.kind === 'pass') return 'the guest passed';
  if (outcome?.kind === 'fail') return `the guest failed with code ${outcome.code}`;
  if (outcome?.kind === 'reset') return 'the guest asked for a reset';
  if (left) return 'left';
  if (interrupted) return 'interrupted';
  return reason === 'idle' ? 'every hart waits, and nothing can wake one' : 'the time is up';
}
