// `microvisor bench cpu` with Linux: the boots, and a static program in a VM cell.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { assemble } from '../../hw/isa/assemble.ts';
import type { CpuBenchReport } from '../../tools/bench/cpu.ts';
import { writeElf } from '../../tools/image/elf-writer.ts';
import { isThere, root } from './cache.ts';

function bench(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const command = [join(root, 'dist/tools/cli/main.js'), 'bench', 'cpu', '--rounds', '1', '--json', ...args];
  return new Promise((done) => {
    execFile(process.execPath, command, (error, out, err) => done({ code: Number(error?.code ?? 0), out, err }));
  });
}

/** A Linux program that computes for longer than the marks around it take, and exits with a status: system call 93 of riscv64. */
function exiting(status: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'microvisor-bench-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  // Linux maps pages of the file: the address is as far into its page as the code into the file.
  const origin = 0x10080n;
  const source = `_start: li t0, 500000000\n1: xor t1, t1, t0\naddi t0, t0, -1\nbnez t0, 1b\nli a0, ${status}\nli a7, 93\necall\n`;
  const { bytes } = assemble(source, { origin, file: 'exit.s' });
  const path = join(folder, 'program');
  writeFileSync(path, writeElf({ segments: [{ address: origin, bytes }], entry: origin }));
  return path;
}

describe.skipIf(!isThere)('a benchmark of Linux', () => {
  test('measures the boot on the bare machine and in a VM cell', async () => {
    const { code, out, err } = await bench('linux', 'linux-cell');
    expect(err).toBe('');
    expect(code).toBe(0);
    const { programs } = JSON.parse(out) as CpuBenchReport;
    expect(programs.map(({ program, where }) => [program, where])).toEqual([
      ['linux', 'machine'],
      ['linux-cell', 'cell'],
    ]);
    for (const { microvisor } of programs) {
      expect(microvisor.whole.median).toBeGreaterThan(0);
      expect(microvisor.elapsed.median).toBeGreaterThan(0);
    }
  });

  test('measures a program without the boot before it', async () => {
    const { code, out } = await bench('--linux', exiting(0));
    expect(code).toBe(0);
    const [program] = (JSON.parse(out) as CpuBenchReport).programs;
    expect(program).toMatchObject({ where: 'cell', instructions: { whole: null }, ratio: null });
    expect(program!.microvisor.whole.median).toBeGreaterThan(0);
  });

  test('is none if the program fails', async () => {
    const { code, err } = await bench('--linux', exiting(3));
    expect(code).toBe(1);
    expect(err).toContain('the program ended with 3');
  });
});
