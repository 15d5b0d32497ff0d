// `microvisor boot`: a root task written for seL4, on the kernel and the board that seL4 would give it.

import type { CommandModule } from 'yargs';
import type { MachineConfig } from '../../../hw/machine/machine.ts';
import { checkInvariants } from '../../../microvisor/invariants/sweep.ts';
import type { Outcome } from '../../../vdev/test-finisher.ts';
import { accept, readImageFile, readProgramFile } from '../../host/image-file.ts';
import { setKernelV8Flags } from '../../host/v8-flags.ts';
import { readElf } from '../../image/elf.ts';
import { Refusal } from '../../refusal.ts';
import { type Profile, profileShapes, profiles } from '../../root-task/profile.ts';
import { RootTaskSystem } from '../../root-task/root-task-system.ts';
import { Expectations, parseExpectation } from '../../run/expectation.ts';
import { noteRunFacts } from '../crash-report.ts';
import { GuestExit } from '../guest-exit.ts';
import { clockHzOf, limitNsOf, ramSizeOf, translatorOption } from '../machine-options.ts';
import { type RunEnding, runAtTerminal, writeConsole, writeSummary } from '../terminal-run.ts';
import { wholeNumber } from '../whole-number.ts';

interface BootArguments {
  task: string;
  profile: Profile;
  harts: number | undefined;
  domains: number | undefined;
  domainSchedules: number | undefined;
  ram: string;
  dtb: string | undefined;
  clock: string;
  translator: MachineConfig['translator'];
  cnodeBits: number;
  for: string | undefined;
  expect: string[] | undefined;
  invariants: boolean;
  quiet: boolean;
}

/** The console as `--expect` names it: there is one. */
const consoleName = 'console';

const whatRootTasksAre =
  'a root task is an ELF for seL4, linked at user addresses, that is given the address of BootInfo in a0: no Linux ' +
  'program, nor an image for a loader or firmware (docs/root-tasks.md)';

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
      .option(
        'domain-schedules',
        wholeNumber('domain-schedules', 2, 256, {
          describe: "entries of a domain schedule, the build's NUM_DOMAIN_SCHEDULES; 100, in smp 2",
        }),
      )
      .option('ram', { type: 'string', default: '3G', describe: 'memory, up to 3G' })
      .option('dtb', { type: 'string', requiresArg: true, describe: 'the device tree in BootInfo instead of our own' })
      .option('clock', { type: 'string', default: '1GHz', describe: 'cycles per second of virtual time' })
      .option('translator', translatorOption)
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
        describe: "check the kernel's invariants after every entry: slow, a hundred to a thousand entries per second",
      })
      .option('quiet', { type: 'boolean', alias: 'q', default: false, describe: 'no summary at the end' })
      .example('$0 boot sel4test-driver --domains 1', 'run a suite that was built for one core')
      .example("$0 boot task.elf --profile smp --expect 'console:/done/'", 'boot on four harts in CI') as never,
  handler: bootTask,
};

function readDeviceTree(path: string | undefined): Uint8Array | undefined {
  if (path === undefined) return undefined;
  const bytes = readImageFile(path);
  const magic = [0xd0, 0x0d, 0xfe, 0xed];
  if (magic.every((byte, index) => bytes[index] === byte)) return bytes;
  throw new Refusal('refused', `${path}: it is not a flattened device tree`, 'compile it with dtc -O dtb');
}

function hartsOf({ profile, harts }: BootArguments): number {
  const { defaultHarts, maxHarts } = profileShapes[profile];
  if (harts === undefined) return defaultHarts;
  if (harts <= maxHarts) return harts;
  throw new Refusal('usage', '--profile domains has one hart', 'take --profile smp or cells for several');
}

function domainsOf({ profile, domains }: BootArguments): number | undefined {
  if (profile === 'smp' && domains !== undefined && domains > 1) {
    throw new Refusal('usage', '--profile smp has one domain', 'take --profile cells for several on several harts');
  }
  return domains;
}

/** How the task ended the run, if it did. */
interface TaskEnding {
  halted?: string;
  outcome?: Outcome;
}

async function bootTask(args: BootArguments): Promise<void> {
  setKernelV8Flags();
  const limitNs = limitNsOf(args.for);
  const expectations = new Expectations((args.expect ?? []).map((text) => parseExpectation(text, [consoleName])));
  const expecting = !expectations.met;
  const options = {
    profile: args.profile,
    harts: hartsOf(args),
    numDomains: domainsOf(args),
    domainScheduleLength: args.domainSchedules,
    ramSize: ramSizeOf(args.ram),
    clockHz: clockHzOf(args.clock),
    translator: args.translator,
    rootCNodeSizeBits: args.cnodeBits,
    deviceTree: readDeviceTree(args.dtb),
  };
  const elf = accept(args.task, readElf(readProgramFile(args.task)));
  noteRunFacts({});
  const task: TaskEnding = {};
  const decoder = new TextDecoder('latin1');
  const system = new RootTaskSystem(options, {
    console: (bytes) => {
      writeConsole(bytes);
      if (expecting) expectations.see(consoleName, decoder.decode(bytes));
      if (expecting && expectations.met) system.machine.stop();
    },
    log: (line) => process.stderr.write(`microvisor: ${line}\n`),
    halted: (reason) => {
      task.halted = reason;
    },
    outcome: (outcome) => {
      task.outcome = outcome;
    },
  });
  const { machine } = system;
  if (args.invariants) system.microvisor.afterEntry = () => checkInvariants(system.kernel, machine.engine.caches);
  accept(args.task, system.start(elf));
  const ending = await runAtTerminal({
    machine,
    limitNs,
    input: (bytes) => system.input(bytes),
    listening: () => system.listening,
    over: () => task.halted !== undefined || task.outcome !== undefined || (expecting && expectations.met),
  });
  machine.hashMemory();
  if (!args.quiet) writeSummary(machine, describeEnding(ending, task), ending);
  judge(system, ending, task, expecting ? expectations : undefined);
}

/** Turns the ending into an exit code. A task at rest has ended well, unless it faulted or more was expected of it. */
function judge(
  { rootFaulted }: RootTaskSystem,
  { interrupted, left, reason }: RunEnding,
  { outcome }: TaskEnding,
  expectations: Expectations | undefined,
): void {
  if (interrupted) throw new Refusal('interrupted', '');
  if (left || expectations?.met) return;
  if (outcome?.kind === 'fail') throw new GuestExit(outcome.code);
  if (rootFaulted)
    throw new Refusal('failed', 'the root task faulted, and nobody handles its faults', whatRootTasksAre);
  if (expectations) {
    const missing = expectations.missing.map(({ text }) => text).join(', ');
    throw new Refusal(reason === 'limit' ? 'timeout' : 'failed', `not seen: ${missing}`);
  }
}

function describeEnding({ left, interrupted, reason }: RunEnding, { halted, outcome }: TaskEnding): string {
  if (halted !== undefined) return `halted: ${halted}`;
  if (outcome?.kind === 'fail') return `the task failed with code ${outcome.code}`;
  if (outcome !== undefined) return outcome.kind === 'pass' ? 'the task passed' : 'the task asked for a reset';
  if (left) return 'left';
  if (interrupted) return 'interrupted';
  if (reason === 'idle') return 'every thread waits, and nothing can wake one';
  return reason === 'limit' ? 'the time is up' : 'what was expected has been seen';
}
