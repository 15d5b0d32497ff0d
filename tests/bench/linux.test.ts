import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { bootTask, programInitrd, programTask } from '../../tools/bench/linux.ts';
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
