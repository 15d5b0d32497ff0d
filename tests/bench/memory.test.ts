// `bench memory`: its systems are sound, its processes' failures are told, its tables show what was seen.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { watchProcess } from '../../tools/bench/host-memory.ts';
import { cellsManifest } from '../../tools/bench/memory-cells.ts';
import { soakManifest } from '../../tools/bench/memory-load.ts';
import { type LongSample, memoryTable } from '../../tools/bench/memory-report.ts';
import { loadPrograms } from '../../tools/boot/programs.ts';
import { System, silentEvents } from '../../tools/boot/system.ts';
import { inTemporaryFolder, inTemporaryFolderAsync } from '../../tools/host/temporary-folder.ts';
import { loadManifest } from '../../tools/manifest/load.ts';
import { buildPlan } from '../../tools/plan/build.ts';

function loaded(folder: string, text: string) {
  const path = join(folder, 'system.yaml');
  writeFileSync(path, text);
  const result = loadManifest(path);
  if (!result.ok) throw new Error(result.diagnostics.map(({ message }) => message).join('\n'));
  return result.manifest;
}

describe('the system of the long run', () => {
  it('writes code, calls servers, fails and begins anew, all without Linux', () => {
    inTemporaryFolder('soak', (folder) => {
      const manifest = loaded(folder, soakManifest(folder, undefined));
      const plan = buildPlan(manifest);
      let restarts = 0;
      let text = '';
      const system = new System(manifest, plan, loadPrograms(plan), {
        ...silentEvents,
        output: (_device, bytes) => {
          text += String.fromCharCode(...bytes);
        },
        realmRestarted: () => {
          restarts++;
        },
      });
      system.start();
      system.run(6 * system.machine.clockHz);
      expect(restarts).toBe(1);
      expect(text).toContain('[supervisor] brittle has had an exception: restart 1');
      const { regions } = system.machine.engine.translator!.statistics;
      expect(regions).toBeGreaterThan(100);
    });
  });
});

describe('a system of many cells', () => {
  it('has as many as were asked for, half of them virtual machines if that was asked for, too', () => {
    inTemporaryFolder('cells', (folder) => {
      for (const count of [1, 3, 64]) {
        for (const machines of [false, true]) {
          const { cells } = loaded(folder, cellsManifest(count, { pages: 2, machines }, folder));
          expect(cells.length).toBe(count);
          expect(cells.filter(({ kind }) => kind === 'vm').length).toBe(machines ? Math.floor(count / 2) : 0);
        }
      }
    });
  });
});

describe('a watched process', () => {
  const run = (code: string, onLine?: (line: string) => void) =>
    inTemporaryFolderAsync('watched', (folder) => {
      const path = join(folder, 'program.js');
      writeFileSync(path, code);
      return watchProcess('the run', [path], { everyMs: 0, ...(onLine && { onLine }) });
    });

  it('that fails is told in words, with what it said last', async () => {
    await expect(run('console.error("first\\nno memory left"); process.exit(3)')).rejects.toMatchObject({
      kind: 'failed',
      message: 'the run: its process ended with status 3',
      hint: expect.stringContaining('no memory left'),
    });
    await expect(run('process.kill(process.pid, "SIGTERM"); setTimeout(() => {}, 1e6)')).rejects.toMatchObject({
      kind: 'failed',
      message: 'the run: its process was ended by SIGTERM',
    });
  });

  it('passes on what it writes, line by line', async () => {
    const lines: string[] = [];
    await run('console.log("one\\ntwo")', (line) => lines.push(line));
    expect(lines).toEqual(['one', 'two']);
  });
});

it('the tables show peaks, and moments of the long run', () => {
  const sample = (virtualS: number): LongSample => ({
    virtualS,
    cpuS: virtualS / 10,
    residentBytes: 300 * 2 ** 20,
    machineBytes: 150 * 2 ** 20,
    heapBytes: 50 * 2 ** 20,
    externalBytes: 2 ** 20,
    maps: 900,
    instructions: virtualS * 1e6,
    messages: 7,
    restarts: 3,
    consoleBytes: 100,
    translated: 1000,
    regions: 400,
    modules: 20,
    moduleBytes: 1e6,
    codePages: 200,
    threads: 9,
  });
  const samples = Array.from({ length: 60 }, (_, index) => sample(60 * (index + 1)));
  const text = memoryTable({
    version: 1,
    cells: [{ what: '4 cells', peakBytes: 200 * 2 ** 20, maps: 321 }],
    long: { linux: true, samples },
  });
  expect(text).toMatch(/4 cells +\| +200 \| +321/);
  const rows = text.split('\n').filter((line) => /\| +300\.0 \| +150\.0 \| 50\.0 \| +100\.0 \|/.test(line));
  expect(rows.length).toBe(13);
  expect(rows[0]).toMatch(/^\| 60 /);
  expect(rows.at(-1)).toMatch(/^\| 3600 /);
});
