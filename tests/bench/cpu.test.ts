import { describe, expect, test, vi } from 'vitest';
import { benchCpu, type Engines } from '../../tools/bench/cpu.ts';
import { longRun } from '../../tools/bench/programs.ts';
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
  (elf) => {
    const rounds = Number(/-(\d+)\.elf$/.exec(elf)![1]);
    const ms = 100 + rounds * msPerRound;
    return { time: { wallMs: ms, cpuMs: ms }, instructions: 1000 * rounds };
  };
const engines: Engines = { microvisor: engine(2), rival: { name: 'qemu', version: '7', run: engine(0.5) } };
const measure = (given: Engines, programs: string[]) => benchCpu(given, { programs, rounds: 3, onProgress: () => {} });

describe('a comparison', () => {
  test('takes turns, and tells warm rounds from whole runs', () => {
    const order: string[] = [];
    const noting = (name: string, run: Runner): Runner => {
      return (elf) => {
        order.push(name);
        return run(elf);
      };
    };
    const report = measure(
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

  test('gives one plain object for JSON', () => {
    const report = measure(engines, ['copy', 'float']);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
    expect(report).toMatchObject({
      version: 1,
      rival: { name: 'qemu', version: '7' },
      host: { cpu: expect.any(String), cpus: expect.any(Number), platform: expect.any(String) },
      rounds: 3,
      clock: expect.stringMatching(/^(cpu|wall)$/),
      programs: [{ program: 'copy' }, { program: 'float' }],
    });
  });

  test('runs every program when none is named', () => {
    expect(measure(engines, []).programs.map(({ program }) => program)).toContain('syscalls');
  });

  test('prints a table as wide in every line, with and without a rival', () => {
    for (const given of [engines, { ...engines, rival: undefined }]) {
      const lines = benchTable(measure(given, ['integer', 'calls']))
        .split('\n')
        .filter((line) => line.startsWith('|'));
      expect(lines).toHaveLength(4);
      expect(new Set(lines.map((line) => line.length)).size).toBe(1);
    }
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

  test('passes on that a program failed', () => {
    const failing: Runner = () => {
      throw new Refusal('failed', 'the program failed');
    };
    expect(() => measure({ microvisor: failing, rival: undefined }, ['integer'])).toThrow(Refusal);
  });
});
