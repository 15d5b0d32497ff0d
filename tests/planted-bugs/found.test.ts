// `npm run planted`: plants one bug after another and demands that the tests named with it fail.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Finder, Plant } from './plant.ts';
import { plants } from './plants.ts';

const root = resolve(import.meta.dirname, '../..');
/** Ends what hangs. That finds nothing: tests bound themselves by virtual time, whatever is planted. */
const patienceMs = 900_000;

/** The part of vitest's JSON report that is read. */
interface Report {
  testResults: {
    name: string;
    assertionResults: { fullName: string; status: string; failureMessages: string[] }[];
  }[];
}

/** vitest on the tests named, with the bug planted; null: it had to be ended. */
async function report(plant: Plant): Promise<Report | null> {
  const folder = mkdtempSync(join(tmpdir(), 'planted-'));
  const output = join(folder, 'report.json');
  const names = plant.foundBy.map(({ test }) => test.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const environment = Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST'));
  const child = spawn(
    process.execPath,
    [
      ...[join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...new Set(plant.foundBy.map(({ file }) => file))],
      ...['--testNamePattern', names.join('|'), '--reporter', 'json', '--outputFile', output],
      // A test that is slow has found nothing either.
      ...['--testTimeout', '0', '--hookTimeout', '0'],
    ],
    // A process group of its own, so that ending it ends its workers; a seed, so that what is found today is found tomorrow.
    {
      cwd: root,
      detached: true,
      stdio: 'ignore',
      env: { ...Object.fromEntries(environment), PLANTED_BUG: plant.name, NO_SHRINK: '1', TEST_SEED: '1' },
    },
  );
  const patience = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), patienceMs);
  const signal = await new Promise<NodeJS.Signals | null>((done) => child.on('close', (_, by) => done(by)));
  clearTimeout(patience);
  const read = signal === null ? (JSON.parse(readFileSync(output, 'utf8')) as Report) : null;
  rmSync(folder, { recursive: true });
  return read;
}

/** The tests that a finder names, and what became of them. */
function outcomes(found: Report, finder: Finder): Report['testResults'][number]['assertionResults'] {
  return found.testResults
    .filter(({ name }) => name === join(root, finder.file))
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ fullName }) => fullName.includes(finder.test));
}

describe.concurrent('a planted bug is found', () => {
  it.each(plants.map((plant) => [plant.name, plant] as const))('%s', async (_, plant) => {
    const found = await report(plant);
    if (found === null) expect.fail(`the tests had not ended after ${patienceMs / 1000} s, and were killed`);
    for (const finder of plant.foundBy) {
      const tests = outcomes(found, finder);
      expect(tests.length, `no test ran that is named "${finder.test}"`).toBeGreaterThan(0);
      const states = tests.map(({ status }) => status);
      expect(states, `survives "${finder.test}"`).toEqual(states.map(() => 'failed'));
      for (const { failureMessages } of tests) expect(failureMessages.join('\n')).toContain(finder.says ?? '');
    }
  });
});
