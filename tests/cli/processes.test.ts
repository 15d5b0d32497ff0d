// The command as a process of its own: exit codes, pipes, interrupts. It is the built one.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { assemble } from '../../hw/isa/assemble.ts';
import { exitCodes } from '../../tools/cli/exit-codes.ts';
import { writeElf } from '../../tools/image/elf-writer.ts';

const root = resolve(import.meta.dirname, '../..');
const example = join(root, 'examples/first-light.yaml');
const twoWindows = join(root, 'examples/two-windows.yaml');
const busyProof = ['prove-isolation', twoWindows, '--from', 'noisy', '--to', 'quiet', '--adversary', '--for', '10s'];
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'microvisor-cli-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Ended {
  code: number | null;
  out: string;
  err: string;
}

function start(
  args: readonly string[],
  onOutput: (child: ChildProcess, out: string) => void = () => {},
): Promise<Ended> {
  const child = spawn(process.execPath, [join(root, 'dist/tools/cli/main.js'), ...args], {
    cwd: root,
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended: Ended = { code: null, out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    ended.out += chunk.toString();
    onOutput(child, ended.out);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    ended.err += chunk.toString();
  });
  return new Promise((done) =>
    child.on('close', (code) => {
      done({ ...ended, code });
    }),
  );
}

/** Prints a line and then counts without end. */
function endless(): string {
  const path = join(folder, 'endless.elf');
  const source = `
_start:
    li t0, 0x10000000
    li t1, 'x'
    sb t1, 0(t0)
    li t1, 10
    sb t1, 0(t0)
1:  addi t2, t2, 1
    j 1b
`;
  const { bytes, symbols } = assemble(source, { origin: 0x8000_0000 });
  const segments = [{ address: 0x8000_0000n, bytes, access: 'rwx' }];
  writeFileSync(path, writeElf({ segments, entry: 0x8000_0000n, symbols }));
  return path;
}

describe('microvisor run', () => {
  test('boots the example, writes its report, and saves a system that goes on in another process', async () => {
    const [report, again, saved] = ['report.json', 'again.json', 'saved'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    const { code, out, err } = await start(['run', example, '--batch', '--for', '3ms', '--report', report]);
    expect(err).toMatch(/microvisor: ok: .* of virtual time/);
    expect(code).toBe(0);
    expect(out).toContain('[store] key-value store');
    expect(out).toContain('machine code and TypeScript have met\n');
    const first = await start(['run', example, '--batch', '--for', '300us', '--save', saved, '--quiet']);
    expect(first).toMatchObject({ code: 0, err: '' });
    const second = await start(['run', example, '--batch', '--for', '2700us', '--load', saved, '--report', again]);
    expect(second.code).toBe(0);
    const [whole, rest] = [report, again].map((path) => JSON.parse(readFileSync(path, 'utf8')));
    expect(whole).toMatchObject({ schema: 1, outcome: 'ok', seed: 42 });
    expect(rest).toMatchObject({ traceHash: whole.traceHash, virtualTimeNs: whole.virtualTimeNs });
  });

  test('ends with the report and code 130 on Ctrl-C', async () => {
    const path = join(folder, 'endless.yaml');
    writeFileSync(path, 'schema: 1\nsystem: { name: x }\ncells:\n  a: { kind: native, program: loop, priority: 1 }\n');
    writeFileSync(join(folder, 'loop.s'), '_start:\n    li a0, 10\n    li a7, -12\n    ecall\n1:  j 1b\n');
    const { code, err } = await start(['run', path, '--batch'], (child) => void (child.killed || child.kill('SIGINT')));
    expect(err).toMatch(/microvisor: interrupted: .* of virtual time/);
    expect(code).toBe(exitCodes.interrupted.code);
  });

  test('leaves when nobody reads its output any more', async () => {
    const { code } = await start(['run', example, '--batch', '--for', '10s'], (child) => child.stdout!.destroy());
    expect([exitCodes.brokenPipe.code, exitCodes.success.code]).toContain(code);
  });

  test.skipIf(!existsSync('/dev/full'))('says in one line that its output cannot be written', async () => {
    const full = openSync('/dev/full', 'w');
    const child = spawn(
      process.execPath,
      [join(root, 'dist/tools/cli/main.js'), 'run', example, '--batch', '--for', '20ms', '--quiet'],
      { cwd: root, stdio: ['ignore', full, 'pipe'] },
    );
    closeSync(full);
    let err = '';
    child.stderr!.on('data', (chunk: Buffer) => {
      err += chunk.toString();
    });
    const code = await new Promise((done) => child.on('close', done));
    expect({ code, err }).toEqual({
      code: exitCodes.file.code,
      err: 'microvisor: cannot write standard output: the disk is full\n',
    });
  });

  test('shows a server that does not load as check does', async () => {
    const path = join(folder, 'bad.yaml');
    writeFileSync(path, 'schema: 1\nsystem: { name: x }\ncells:\n  a: { kind: native, program: bad, priority: 1 }\n');
    writeFileSync(join(folder, 'bad.ts'), '');
    const [checked, ran] = [await start(['check', path]), await start(['run', path, '--batch', '--quiet'])];
    expect(checked.err).toMatch(/bad\.ts:1:1: error\[no-server\]: /);
    expect(ran).toEqual(checked);
    expect(ran.code).toBe(exitCodes.refused.code);
  });

  test('says before it begins that a file cannot be written', async () => {
    const path = join(folder, 'none', 'report.json');
    const { code, out, err } = await start(['run', example, '--batch', '--report', path]);
    expect({ code, out }).toEqual({ code: exitCodes.file.code, out: '' });
    expect(err).toContain(`cannot write ${path}: there is no such file`);
  });
});

describe('microvisor bare', () => {
  test('ends with code 130 on Ctrl-C, and says what was done', async () => {
    const trace = join(folder, 'trace');
    const { code, out, err } = await start(
      ['bare', endless(), '--trace', trace, '--trace-detail', 'traps'],
      (child) => void child.kill('SIGINT'),
    );
    expect(out).toBe('x\n');
    expect(err).toMatch(/microvisor: interrupted; .* instructions/);
    expect(code).toBe(exitCodes.interrupted.code);
    expect(existsSync(trace)).toBe(true);
  });
});

describe('microvisor boot', () => {
  test('passes standard input on to the UART, and waits for it while the task listens', async () => {
    const task = join(root, 'tests/root-task/uart-echo.s');
    const child = spawn(process.execPath, [join(root, 'dist/tools/cli/main.js'), 'boot', task, '--ram', '16M', '-q'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      if (out === 'first') child.stdin.end(', then more than the FIFO holds at once: q');
    });
    child.stdin.write('first');
    const code = await new Promise((done) => child.on('close', done));
    expect({ code, out }).toEqual({ code: 0, out: 'first, then more than the FIFO holds at once: q' });
  });
});

test('what a proof or a benchmark writes for itself is gone after Ctrl-C, however busy the process was', async () => {
  const own = mkdtempSync(join(folder, 'temporary-'));
  const child = spawn(process.execPath, [join(root, 'dist/tools/cli/main.js'), ...busyProof], {
    env: { ...process.env, TMPDIR: own },
    stdio: 'ignore',
  });
  await vi.waitFor(() => expect(readdirSync(own)).toHaveLength(1), { timeout: 20_000 });
  child.kill('SIGINT');
  await new Promise((done) => child.on('close', done));
  await vi.waitFor(() => expect(readdirSync(own)).toEqual([]), { timeout: 20_000 });
});

test('a folder for temporary files that cannot be written is an error of that folder', () => {
  const nowhere = join(folder, 'nowhere');
  for (const args of [busyProof, ['bench', 'cpu', 'integer', '--rounds', '1']]) {
    const { status, stderr } = spawnSync(process.execPath, [join(root, 'dist/tools/cli/main.js'), ...args], {
      env: { ...process.env, TMPDIR: nowhere, NO_COLOR: '1' },
      encoding: 'utf8',
    });
    expect(stderr.replace(/\s+/g, ' ')).toContain(`cannot make a folder in ${nowhere}`);
    expect(status).toBe(exitCodes.file.code);
  }
});

test('microvisor grind tells on Ctrl-C what it has done so far', async () => {
  const { code, out, err } = await start(
    ['grind', '--calls', '100000000', '--seed', '7', '--sweep', '1000'],
    (child) => void (child.killed || child.kill('SIGINT')),
  );
  expect(out).toMatch(/^profile domains, seed 7\n/);
  expect(out).toMatch(/\n {2}TCBSuspend +success \d+\n/);
  expect(out).not.toMatch(/ 0[,\n]/);
  expect(out).toMatch(/\n\d+ calls in \d+ rounds, /);
  expect(err).toMatch(/interrupted after \d+ of 100000000 calls/);
  expect(code).toBe(exitCodes.interrupted.code);
});
