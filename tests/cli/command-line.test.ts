import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Command, runCommandLine } from '../../tools/cli/command-line.ts';
import { commands } from '../../tools/cli/commands.ts';
import { exitCodes } from '../../tools/cli/exit-codes.ts';
import { styleFor, table, wantsColor, wrap } from '../../tools/cli/output.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'microvisor-test-'));
  vi.stubEnv('NO_COLOR', '1');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  vi.unstubAllEnvs();
});

/** Runs a command line; the commands' own output goes through process.stdout and process.stderr as in life. */
async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return runWith(commands, ...args);
}

async function runWith(
  list: readonly Command[],
  ...args: string[]
): Promise<{ code: number; out: string; err: string }> {
  const text = { out: '', err: '' };
  const sinks = (['stdout', 'stderr'] as const).map((stream) =>
    vi.spyOn(process[stream], 'write').mockImplementation((chunk) => {
      text[stream === 'stdout' ? 'out' : 'err'] += String(chunk);
      return true;
    }),
  );
  try {
    return { code: await runCommandLine(list, args), ...text };
  } finally {
    for (const sink of sinks) sink.mockRestore();
  }
}

const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const manifest = 'schema: 1\nsystem: { name: demo }\ncells:\n  a: { kind: native, program: hello, priority: 1 }\n';

describe('a command line', () => {
  test('without a command, or with an unknown one, is a usage error with a suggestion', async () => {
    expect(await run()).toMatchObject({ code: exitCodes.usage.code, out: '' });
    const result = await run('chek');
    expect(result.code).toBe(exitCodes.usage.code);
    expect(result.err).toContain('unknown command: chek');
    expect(result.err).toContain("did you mean 'check'?");
  });

  test('with an unknown option names the nearest one', async () => {
    const result = await run('check', 'x.yaml', '--jsn');
    expect(result).toMatchObject({ code: exitCodes.usage.code, out: '' });
    expect(result.err).toContain("did you mean '--json'?");
  });

  test('that repeats an option which is no list is refused', async () => {
    const result = await run('asm', 'x.s', '--origin', '1', '--origin', '2');
    expect(result).toMatchObject({ code: exitCodes.usage.code, out: '' });
    expect(result.err).toContain('option --origin is given more than once');
  });

  test('asked for help or its version answers on standard output', async () => {
    const help = await run('--help');
    expect(help).toMatchObject({ code: 0, err: '' });
    for (const command of commands) expect(help.out).toContain(String([command.command].flat()[0]).split(' ')[0]);
    expect((await run('--version')).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test('shows no stack for a mistake of the user, and writes a report for a mistake of ours', async () => {
    expect((await run('check', join(folder, 'none.yaml'))).err).not.toMatch(/\n\s+at /);
    const broken: Command = {
      command: 'break',
      describe: 'fails',
      handler: () => {
        throw new Error('invariant: x');
      },
    };
    const result = await runWith([broken], 'break');
    expect(result.code).toBe(exitCodes.internal.code);
    const path = /with the file (\S+)/.exec(result.err)![1]!;
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({
      command: ['break'],
      error: expect.stringContaining('invariant: x'),
    });
    rmSync(path);
  });
});

describe('check', () => {
  test('of a right manifest prints the plan and ends with 0', async () => {
    file('hello.ts', 'export default {};');
    const result = await run('check', file('m.yaml', manifest));
    expect(result).toMatchObject({ code: 0, err: '' });
    for (const word of ['Cells', 'Memory', 'Harts', 'hello']) expect(result.out).toContain(word);
  });

  test('as JSON is one JSON value, right or wrong', async () => {
    const path = file('m.yaml', manifest);
    const wrong = await run('check', path, '--json');
    expect(wrong.code).toBe(exitCodes.refused.code);
    expect(JSON.parse(wrong.out)).toMatchObject({
      ok: false,
      diagnostics: [{ code: 'unknown-image', place: { line: 4, column: 31 } }],
    });
    file('hello.ts', 'export default {};');
    const right = await run('check', path, '--json');
    expect(right.code).toBe(0);
    expect(JSON.parse(right.out)).toMatchObject({
      ok: true,
      manifest: { system: { name: 'demo' } },
      plan: { threads: [{ tcb: 'a.tcb' }] },
    });
  });

  test('of a wrong manifest marks the column, counts the errors and prints nothing on standard output', async () => {
    const result = await run('check', file('m.yaml', manifest.replace('priority: 1', 'priority: 300')));
    expect(result).toMatchObject({ code: exitCodes.refused.code, out: '' });
    const lines = result.err.split('\n');
    const at = lines.findIndex((line) => line.includes('error[out-of-range]'));
    expect(lines[at + 1]!.indexOf('300')).toBe(lines[at + 2]!.indexOf('^'));
    expect(result.err).toContain('2 errors: nothing was booted or written');
  });

  test('names the --set that is wrong', async () => {
    file('hello.ts', 'export default {};');
    const result = await run(
      'check',
      file('m.yaml', manifest),
      '--set',
      'cells.a.priority=high',
      '--set',
      'machine.harts=2',
    );
    expect(result.code).toBe(exitCodes.refused.code);
    expect(result.err).toContain('--set cells.a.priority=high:1:18: error[wrong-type]');
  });

  test('applies what is set', async () => {
    file('hello.ts', 'export default {};');
    const result = await run(
      'check',
      file('m.yaml', manifest),
      '--set',
      'cells.a.priority=77',
      '--set',
      'system.seed=5',
      '--json',
    );
    expect(JSON.parse(result.out)).toMatchObject({ plan: { system: { seed: 5 }, threads: [{ priority: 77 }] } });
  });

  test('of a file that cannot be read says so', async () => {
    expect(await run('check', join(folder, 'none.yaml'))).toMatchObject({ code: exitCodes.file.code });
    expect(await run('check', folder)).toMatchObject({ code: exitCodes.file.code });
  });
});

describe('asm and disasm', () => {
  test('give back what was written', async () => {
    const source = file('a.s', '_start:\n  addi a0, zero, 7\n  ecall\n');
    expect(await run('asm', source)).toMatchObject({ code: 0, out: expect.stringContaining('8 bytes at 0x80000000') });
    const listing = await run('disasm', join(folder, 'a.elf'));
    expect(listing.code).toBe(0);
    expect(listing.out).toContain('_start:');
    expect(listing.out).toContain('li a0, 7');
    expect(listing.out).toContain('ecall');
  });

  test('name line and column of every mistake and write nothing', async () => {
    const result = await run('asm', file('b.s', '  bogus a0\n  addi a0\n'), '-o', join(folder, 'b.elf'));
    expect(result.code).toBe(exitCodes.refused.code);
    expect(result.err).toMatch(/b\.s:1:3: error/);
    expect(result.err).toMatch(/b\.s:2:\d+: error/);
    expect(() => readFileSync(join(folder, 'b.elf'))).toThrow();
  });

  test('refuse files that are missing or no images', async () => {
    expect((await run('asm', join(folder, 'none.s'))).code).toBe(exitCodes.file.code);
    expect((await run('disasm', file('text', 'text'))).code).toBe(exitCodes.refused.code);
    expect((await run('asm', file('c.s', 'nop\n'), '--origin', 'here')).code).toBe(exitCodes.usage.code);
  });
});

describe('output', () => {
  test('is coloured on a terminal, and not into pipes or under NO_COLOR', () => {
    const terminal = { write: () => true, isTTY: true };
    expect(wantsColor(terminal, {})).toBe(true);
    expect(wantsColor({ write: () => true }, {})).toBe(false);
    expect(wantsColor(terminal, { NO_COLOR: '1', FORCE_COLOR: '1' })).toBe(false);
    expect(wantsColor(terminal, { TERM: 'dumb' })).toBe(false);
    expect(styleFor(false).red('x')).toBe('x');
  });

  test('fits narrow terminals', () => {
    const rows = [['name', 'a rather long explanation that does not fit into one line of a narrow terminal']];
    for (const width of [40, 60, 100])
      for (const line of table(rows, width).split('\n')) expect(line.length).toBeLessThanOrEqual(width);
    expect(wrap('  indented text goes on', 14, '    ')).toBe('  indented\n    text goes\n    on');
  });
});
