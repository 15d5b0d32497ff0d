// The examples: each that needs nothing but npm boots and shows what it is there to show, and all of them type-check.

import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { loadPrograms } from '../../tools/boot/programs.ts';
import { runPaced } from '../../tools/host/pace.ts';
import { checkManifest } from '../../tools/manifest/load.ts';
import { buildPlan } from '../../tools/plan/build.ts';
import type { RunReport } from '../../tools/run/report.ts';
import { RunningSystem } from '../../tools/run/running-system.ts';

const folder = resolve(import.meta.dirname, '../../examples');
const manifests = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .map((name) => name.replaceAll('\\', '/'))
  .filter((name) => name.endsWith('.yaml'))
  .sort();
const needsDebian = (name: string): boolean => readFileSync(resolve(folder, name), 'utf8').includes('.cache/debian');

interface Show {
  expect: string[];
  type?: string[];
  /** Faults that belong to it. */
  faults?: RegExp[];
}

const shows: Record<string, Show> = {
  'first-light.yaml': { expect: ['store:/key-value store/', 'beacon:/the store answers: 2/', 'beacon:/have met/'] },
  'two-windows.yaml': { expect: ['noisy:/watching the clock/', 'quiet:/watching the clock/'] },
  'counter/counter.yaml': {
    expect: [
      'client:/adding 2: the counter is at 43/',
      'client:/adding 1152921504606846976: refused/',
      'client:/died before it could answer/',
      'client:/adding 3: the counter is at 43/',
      'counter:/started again after an exception, from 40/',
      'counter:/48\\r?\\n/',
    ],
    type: ['client:/adding 3/add 5\\n'],
    faults: [/^counter: Error: client wants to see a failure .* in protected at .*counter\.ts:\d+:\d+$/],
  },
};

async function run(name: string, { expect: expected, type = [] }: Show): Promise<RunReport> {
  const file = resolve(folder, name);
  const loaded = checkManifest(readFileSync(file, 'utf8'), file);
  if (!loaded.ok) throw new Error(loaded.diagnostics.map(({ message }) => message).join('\n'));
  const { manifest } = loaded;
  const request = {
    manifest: file,
    system: manifest,
    limitNs: 1e9,
    expect: expected,
    type,
    realTime: false,
    interactive: false,
    attach: undefined,
    save: undefined,
    load: undefined,
    executing: new SharedArrayBuffer(4),
    flow: new SharedArrayBuffer(4),
  };
  const plan = buildPlan(manifest);
  const running = new RunningSystem(request, plan, loadPrograms(plan), () => {});
  const { machine } = running.system;
  const pace = { limit: 1e9, realTime: false, inputMayCome: () => false, ended: () => running.finished };
  return running.report(await runPaced(machine, pace));
}

describe('an example', () => {
  test.each(manifests.filter((name) => !needsDebian(name)))('%s shows what it is there to show', async (name) => {
    const show = shows[name];
    if (show === undefined) throw new Error(`tests/run/examples.test.ts does not say what ${name} shows`);
    const report = await run(name, show);
    expect(report).toMatchObject({ outcome: 'ok', detail: [] });
    const faults = report.cells.flatMap((cell) => cell.faults);
    expect(faults).toEqual((show.faults ?? []).map((pattern) => expect.stringMatching(pattern)));
  });

  test('type-checks with the configuration that the folder brings', () => {
    const read = ts.readConfigFile(resolve(folder, 'tsconfig.json'), ts.sys.readFile);
    const { fileNames, options } = ts.parseJsonConfigFileContent(read.config, ts.sys, folder);
    expect(fileNames.length).toBeGreaterThan(2);
    const found = ts.getPreEmitDiagnostics(ts.createProgram(fileNames, options));
    expect(found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))).toEqual([]);
  });
});
