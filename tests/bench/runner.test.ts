import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { LinuxTask } from '../../tools/bench/linux.ts';
import type { TimedRun } from '../../tools/bench/process-time.ts';
import { complaintOf, interruption, measuredTime, qemuRunner, type Task } from '../../tools/bench/runner.ts';

/** Puts a shell script in QEMU's place. */
function standIn(script: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'microvisor-test-'));
  writeFileSync(join(folder, 'qemu-system-riscv64'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  vi.stubEnv('PATH', `${folder}${delimiter}${process.env['PATH']}`);
  onTestFinished(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });
}

const program: Task = { kind: 'program', name: 'program', elf: 'program.elf' };
const boot: LinuxTask = {
  kind: 'linux',
  kernel: 'Image',
  initrd: 'initrd',
  firmware: 'firmware.bin',
  manifest: undefined,
  from: undefined,
  to: /microvisor:~# /,
};
const inLinux: LinuxTask = { ...boot, from: /begins/, to: /ended with (\d+)\s/ };
const forever = 'exec sleep 1000';
const limitMs = 60_000;

describe.skipIf(process.platform === 'win32')('a rival', () => {
  test.each<[string, Task]>([
    ['a program', program],
    ['a boot', boot],
  ])('that hangs in %s is given up when the time is over', async (_what, task) => {
    standIn(forever);
    await expect(qemuRunner(200)(task)).rejects.toMatchObject({ kind: 'timeout' });
  });

  test('that fails, or leaves before the prompt, is no measurement', async () => {
    standIn('echo Kernel panic; exit 1');
    await expect(qemuRunner(limitMs)(program)).rejects.toMatchObject({ kind: 'failed' });
    await expect(qemuRunner(limitMs)(boot)).rejects.toMatchObject({
      kind: 'failed',
      hint: expect.stringContaining('Kernel panic'),
    });
  });

  test('is measured up to the prompt, or between the lines around a program', async () => {
    standIn(`echo Linux; printf 'microvisor:~# '; ${forever}`);
    const { time } = await qemuRunner(limitMs)(boot);
    expect(time.wallMs).toBeGreaterThan(0);
    standIn(`echo begins; echo ended with 0; ${forever}`);
    await expect(qemuRunner(limitMs)(inLinux)).resolves.toMatchObject({ instructions: null });
    standIn(`echo begins; echo ended with 3; ${forever}`);
    await expect(qemuRunner(limitMs)(inLinux)).rejects.toMatchObject({
      kind: 'failed',
      message: 'the program ended with 3 on qemu',
    });
  });
});

const run: TimedRun = {
  ending: 'exit',
  status: 0,
  time: { wallMs: 1, cpuMs: 1 },
  marks: [],
  output: 'lines\r\n\u001b[31mof a console\r\n',
  errors: '',
};

test('a run of Linux is refused with the end of its console, without control sequences', () => {
  expect(complaintOf('qemu', run, 1000)?.hint).toMatch(/: lines \/ of a console$/);
});

test.each([
  ['limit', 'timeout'],
  ['interrupted', 'interrupted'],
  ['missing', 'unavailable'],
  ['exit', undefined],
  ['marks', undefined],
] as const)('the ending %s of a process is the refusal %s', (ending, kind) => {
  expect(interruption('qemu', 'program.elf', { ending, errors: '' }, 1000)?.kind).toBe(kind);
});

test('what is measured lies between the marks; without the first, it begins with the process', () => {
  const mark = (wallMs: number, cpuMs: number | undefined) => ({
    time: { wallMs, cpuMs },
    match: /x/.exec('x')!,
  });
  expect(measuredTime({ marks: [mark(30, 20)] })).toEqual({ wallMs: 30, cpuMs: 20 });
  expect(measuredTime({ marks: [mark(30, 20), mark(100, 70)] })).toEqual({ wallMs: 70, cpuMs: 50 });
  expect(measuredTime({ marks: [mark(30, undefined), mark(100, undefined)] })).toEqual({
    wallMs: 70,
    cpuMs: undefined,
  });
});
