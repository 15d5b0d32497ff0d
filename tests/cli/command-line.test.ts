import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Command } from '../../tools/cli/command-line.ts';
import { commands } from '../../tools/cli/commands.ts';
import { exitCodes } from '../../tools/cli/exit-codes.ts';
import { styleFor, table, wantsColor, wrap } from '../../tools/cli/output.ts';
import { run, runWith } from './run-command.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'microvisor-test-'));
  vi.stubEnv('NO_COLOR', '1');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  vi.unstubAllEnvs();
});

const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const serverSource = "import { server } from 'microvisor/sdk';\nexport default server({});\n";
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

  test.each(['run', 'bare', 'boot'])('%s --translator takes off or a number of executions', async (command) => {
    for (const value of ['on', '0', '1.5', '65536', '']) {
      const result = await run(command, 'x', `--translator=${value}`);
      expect(result).toMatchObject({ code: exitCodes.usage.code, out: '' });
      expect(result.err).toContain('--translator');
    }
  });

  test.each([
    [['x.elf', 'y.elf'], 'several ELFs run one after another with --lockstep'],
    [['x.elf', '--lockstep', '--translator', 'off'], '--lockstep compares with the translator: it cannot be off'],
    [['x.elf', '--lockstep', '--save', 'x'], '--lockstep begins anew'],
  ])('bare %j is refused', async (args, message) => {
    const result = await run('bare', ...args);
    expect(result).toMatchObject({ code: exitCodes.usage.code, out: '' });
    expect(result.err).toContain(message);
  });

  test.each([
    ['run', 'x.yaml', '--seed', 'abc'],
    ['run', 'x.yaml', '--seed', '-1'],
    ['run', 'x.yaml', '--seed', '1e999'],
    ['bare', 'x.elf', '--seed', 'abc'],
    ['bare', 'x.elf', '--harts', 'abc'],
    ['bare', 'x.elf', '--harts', '9'],
    ['bench', 'cpu', '--rounds', '0.5'],
  ])('of %s %s with %s %s is a usage error', async (command, subject, option, value) => {
    const result = await run(command, subject, option, value);
    expect(result).toMatchObject({ code: exitCodes.usage.code, out: '' });
    expect(result.err).toContain(`${option}: '${value}' is not a whole number from `);
  });

  test.each([
    [['cpu', '--for', '5s'], '--for goes with bench memory, not with bench cpu'],
    [['memory', '1', '--vs', 'qemu'], '--vs goes with bench cpu and bench ipc, not with bench memory'],
    [['ipc', '--linux'], '--linux goes with bench cpu, not with bench ipc'],
  ])('bench %j is refused', async (args, message) => {
    const result = await run('bench', ...args);
    expect(result).toMatchObject({ code: exitCodes.usage.code, out: '' });
    expect(result.err).toContain(message);
  });

  test.each(['check', 'asm', 'disasm'])('%s --help lists its file as a positional', async (command) => {
    const { out } = await run(command, '--help');
    expect(out).toContain('Positionals:');
    expect(out).not.toMatch(/--(manifest|source|image)\b/);
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
    file('hello.ts', serverSource);
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
    file('hello.ts', serverSource);
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
    file('hello.ts', serverSource);
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
    file('hello.ts', serverSource);
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

  test.each([
    ['an enum', `${serverSource}enum Colour { red }\n`, 'typescript-syntax', 3, 1],
    ['nothing', '', 'no-server', 1, 1],
    ['another default export', 'export default { step() {} };\n', 'no-server', 1, 1],
    ['what is no text', String.fromCharCode(1, 7, 0xfffd, 27, 91, 10), 'syntax', 1, 1],
  ])('looks into servers: %s is refused with its place', async (_name, source, code, line, column) => {
    file('hello.ts', source);
    const path = file('m.yaml', manifest);
    const result = await run('check', path);
    expect(result).toMatchObject({ code: exitCodes.refused.code, out: '' });
    expect(result.err).toMatch(new RegExp(`hello\\.ts:${line}:${column}: error\\[${code}\\]: .*\n`));
    expect(result.err).toContain('hint:');
    expect(result.err).not.toMatch(/[^\P{Cc}\n]/u);
    expect(result.err).toContain('1 error: nothing was booted or written');
    const json = await run('check', path, '--json');
    expect(JSON.parse(json.out)).toMatchObject({
      ok: false,
      diagnostics: [{ code, place: { line, column, path: 'cells.a.program' } }],
    });
  });

  test('lists the mistakes of servers in the order of the lines, a shared one once', async () => {
    file('shared.ts', 'let count = 0;\nexport const x = Date;\n');
    for (const name of ['hello.ts', 'other.ts']) file(name, `import './shared.ts';\n${serverSource}`);
    const two = `${manifest}  b: { kind: native, program: other, priority: 1 }\n`;
    const { err } = await run('check', file('m.yaml', two));
    expect([...err.matchAll(/shared\.ts:(\d+):/g)].map((match) => match[1])).toEqual(['1', '2']);
    expect(err).toContain('  | let count = 0;\n  |     ^\n');
  });

  test('shows at most fifty mistakes', async () => {
    const result = await run('check', file('deep.yaml', '['.repeat(2000)));
    expect(result.code).toBe(exitCodes.refused.code);
    const shown = result.err.split('\n').filter((line) => line.includes('error['));
    expect(new Set(shown).size).toBe(shown.length);
    expect(shown.length).toBeLessThanOrEqual(50);
    const letters = Array.from({ length: 60 }, (_, index) => `x${index}: 1\n`).join('');
    expect((await run('check', file('many.yaml', manifest + letters))).err).toMatch(/\nand 1\d more\n/);
  });

  test('of a file that cannot be read says so', async () => {
    const device = await run('check', '/dev/zero');
    expect(device.code).toBe(exitCodes.file.code);
    expect(device.err).toContain('it is not a file');
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

  test('refuse a source that is too large, and a device', async () => {
    const large = file('large.s', '');
    truncateSync(large, 2 ** 30);
    const result = await run('asm', large);
    expect(result.code).toBe(exitCodes.refused.code);
    expect(result.err).toContain('a source has at most 67108864');
    expect((await run('asm', '/dev/zero')).err).toContain('it is not a file');
  });

  test('refuse files that are missing or no images', async () => {
    expect((await run('asm', join(folder, 'none.s'))).code).toBe(exitCodes.file.code);
    expect((await run('disasm', file('text', 'text'))).code).toBe(exitCodes.refused.code);
    expect((await run('asm', file('c.s', 'nop\n'), '--origin', 'here')).code).toBe(exitCodes.usage.code);
  });
});

describe('bare', () => {
  test.each([
    ['0x5555', 0],
    ['0x2a3333', 42],
  ])('passes on what its guest writes to the test finisher: %s', async (value, code) => {
    const elf = join(folder, 'end.elf');
    const source = file('end.s', `li t0, 0x100000\nli t1, ${value}\nsw t1, 0(t0)\n1: j 1b\n`);
    expect((await run('asm', source, '-o', elf)).code).toBe(0);
    expect((await run('bare', elf, '-q')).code).toBe(code);
  });

  test.each([
    ['--kernel', 'Image'],
    ['--initrd', 'initrd'],
    ['--append', 'quiet'],
  ])('with --load takes no %s', async (option, value) => {
    const result = await run('bare', '--load', 'saved', option, value);
    expect(result.code).toBe(exitCodes.usage.code);
    expect(result.err).toContain('leave out the ELF, --kernel, --initrd, --append and --bios');
  });
});

describe('diff', () => {
  const line = '           1 h0 0000000080000000 M   li t0, 0\n';

  test('refuses a file that is no trace', async () => {
    const trace = file('trace', line);
    const result = await run('diff', trace, file('garbage', '\x7fELF\x01\x1b[31m\n'));
    expect(result).toMatchObject({ code: exitCodes.refused.code, out: '' });
    expect(result.err).toContain('garbage is not a trace');
    expect((await run('diff', '/dev/zero', trace)).code).toBe(exitCodes.refused.code);
    expect(await run('diff', trace, trace)).toMatchObject({ code: 0, out: 'the traces are the same\n' });
  });

  test('prints no control characters', async () => {
    const result = await run('diff', file('a', `${line}x\x1b[31m\n`), file('b', `${line}\x9b31m\x07\n`));
    expect(result.code).toBe(exitCodes.failed.code);
    expect(result.out).not.toMatch(/[^\P{Cc}\n]/u);
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
