import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { bootTask, programInitrd, programTask } from '../../tools/bench/linux.ts';
import { timeMarks } from '../../tools/bench/mark-time.ts';
import { complaintOf, measuredTime } from '../../tools/bench/runner.ts';
import type { DebianFiles } from '../../tools/debian/files.ts';
import { readCpio, writeCpio } from '../../tools/image/cpio.ts';
import { writeElf } from '../../tools/image/elf-writer.ts';
import { loadManifest } from '../../tools/manifest/load.ts';
import { Refusal } from '../../tools/refusal.ts';

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'microvisor-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const first = writeCpio([{ kind: 'file', path: 'etc/profile', mode: 0o644, bytes: bytesOf('cd\n') }]);

function debianIn(folder: string): DebianFiles {
  const [kernel, initrd, busybox, firmware] = ['Image', 'initrd', 'busybox', 'firmware'].map((name) =>
    join(folder, name),
  ) as [string, string, string, string];
  writeFileSync(initrd, first);
  // What an Image begins with: Documentation/arch/riscv/boot-image-header.rst of Linux.
  const image = new Uint8Array(4096);
  const view = new DataView(image.buffer);
  view.setBigUint64(8, 0x200000n, true);
  view.setBigUint64(16, 4096n, true);
  view.setUint32(32, 2, true);
  image.set(bytesOf('RISCV\0\0\0RSC\x05'), 48);
  writeFileSync(kernel, image);
  return {
    kernel,
    initrd,
    busybox,
    firmware: { dynamic: firmware, jump: firmware, dynamicElf: firmware },
    record: { format: 1, suite: 'none', packages: [], files: {} },
  };
}

const staticElf = (): Uint8Array =>
  writeElf({ segments: [{ address: 0x10000n, bytes: new Uint8Array(8) }], entry: 0x10000n });

describe('Linux as a benchmark', () => {
  test('puts a program and the profile that runs it into an archive behind the first', () => {
    const program = staticElf();
    const both = programInitrd(first, program);
    expect(both.subarray(0, first.length)).toEqual(first);
    const second = readCpio(both.subarray(first.length));
    if (!second.ok) throw new Error(second.error.message);
    const [profile, file] = second.value as { path: string; mode: number; bytes: Uint8Array }[];
    expect([profile!.path, file!.path, file!.mode]).toEqual(['etc/profile', 'root/program', 0o755]);
    expect(file!.bytes).toEqual(program);
    expect(new TextDecoder().decode(profile!.bytes)).toContain('/root/program');
  });

  test('has marks that its profile prints, and that the script itself does not contain', () => {
    const folder = scratch();
    const elf = join(folder, 'program.elf');
    writeFileSync(elf, staticElf());
    const { from, to, initrd } = programTask(debianIn(folder), elf, 'program', folder);
    expect(from!.test('bench: the program begins\r\n')).toBe(true);
    expect(to.exec('bench: the program ended with 0\r\n')![1]).toBe('0');
    expect(to.test('bench: the program ended with 1')).toBe(false);
    expect(to.test(readFileSync(initrd, 'latin1'))).toBe(false);
  });

  test('boots in a cell by a manifest without a mistake, and on the bare machine without one', () => {
    const folder = scratch();
    const debian = debianIn(folder);
    expect(bootTask(debian, 'machine', folder)).toMatchObject({
      manifest: undefined,
      from: undefined,
      initrd: debian.initrd,
    });
    const { manifest } = bootTask(debian, 'cell', folder);
    expect(loadManifest(manifest!)).toMatchObject({ ok: true });
  });

  test.each([
    ['no ELF', bytesOf('#!/bin/sh\n'), 'refused'],
    ['cut off', staticElf().subarray(0, 40), 'refused'],
  ])('refuses a program that is %s', (_what, bytes, kind) => {
    const folder = scratch();
    const path = join(folder, 'program');
    writeFileSync(path, bytes);
    expect(refusalOf(() => programTask(debianIn(folder), path, 'program', folder)).kind).toBe(kind);
  });

  test('refuses a program that is not there', () => {
    const folder = scratch();
    const path = join(folder, 'nothing');
    expect(refusalOf(() => programTask(debianIn(folder), path, 'program', folder)).kind).toBe('file');
  });
});

function refusalOf(action: () => unknown): Refusal {
  try {
    action();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

const script = (text: string): readonly [string, string[]] => [process.execPath, ['-e', text]];
const forever = 'setInterval(() => {}, 1000);';
const ample = 60_000;

describe('a run up to marks', () => {
  test('takes the times of the marks in order, and does not wait for the end', async () => {
    const run = await timeMarks(
      ...script(
        `process.stdout.write('end be'); setTimeout(() => process.stdout.write('gin, end 0\\n'), 10); ${forever}`,
      ),
      [/begin/, /end (\d)\n/],
      ample,
    );
    expect(run).toMatchObject({ ending: 'marks', tail: 'end begin, end 0\n' });
    expect(run.matches.map(([text]) => text)).toEqual(['begin', 'end 0\n']);
    expect(run.times[1]!.wallMs).toBeGreaterThanOrEqual(run.times[0]!.wallMs);
    expect(measuredTime(run).wallMs).toBe(run.times[1]!.wallMs - run.times[0]!.wallMs);
  });

  test('with one mark counts from the start of the process', async () => {
    const run = await timeMarks(...script(`console.log('prompt'); ${forever}`), [/prompt/], ample);
    expect(measuredTime(run)).toEqual(run.times[0]);
    expect(run.times[0]!.wallMs).toBeGreaterThan(0);
  });

  test('kills a process that hangs when the time is up', async () => {
    const run = await timeMarks(...script(forever), [/prompt/], 200);
    expect(run.ending).toBe('limit');
    expect(complaintOf('qemu', run, 200)).toMatchObject({ kind: 'timeout' });
  });

  test('tells a process that ends early from one that does not exist', async () => {
    const early = await timeMarks(...script(`console.error('out of memory')`), [/prompt/], ample);
    expect(early).toMatchObject({ ending: 'exit', tail: 'out of memory\n' });
    expect(complaintOf('qemu', early, ample)).toMatchObject({
      kind: 'failed',
      hint: expect.stringContaining('out of memory'),
    });
    const missing = await timeMarks('/no/such/emulator', [], [/prompt/], ample);
    expect(complaintOf('qemu', missing, ample)?.kind).toBe('unavailable');
  });

  test('survives a flood of output before its mark', async () => {
    const flood = `const line = 'x'.repeat(1000); for (let i = 0; i < 2000; i++) console.log(line); console.log('prompt'); ${forever}`;
    const run = await timeMarks(...script(flood), [/prompt/], ample);
    expect(run.ending).toBe('marks');
    expect(run.tail.length).toBeLessThan(100_000);
  });
});

describe('a run of Linux', () => {
  const ended = /ended (\d+)/;
  const run = { ending: 'marks', times: [], tail: 'lines\r\n\u001b[31mof a console\r\n' } as const;

  test.each([
    ['counts if the program ended well', 'ended 0', undefined],
    ['is refused if the program failed', 'ended 3', 'failed'],
  ])('%s', (_what, text, kind) => {
    const complaint = complaintOf('qemu', { ...run, times: [], matches: [ended.exec(text)!] }, 1000);
    expect(complaint?.kind).toBe(kind);
    if (complaint) expect(complaint.message).toContain('3');
  });

  test('is refused with the end of its console, without control sequences', () => {
    const complaint = complaintOf('qemu', { ...run, ending: 'exit', times: [], matches: [] }, 1000);
    expect(complaint?.hint).toMatch(/lines \/ of a console$/);
  });
});
