// Reads a command line, runs the command, and says what went wrong: the only place that turns errors into exit codes.

import yargs, { type CommandModule, type Options } from 'yargs';
import { suggest } from '../manifest/nearest.ts';
import { Refusal, type RefusalKind } from '../refusal.ts';
import { reportCrash } from './crash-report.ts';
import { exitCodes } from './exit-codes.ts';
import { GuestExit } from './guest-exit.ts';
import { type Sink, styleFor, wantsColor, widthOf, wrap } from './output.ts';
import { version } from './version.ts';

/** A command as yargs knows it, its arguments left to the command's own file. */
// biome-ignore lint/suspicious/noExplicitAny: yargs' argument types differ per command and are contravariant.
export type Command = CommandModule<any, any>;

export interface CommandLineOptions {
  stdout?: Sink;
  stderr?: Sink;
}

/** Runs one command line; returns the exit code and never throws. */
export async function runCommandLine(
  commands: readonly Command[],
  args: readonly string[],
  { stdout = process.stdout, stderr = process.stderr }: CommandLineOptions = {},
): Promise<number> {
  const style = styleFor(wantsColor(stderr));
  const width = widthOf(stderr);
  const complain = (kind: RefusalKind, message: string, hint?: string): number => {
    if (message !== '') stderr.write(`${wrap(`${style.red('microvisor:')} ${message}`, width)}\n`);
    if (hint !== undefined) stderr.write(`${wrap(`${style.cyan('hint:')} ${hint}`, width)}\n`);
    return exitCodes[kind].code;
  };
  const parser = yargs()
    .scriptName('microvisor')
    .usage('$0 <command> [options]\n\nBoots systems of isolated cells on an emulated RISC-V machine.')
    .locale('en')
    .version(version())
    .alias('h', 'help')
    .alias('v', 'version')
    .strict()
    .demandCommand(1, 'which command?')
    .epilogue('Exit codes: docs/exit-codes.md. Manifest: docs/manifest.md.')
    .wrap(Math.min(100, widthOf(stdout)))
    .showHelpOnFail(false)
    .exitProcess(false)
    // Without a handler of its own, yargs prints and leaves; thrown, everything ends below.
    .fail((message: string | null, error: Error | undefined) => {
      throw error ?? new Refusal('usage', message ?? 'the command line is not understood');
    });
  for (const command of commands) parser.command(command);
  // yargs lays out the help whenever a command has begun, in case its handler should show it. None of ours does.
  internalsOf(parser).getUsageInstance().cacheHelpMessage = () => {};
  parser.check((argv: Record<string, unknown>) => {
    const command = commands.find((each) => nameOf(each) === (argv['_'] as string[])[0]);
    for (const { name, array } of optionsOf(command)) {
      if (Array.isArray(argv[name]) && !array) throw new Refusal('usage', `option --${name} is given more than once`);
    }
    return true;
  }, true);
  try {
    let output = '';
    await parser.parseAsync([...args], {}, (_error: unknown, _argv: unknown, text: string) => {
      output = text;
    });
    if (output !== '') stdout.write(`${output}\n`);
    return exitCodes.success.code;
  } catch (error) {
    if (error instanceof GuestExit) return error.code;
    if (error instanceof Refusal) {
      if (error.kind !== 'usage') return complain(error.kind, error.message, error.hint);
      const known = commands.some((each) => nameOf(each) === args.find((arg) => !arg.startsWith('-')));
      const message = known ? error.message : error.message.replace(/^Unknown arguments?:/, 'unknown command:');
      return complain('usage', lowerFirst(message), error.hint ?? usageHint(error.message, commands, args));
    }
    // yargs' own complaints about values that its parser refuses.
    if (error instanceof Error && error.name === 'YError') return complain('usage', lowerFirst(error.message));
    stderr.write(reportCrash(error, args));
    return exitCodes.internal.code;
  }
}

/** Not in the published types either. */
const internalsOf = (parser: object): { getUsageInstance(): { cacheHelpMessage: () => void } } =>
  (parser as { getInternalMethods(): ReturnType<typeof internalsOf> }).getInternalMethods();

const lowerFirst = (text: string): string => text.slice(0, 1).toLowerCase() + text.slice(1);

const nameOf = (command: Command): string => String([command.command].flat()[0]).split(' ')[0]!;

/** The options and positionals that a command declares, by name, and whether each may be repeated. */
function optionsOf(command: Command | undefined): { name: string; array: boolean }[] {
  if (command === undefined) return [];
  const scratch = yargs();
  if (typeof command.builder === 'function') command.builder(scratch);
  else if (command.builder !== undefined) scratch.options(command.builder as Record<string, Options>);
  // Not in the published types, and the only way to ask what a builder has declared.
  const { key, array } = (
    scratch as unknown as { getOptions(): { key: Record<string, boolean>; array: string[] } }
  ).getOptions();
  const positionals = [command?.command ?? []].flat().join(' ');
  return Object.keys(key)
    .filter((name) => name.length > 1)
    .map((name) => ({ name, array: array.includes(name) || positionals.includes(`${name}..`) }));
}

/** What to try instead of an unknown command or option. */
function usageHint(message: string, commands: readonly Command[], args: readonly string[]): string {
  const names = commands.map(nameOf);
  const command = commands.find((each) => nameOf(each) === args.find((arg) => !arg.startsWith('-')));
  const unknown = /^Unknown (?:argument|command)s?: (.*)$/.exec(message)?.[1]?.split(', ')[0];
  if (unknown === undefined) return `microvisor ${command === undefined ? '' : `${nameOf(command)} `}--help`;
  if (command === undefined) return suggest(unknown, names, 'commands');
  const positionals = [command.command].flat().join(' ');
  const options = optionsOf(command)
    .map((option) => option.name)
    .filter((name) => !new RegExp(`[<[]${name}\\b`).test(positionals));
  const suggestions = suggest(
    `--${unknown}`,
    options.map((name) => `--${name}`),
    'options',
  );
  return `${suggestions} (microvisor ${nameOf(command)} --help says more)`;
}
