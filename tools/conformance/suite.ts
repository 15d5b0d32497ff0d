// `npm run conformance -- PATH…`: runs RV64 test programs on bare machines, one after another, and prints what became of each.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BareMachine } from '../bare/bare-machine.ts';
import { exitCodes } from '../cli/exit-codes.ts';
import { looksLikeElf, readElf } from '../image/elf.ts';
import { fileError, Refusal } from '../refusal.ts';

const usage = `usage: npm run conformance -- [options] PATH…

Runs every RV64 ELF that is named, or lies in a folder that is named. A program passes when it reports success to HTIF or
to the test finisher. One that comes to rest instead passes if its console showed no line that --refuse matches.

  --filter REGEX   only programs whose path matches
  --skip REGEX     not these; they are counted as skipped
  --limit N        instructions that a program may take, in millions (100)
  --harts N        harts of each machine (1)
  --refuse REGEX   console lines that tell of a failure (FAIL|ERROR|PANIC)
  --console        show what programs print
`;

type Verdict = 'passed' | 'failed' | 'skipped';

interface Result {
  path: string;
  verdict: Verdict;
  /** Why it failed or was skipped. */
  reason: string;
  instructions: number;
}

interface Options {
  filter: RegExp | undefined;
  skip: RegExp | undefined;
  refuse: RegExp;
  limit: number;
  harts: number;
  console: boolean;
}

/** Programs in the order of their names. Files that are not ELF are left out unless they were named. */
function programsIn(path: string, named = true): string[] {
  try {
    if (statSync(path).isDirectory()) {
      return readdirSync(path)
        .sort()
        .flatMap((name) => programsIn(join(path, name), false));
    }
    return named || looksLikeElf(readFileSync(path)) ? [path] : [];
  } catch (error) {
    throw fileError(error, 'read', path);
  }
}

function run(path: string, options: Options): Result {
  const skipped = (reason: string): Result => ({ path, verdict: 'skipped', reason, instructions: 0 });
  if (options.skip?.test(path)) return skipped('--skip names it');
  const elf = readElf(readFileSync(path));
  if (!elf.ok) return skipped(`${elf.error.place}: ${elf.error.message}`);

  let outcome: string | undefined;
  const output: Uint8Array[] = [];
  const bare: BareMachine = new BareMachine({
    harts: options.harts,
    ramSize: 256 << 20,
    disks: [],
    seed: 0,
    builtInFirmware: false,
    onConsole: (bytes) => {
      output.push(bytes.slice());
      if (options.console) process.stdout.write(bytes);
    },
    onOutcome: (ended) => {
      outcome ??= ended.kind === 'fail' ? `it reported code ${ended.code}` : ended.kind;
      bare.machine.stop();
    },
  });
  const { machine } = bare;
  const ended = (reason: string): Result => ({
    path,
    verdict: reason === '' ? 'passed' : 'failed',
    reason,
    instructions: machine.harts.reduce((sum, hart) => sum + machine.instructionsOf(hart), 0),
  });
  try {
    bare.loadProgram(path);
  } catch (error) {
    if (error instanceof Refusal) return skipped(error.message);
    throw error;
  }
  const stopped = machine.run(options.limit * 1e6);
  const complaint = Buffer.concat(output)
    .toString('latin1')
    .split('\n')
    .find((line) => options.refuse.test(line));
  if (complaint !== undefined) return ended(`its console shows: ${printable(complaint)}`);
  if (outcome !== undefined) return ended(outcome === 'pass' ? '' : outcome);
  return ended(stopped === 'idle' ? '' : `no outcome within ${options.limit} million instructions`);
}

const printable = (line: string): string =>
  line
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what this takes out
    .replace(/\x1b\[[0-9;]*m/g, '')
    .replace(/\s+/g, ' ')
    .trim();

function parseOptions(args: string[]): { options: Options; paths: string[] } {
  const text = { type: 'string' } as const;
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { filter: text, skip: text, refuse: text, limit: text, harts: text, console: { type: 'boolean' } },
  });
  const pattern = (source: string | undefined): RegExp | undefined =>
    source === undefined ? undefined : new RegExp(source);
  const count = (source: string | undefined, otherwise: number, max: number): number => {
    const value = source === undefined ? otherwise : Number(source);
    if (!Number.isInteger(value) || value < 1 || value > max) throw new TypeError(`${source} is not from 1 to ${max}`);
    return value;
  };
  if (positionals.length === 0) throw new TypeError('nothing to run');
  return {
    paths: positionals,
    options: {
      filter: pattern(values.filter),
      skip: pattern(values.skip),
      refuse: pattern(values.refuse) ?? /FAIL|ERROR|PANIC/,
      limit: count(values.limit, 100, 1e6),
      harts: count(values.harts, 1, 8),
      console: values.console === true,
    },
  };
}

function main(args: string[]): number {
  let parsed: ReturnType<typeof parseOptions>;
  try {
    parsed = parseOptions(args);
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof SyntaxError)) throw error;
    process.stderr.write(`${error.message}\n\n${usage}`);
    return exitCodes.usage.code;
  }
  const { options, paths } = parsed;
  const counts: Record<Verdict, number> = { passed: 0, failed: 0, skipped: 0 };
  try {
    for (const path of paths.flatMap((path) => programsIn(path))) {
      if (options.filter !== undefined && !options.filter.test(path)) continue;
      const result = run(path, options);
      counts[result.verdict]++;
      const instructions = String(result.instructions).padStart(11);
      process.stdout.write(
        `${result.verdict.padEnd(8)}${instructions}  ${path}${result.reason && `: ${result.reason}`}\n`,
      );
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    process.stderr.write(`${error.message}\n`);
    return exitCodes[error.kind].code;
  }
  process.stdout.write(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
  if (counts.passed + counts.failed === 0) return exitCodes.failed.code;
  return counts.failed === 0 ? exitCodes.success.code : exitCodes.failed.code;
}

process.exitCode = main(process.argv.slice(2));
