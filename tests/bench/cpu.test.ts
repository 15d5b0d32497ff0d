import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { benchCpu, type CpuBenchOptions, type Engines, type ProgramResult } from '../../tools/bench/cpu.ts';
import { linuxBoots } from '../../tools/bench/linux.ts';
import { benchElf } from '../../tools/bench/program-elf.ts';
import { benchPrograms, longRun } from '../../tools/bench/programs.ts';
import { benchTable } from '../../tools/bench/report.ts';
import type { Runner } from '../../tools/bench/runner.ts';
import { sampleOf } from '../../tools/bench/statistics.ts';
import { runCommandLine } from '../../tools/cli/command-line.ts';
import { commands } from '../../tools/cli/commands.ts';
import { exitCodes } from '../../tools/cli/exit-codes.ts';
import { Refusal } from '../../tools/refusal.ts';

/** An engine that needs `msPerRound`, after a start of 100 ms. */
const engine =
  (msPerRound: number): Runner =>
  async (task) => {
    if (task.kind === 'linux') return { time: { wallMs: 25 * msPerRound, cpuMs: 50 }, instructions: null };
    const rounds = Number(/-(\d+)\.elf$/.exec(task.elf)![1]);
    const ms = 100 + rounds * msPerRound;
    return { time: { wallMs: ms, cpuMs: ms }, instructions: 1000 * rounds };
  };
const engines: Engines = { microvisor: engine(2), rival: { name: 'qemu', version: '7', run: engine(0.5) } };
const measure = (given: Engines, programs: string[], options: Partial<CpuBenchOptions> = {}) =>
  benchCpu(given, {
    programs,
    linux: false,
    short: undefined,
    translator: undefined,
    rounds: 3,
    onProgress: () => {},
    ...options,
  });

describe('a comparison', () => {
  test('takes turns, and tells warm rounds from whole runs', async () => {
    const order: string[] = [];
    const noting = (name: string, run: Runner): Runner => {
      return (task) => {
        order.push(name);
        return run(task);
      };
    };
    const report = await measure(
      {
        microvisor: noting('ours', engines.microvisor),
        rival: { ...engines.rival!, run: noting('theirs', engines.rival!.run) },
      },
      ['integer'],
    );
    expect(order.join()).toBe(Array(3).fill('ours,ours,theirs,theirs').join());
    const [result] = report.programs;
    const rounds = result!.instructions.steady! / 1000 / (longRun - 1);
    expect(result).toMatchObject({
      program: 'integer',
      instructions: { whole: 1000 * longRun * rounds },
      microvisor: { steady: { median: (longRun - 1) * rounds * 2 }, whole: { median: 100 + longRun * rounds * 2 } },
      ratio: { steady: { median: 0.25, min: 0.25, max: 0.25 } },
    });
    expect(result!.ratio!.whole.median).toBeGreaterThan(0.25);
  });

  test('gives one plain object for JSON', async () => {
    const report = await measure(engines, ['copy', 'float']);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
    expect(report).toMatchObject({
      version: 3,
      rival: { name: 'qemu', version: '7' },
      host: { cpu: expect.any(String), cpus: expect.any(Number), platform: expect.any(String) },
      translator: null,
      rounds: 3,
      clock: expect.stringMatching(/^(cpu|wall)$/),
      programs: [
        { program: 'copy', where: 'machine' },
        { program: 'float', where: 'machine' },
      ],
      skipped: [],
    });
  });

  test('runs every program when none is named, or says why not', async () => {
    const { programs, skipped } = await measure(engines, []);
    const own = [...benchPrograms, ...linuxBoots].map(({ name }) => name);
    expect([...programs, ...skipped].map(({ program }) => program)).toEqual(own);
    for (const { why } of skipped) expect(why).toContain('npm run fetch:debian');
  });

  test('of a program by path is warm beyond the short version that is given', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'microvisor-test-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const [short, long] = [2, 10].map((rounds) => {
      const path = join(folder, `own-${rounds}.elf`);
      writeFileSync(path, benchElf('integer', rounds));
      return path;
    }) as [string, string];
    const { programs } = await measure(engines, [long], { short });
    expect(programs[0]).toMatchObject({
      program: long,
      instructions: { whole: 10_000, steady: 8000 },
      microvisor: { whole: { median: 120 }, steady: { median: 16 } },
      ratio: { steady: { median: 0.25 } },
    });
    const [alone] = (await measure(engines, [long])).programs;
    expect(alone).toMatchObject({
      instructions: { steady: null },
      microvisor: { steady: null },
      ratio: { steady: null },
    });
    await expect(measure(engines, [short], { short: long })).rejects.toThrow(/took no longer/);
  });

  test('prints a table as wide in every line, with and without a rival', async () => {
    for (const given of [engines, { ...engines, rival: undefined }]) {
      const lines = benchTable(await measure(given, ['integer', 'calls']))
        .split('\n')
        .filter((line) => line.startsWith('|'));
      expect(lines).toHaveLength(4);
      expect(new Set(lines.map((line) => line.length)).size).toBe(1);
    }
  });

  test('leaves open in the table what a program does not tell, and names what was skipped', async () => {
    const report = await measure(engines, ['integer']);
    const sample = { median: 2000, min: 1000, max: 3000 };
    const same = { median: 1, min: 1, max: 1 };
    const boot: ProgramResult = {
      program: 'linux',
      where: 'machine',
      instructions: { whole: null, steady: null },
      microvisor: { whole: sample, steady: null, elapsed: { median: 1500, min: 1000, max: 2000 } },
      rival: { whole: sample, steady: null, elapsed: sample },
      ratio: { whole: same, steady: null, elapsed: { median: 1.333, min: 1, max: 1.5 } },
    };
    const text = benchTable({ ...report, programs: [boot], skipped: [{ program: 'linux-cell', why: 'no Debian' }] });
    const cells = text
      .split('\n')
      .find((line) => line.startsWith('| linux'))!
      .split('|')
      .map((cell) => cell.trim());
    expect(cells.slice(1, 7)).toEqual(['linux', '–', '–', '–', '–', '–']);
    expect(cells[7]).toBe('2.00 (1.00–3.00)');
    expect(text).toContain('skipped: linux-cell: no Debian');
    const boots = benchTable({ ...report, clock: 'cpu', programs: [...report.programs, boot] }).split('\n\n')[2]!;
    expect(
      boots
        .trimEnd()
        .split('\n')
        .map((line) => line.replace(/ +/g, ' ')),
    ).toEqual([
      '| boot | by the clock, s | qemu | speed |',
      expect.stringMatching(/^\|[-:|]+\|$/),
      '| linux | 1.50 (1.00–2.00) | 2.00 (1.00–3.00) | 1.333 (1.000–1.500) |',
    ]);
    expect(benchTable({ ...report, clock: 'wall', programs: [boot] })).not.toContain('by the clock');
  });
});

test('a sample has the middle value, or the mean of the two in the middle', () => {
  expect(sampleOf([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
  expect(sampleOf([4, 1, 2, 3])).toEqual({ median: 2.5, min: 1, max: 4 });
  expect(() => sampleOf([])).toThrow(RangeError);
});

describe('microvisor bench', () => {
  async function run(...args: string[]): Promise<{ code: number; err: string }> {
    let err = '';
    const write = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      err += String(text);
      return true;
    });
    try {
      return { code: await runCommandLine(commands, ['bench', ...args]), err };
    } finally {
      write.mockRestore();
    }
  }

  test.each([
    [[], 'usage'],
    [['disk'], 'usage'],
    [['cpu', '--rounds', '0'], 'usage'],
    [['cpu', '--rounds', 'many'], 'usage'],
    [['cpu', '--vs', 'bochs'], 'usage'],
    [['cpu', '--linux'], 'usage'],
    [['cpu', '--short', import.meta.filename], 'usage'],
    [['cpu', 'integer', '--short', import.meta.filename], 'usage'],
    [['cpu', 'linux', '--short', import.meta.filename], 'usage'],
    [['cpu', 'a.elf', 'b.elf', '--short', 'c.elf'], 'usage'],
    [['cpu', '--limit', '5'], 'usage'],
    [['cpu', '--limit', '10ms'], 'usage'],
    [['cpu', '--translator', 'on'], 'usage'],
    [['ipc', '--linux'], 'usage'],
    [['ipc', '--translator', 'off'], 'usage'],
    [['ipc', '--limit', '5s'], 'usage'],
    [['cpu', 'no-such-program'], 'file'],
    [['cpu', import.meta.filename], 'refused'],
  ] as const)('refuses %j', async (args, exit) => {
    const { code, err } = await run(...args);
    expect(code).toBe(exitCodes[exit].code);
    expect(err).not.toMatch(/\n\s+at /);
  });

  test('says how to get QEMU where there is none', async () => {
    vi.stubEnv('PATH', '');
    try {
      const { code, err } = await run('cpu', '--vs', 'qemu');
      expect(code).toBe(exitCodes.unavailable.code);
      expect(err).toContain('hint:');
      expect(err).toContain('qemu-system-riscv64');
    } finally {
      vi.unstubAllEnvs();
    }
  });

  test('passes on that a program failed', async () => {
    const failing: Runner = async () => {
      throw new Refusal('failed', 'the program failed');
    };
    await expect(measure({ microvisor: failing, rival: undefined }, ['integer'])).rejects.toThrow(Refusal);
  });
});
