// `microvisor run`: boots the system that a manifest describes.

import { writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { CommandModule } from 'yargs';
import type { MachineConfig } from '../../../hw/machine/machine.ts';
import { attachTerminal } from '../../host/terminal.ts';
import { setKernelV8Flags } from '../../host/v8-flags.ts';
import { HostFiles } from '../../manifest/files.ts';
import type { Manifest } from '../../manifest/model.ts';
import { formatTime } from '../../manifest/units.ts';
import { fileError, Refusal, type RefusalKind } from '../../refusal.ts';
import { attachmentOverrides } from '../../run/attachment.ts';
import { parseExpectation, parseTyping } from '../../run/expectation.ts';
import { PlainText } from '../../run/plain-text.ts';
import { describeReport, type Outcome, type RunReport } from '../../run/report.ts';
import { Session, type SessionEnd } from '../../run/session.ts';
import { programMistakes, refuse, systemOrRefuse } from '../checked-system.ts';
import { noteRunFacts } from '../crash-report.ts';
import { exitCodes } from '../exit-codes.ts';
import { limitNsOf, translatorOption } from '../machine-options.ts';
import { requireWritable } from '../output-file.ts';
import { wholeNumber } from '../whole-number.ts';

interface RunArguments {
  manifest: string;
  batch: boolean;
  for: string | undefined;
  expect: string[] | undefined;
  type: string[] | undefined;
  report: string | undefined;
  seed: number | undefined;
  set: string[] | undefined;
  translator: MachineConfig['translator'];
  attach: string | undefined;
  save: string | undefined;
  load: string | undefined;
  quiet: boolean;
}

export const runCommand: CommandModule<object, RunArguments> = {
  command: 'run <manifest>',
  describe: 'boot the system that a manifest describes',
  builder: (yargs) =>
    yargs
      .positional('manifest', { type: 'string', demandOption: true, describe: 'the manifest (YAML)' })
      .option('batch', {
        type: 'boolean',
        default: false,
        describe: 'no terminal, as fast as possible; ends when nothing can happen any more',
      })
      .option('for', { type: 'string', requiresArg: true, describe: 'end after this much virtual time: 5s' })
      .option('expect', {
        type: 'string',
        array: true,
        nargs: 1,
        describe: "end well once this has been seen: 'CELL:/regex/'; all of them, if several",
      })
      .option('type', {
        type: 'string',
        array: true,
        nargs: 1,
        describe:
          "type text at the terminal when a cell's console shows something: 'linux:/# $/ls\\n'; in order, if several",
      })
      .option('attach', {
        type: 'string',
        requiresArg: true,
        describe: "connect the terminal to a cell's console, control sequences and all",
      })
      .option('report', { type: 'string', requiresArg: true, describe: 'write the report (JSON) to this file' })
      .option(
        'seed',
        wholeNumber('seed', 0, Number.MAX_SAFE_INTEGER, { describe: 'another seed than the manifest gives' }),
      )
      .option('set', { type: 'string', array: true, nargs: 1, describe: 'override a field: cells.linux.memory=512M' })
      .option('translator', translatorOption)
      .option('save', { type: 'string', requiresArg: true, describe: 'save the system here when the run ends' })
      .option('load', { type: 'string', requiresArg: true, describe: 'go on with a system that --save wrote' })
      .option('quiet', { type: 'boolean', alias: 'q', default: false, describe: 'print what cells write, and no more' })
      .example('$0 run examples/first-light.yaml', 'run the embedded example')
      .example("$0 run system.yaml --batch --for 60s --expect 'linux:/login:/'", 'boot in CI') as never,
  handler: runSystem,
};

const refusalOf: Record<Exclude<Outcome, 'ok'>, RefusalKind> = {
  timeout: 'timeout',
  stuck: 'failed',
  interrupted: 'interrupted',
  halted: 'failed',
  failed: 'failed',
};

async function runSystem(args: RunArguments): Promise<void> {
  setKernelV8Flags();
  const files = new HostFiles(dirname(resolve(args.manifest)));
  const { manifest, plan } = systemOrRefuse(args.manifest, overridesOf(args, files), files);
  noteRunFacts({ seed: manifest.system.seed, manifest: args.manifest });
  const expect = args.expect ?? [];
  const cells = manifest.cells.map(({ name }) => name);
  for (const text of expect) parseExpectation(text, cells);
  const type = args.type ?? [];
  for (const text of type) parseTyping(text, cells);
  for (const path of [args.report, args.save]) if (path !== undefined) requireWritable(path);
  const limitNs = limitNsOf(args.for);
  const interactive = !args.batch && process.stdin.isTTY === true;
  const screen = new Screen(args, interactive);
  screen.header(manifest);

  const session = new Session(
    {
      manifest: args.manifest,
      system: manifest,
      translator: args.translator,
      limitNs,
      expect,
      type,
      realTime: interactive,
      interactive,
      attach: args.attach,
      save: args.save,
      load: args.load,
    },
    cells,
    screen,
  );
  let left = false;
  const leave = (): void => {
    left = true;
    session.stop();
  };
  const terminal = interactive
    ? attachTerminal({
        onInput: (bytes) => session.input(bytes),
        onLeave: leave,
        interruptible: args.attach === undefined,
      })
    : undefined;
  let interrupts = 0;
  // The first asks for the report; whoever is in a hurry interrupts twice.
  const onInterrupt = (): void => (interrupts++ === 0 ? session.stop() : process.exit(exitCodes.interrupted.code));
  process.on('SIGINT', onInterrupt);
  let end: SessionEnd;
  try {
    end = await session.end;
  } finally {
    process.removeListener('SIGINT', onInterrupt);
    terminal?.close();
    await session.kill();
  }
  if (end.kind === 'refused') {
    // A server that does not load is shown as `check` shows it.
    screen.endLine();
    const mistakes = await programMistakes(plan);
    if (mistakes.length > 0) refuse(mistakes);
  }
  finish(args, screen, end, left);
}

function overridesOf({ manifest, set, seed, attach }: RunArguments, files: HostFiles): string[] {
  const overrides = [...(set ?? [])];
  if (seed !== undefined) overrides.push(`system.seed=${seed}`);
  if (attach === undefined) return overrides;
  return [...overrides, ...attachmentOverrides(systemOrRefuse(manifest, overrides, files).manifest, attach)];
}

function finish(args: RunArguments, screen: Screen, end: SessionEnd, left: boolean): void {
  screen.endLine();
  if (end.kind === 'refused') throw new Refusal(end.why, end.message, end.hint);
  if (end.kind === 'crashed') {
    // Nobody's code was running: the mistake is ours.
    if (end.cell === undefined) throw new Error(`the machine's worker died: ${end.reason}`);
    throw new Refusal(
      'failed',
      `the code of cell ${end.cell} brought the machine's worker down: ${end.reason}`,
      'the system is lost; other runs are not affected',
    );
  }
  const { report } = end;
  if (!args.quiet) process.stderr.write(`microvisor: ${describeReport(report)}\n`);
  if (args.report !== undefined) writeReport(args.report, report);
  if (left && report.outcome === 'interrupted') return;
  if (report.outcome !== 'ok') throw new Refusal(refusalOf[report.outcome], '');
}

function writeReport(path: string, report: RunReport): void {
  try {
    writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`);
  } catch (error) {
    throw fileError(error, 'write', path);
  }
}

/** What the user sees while the system runs. */
class Screen {
  /** By cell: each is filtered for itself. */
  private readonly plain = new Map<string, PlainText>();
  private atLineStart = true;
  private showingProgress = false;

  constructor(
    private readonly args: RunArguments,
    private readonly interactive: boolean,
  ) {}

  private note(text: string): void {
    if (this.args.quiet) return;
    this.endLine();
    process.stderr.write(`microvisor: ${text}\n`);
  }

  private lines(lines: readonly string[]): void {
    if (!this.args.quiet) for (const line of lines) process.stderr.write(`  ${line}\n`);
  }

  header({ system, images }: Manifest): void {
    this.note(`${system.name}, seed ${system.seed}`);
    if (system.about !== undefined) this.lines(system.about.trim().split('\n'));
    this.lines(images.map(({ name, sha256 }) => `${name} sha256 ${sha256.slice(0, 16)}…`));
    if (this.interactive) this.note(this.args.attach === undefined ? 'C-c or C-a x leaves' : 'C-a x leaves');
  }

  console(cell: string, bytes: Uint8Array): void {
    this.clearProgress();
    // Control sequences only pass when the user has attached the terminal to a cell on purpose.
    if (cell === '' && this.args.attach !== undefined) {
      process.stdout.write(bytes);
      return;
    }
    let plain = this.plain.get(cell);
    if (!plain) {
      plain = new PlainText();
      this.plain.set(cell, plain);
    }
    const text = plain.filter(bytes);
    if (text === '') return;
    process.stdout.write(this.interactive ? text.replaceAll('\n', '\r\n') : text);
    this.atLineStart = text.endsWith('\n');
  }

  endLine(): void {
    this.clearProgress();
    if (!this.atLineStart) process.stdout.write(this.interactive ? '\r\n' : '\n');
    this.atLineStart = true;
  }

  log(line: string): void {
    this.note(line);
  }
  fault(_cell: string, line: string): void {
    this.note(`fault: ${line}`);
  }
  booted(): void {}

  progress(virtualNs: number): void {
    if (this.args.quiet || this.interactive || process.stderr.isTTY !== true || !this.atLineStart) return;
    process.stderr.write(`\r${formatTime(virtualNs)} of virtual time`);
    this.showingProgress = true;
  }
  private clearProgress(): void {
    if (this.showingProgress) process.stderr.write('\r\u001b[K');
    this.showingProgress = false;
  }
}
