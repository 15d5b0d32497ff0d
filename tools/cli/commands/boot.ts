// `microvisor boot`: a root task written for seL4, on the kernel and the board that seL4 would give it.

import { readFileSync } from 'node:fs';
import type { CommandModule } from 'yargs';
import type { StopReason } from '../../../hw/machine/machine.ts';
import { checkInvariants } from '../../../microvisor/invariants/sweep.ts';
import type { Outcome } from '../../../vdev/test-finisher.ts';
import { runPaced } from '../../host/pace.ts';
import { attachTerminal } from '../../host/terminal.ts';
import { type ElfImage, readElf } from '../../image/elf.ts';
import type { ReadResult } from '../../image/image-error.ts';
import { assembleProgram, isAssembly } from '../../image/program-file.ts';
import { parseRate, parseSize, parseTime, type Quantity } from '../../manifest/units.ts';
import { type Profile, profileShapes, profiles } from '../../root-task/profile.ts';
import { RootTaskSystem } from '../../root-task/root-task-system.ts';
import { Expectations, parseExpectation } from '../../run/expectation.ts';
import { CommandError, fileError } from '../command-error.ts';
import { noteRunFacts } from '../crash-report.ts';
import { wholeNumber } from '../whole-number.ts';

interface BootArguments {
  task: string;
  profile: Profile;
  harts: number | undefined;
  domains: number | undefined;
  ram: string;
  dtb: string | undefined;
  clock: string;
  cnodeBits: number;
  for: string | undefined;
  expect: string[] | undefined;
  invariants: boolean;
  quiet: boolean;
}

/** The console as `--expect` names it: there is one. */
const consoleName = 'console';

export const bootCommand: CommandModule<object, BootArguments> = {
  command: 'boot <task>',
  describe: 'boot a root task that was built for seL4 (riscv64, MCS)',
  builder: (yargs) =>
    yargs
      .positional('task', { type: 'string', demandOption: true, describe: 'an RV64 ELF, or assembly source (.s)' })
      .option('profile', {
        choices: profiles,
        default: 'domains',
        describe: 'one hart with several domains, several harts with one, or a domain schedule on every hart',
      })
      .option('harts', wholeNumber('harts', 1, 8, { describe: '1 to 8; one in profile domains, else 4 (smp) or 2' }))
      .option('domains', wholeNumber('domains', 1, 256, { describe: 'what the task was built for; 4, in smp 1' }))
      .option('ram', { type: 'string', default: '3G', describe: 'memory, up to 3G' })
      .option('dtb', { type: 'string', requiresArg: true, describe: 'the device tree in BootInfo instead of our own' })
      .option('clock', { type: 'string', default: '1GHz', describe: 'cycles per second of virtual time' })
      .option(
        'cnode-bits',
        wholeNumber('cnode-bits', 8, 20, { default: 13, describe: 'size of the root CNode, 2^n slots' }),
      )
      .option('for', { type: 'string', requiresArg: true, describe: 'end after this much virtual time: 5s' })
      .option('expect', {
        type: 'string',
        array: true,
        nargs: 1,
        describe: "end well once this has been seen: 'console:/regex/'; all of them, if several",
      })
      .option('invariants', {
        type: 'boolean',
        default: false,
        describe: "check the kernel's invariants after every entry (slow)",
      })
      .option('quiet', { type: 'boolean', alias: 'q', default: false, describe: 'no summary at the end' })
      .example('$0 boot sel4test-driver --domains 1', 'run a suite that was built for one core')
      .example("$0 boot task.elf --profile smp --expect 'console:/done/'", 'boot on four harts in CI') as never,
  handler: bootTask,
};

function quantity<T>(option: string, parsed: Quantity<T>): T {
  if (parsed.ok) return parsed.value;
  throw new CommandError('usage', `--${option}: ${parsed.hint}`);
}

function readFile(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw fileError(error, 'read', path);
  }
}

function accept<T>(path: string, result: ReadResult<T>): T {
  if (result.ok) return result.value;
  const { place, message, remedy } = result.error;
  throw new CommandError('refused', `${path}: ${place}: ${message}`, remedy);
}

function readTask(path: string): ElfImage {
  const bytes = readFile(path);
  const elf = isAssembly(path) ? accept(path, assembleProgram(new TextDecoder().decode(bytes), path)) : bytes;
  return accept(path, readElf(elf));
}

function readDeviceTree(path: string | undefined): Uint8Array | undefined {
  if (path === undefined) return undefined;
  const bytes = readFile(path);
  const magic = [0xd0, 0x0d, 0xfe, 0xed];
  if (magic.every((byte, index) => bytes[index] === byte)) return bytes;
  throw new CommandError('refused', `${path}: it is not a flattened device tree`, 'compile it with dtc -O dtb');
}

function hartsOf({ profile, harts }: BootArguments): number {
  const { defaultHarts, maxHarts } = profileShapes[profile];
  if (harts === undefined) return defaultHarts;
  if (harts <= maxHarts) return harts;
  throw new CommandError('usage', '--profile domains has one hart', 'take --profile smp or cells for several');
}

function domainsOf({ profile, domains }: BootArguments): number | undefined {
  if (profile === 'smp' && domains !== undefined && domains > 1) {
    throw new CommandError(
      'usage',
      '--profile smp has one domain',
      'take --profile cells for several on several harts',
    );
  }
  return domains;
}

function ramSizeOf({ ram }: BootArguments): number {
  const size = quantity('ram', parseSize(ram));
  if (size >= 8 << 20 && size <= 3 * 2 ** 30 && size % 2 ** 20 === 0) return size;
  throw new CommandError('usage', '--ram is a whole number of megabytes from 8M to 3G');
}

function clockOf({ clock }: BootArguments): number {
  const hz = quantity('clock', parseRate(clock));
  if (hz >= 10e6 && hz <= 10e9 && hz % 10e6 === 0) return hz;
  throw new CommandError('usage', '--clock is a multiple of the 10MHz timebase, up to 10GHz');
}

/** How a run came to its end. */
interface Ending {
  halted?: string;
  outcome?: Outcome;
  left?: boolean;
  interrupted?: boolean;
  reason?: StopReason;
}

async function bootTask(args: BootArguments): Promise<void> {
  const limitNs = args.for === undefined ? Infinity : quantity('for', parseTime(args.for));
  const expectations = new Expectations((args.expect ?? []).map((text) => parseExpectation(text, [consoleName])));
  const expecting = !expectations.met;
  const options = {
    profile: args.profile,
    harts: hartsOf(args),
    numDomains: domainsOf(args),
    ramSize: ramSizeOf(args),
    clockHz: clockOf(args),
    rootCNodeSizeBits: args.cnodeBits,
    deviceTree: readDeviceTree(args.dtb),
  };
  const elf = readTask(args.task);
  noteRunFacts({});
  const ending: Ending = {};
  const decoder = new TextDecoder('latin1');
  const system = new RootTaskSystem(options, {
    console: (bytes) => {
      terminal.write(bytes);
      if (expecting) expectations.see(consoleName, decoder.decode(bytes));
      if (expecting && expectations.met) system.machine.stop();
    },
    log: (line) => process.stderr.write(`microvisor: ${line}\n`),
    halted: (reason) => {
      ending.halted = reason;
    },
    outcome: (outcome) => {
      ending.outcome = outcome;
    },
  });
  if (args.invariants)
    system.microvisor.afterEntry = () => checkInvariants(system.kernel, system.machine.engine.caches);
  const { machine } = system;
  const terminal = attachTerminal({
    onInput: (bytes) => system.input(bytes),
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
    accept(args.task, system.start(elf));
    const isOver = (): boolean =>
      ending.halted !== undefined || ending.outcome !== undefined || (expecting && expectations.met);
    ending.reason = await runPaced(machine, {
      limit: (limitNs * machine.clockHz) / 1e9,
      realTime: terminal.interactive,
      inputMayCome: () => !terminal.ended && system.listening,
      ended: () => isOver() || ending.left === true || ending.interrupted === true,
    });
    machine.hashMemory();
  } finally {
    process.removeListener('SIGINT', onInterrupt);
    terminal.close();
  }
  if (!args.quiet) process.stderr.write(summary(system, ending, performance.now() - started));
  judge(system, ending, expecting ? expectations : undefined);
}

/** Turns the ending into an exit code. A task at rest has ended well, unless it faulted or more was expected of it. */
function judge({ rootFaulted }: RootTaskSystem, ending: Ending, expectations: Expectations | undefined): void {
  if (ending.interrupted) throw new CommandError('interrupted', '');
  if (ending.left || expectations?.met) return;
  if (ending.outcome?.kind === 'fail') {
    process.exitCode = Math.min(ending.outcome.code, 255);
    return;
  }
  if (rootFaulted) throw new CommandError('failed', 'the root task faulted, and nobody handles its faults');
  if (expectations) {
    const missing = expectations.missing.map(({ text }) => text).join(', ');
    throw new CommandError(ending.reason === 'limit' ? 'timeout' : 'failed', `not seen: ${missing}`);
  }
}

function describeEnding({ halted, outcome, left, interrupted, reason }: Ending): string {
  if (halted !== undefined) return `halted: ${halted}`;
  if (outcome?.kind === 'fail') return `the task failed with code ${outcome.code}`;
  if (outcome !== undefined) return outcome.kind === 'pass' ? 'the task passed' : 'the task asked for a reset';
  if (left) return 'left';
  if (interrupted) return 'interrupted';
  if (reason === 'idle') return 'every thread waits, and nothing can wake one';
  return reason === 'limit' ? 'the time is up' : 'what was expected has been seen';
}

function summary({ machine }: RootTaskSystem, ending: Ending, ms: number): string {
  const instructions = machine.harts.reduce((sum, hart) => sum + machine.instructionsOf(hart), 0);
  const time = (machine.nowNs / 1e9).toFixed(6);
  const host = (ms / 1e3).toFixed(1);
  return `\nmicrovisor: ${describeEnding(ending)}; ${time} s of virtual time, ${instructions} instructions, ${host} s of host time, trace hash ${machine.hash.value}\n`;
}
