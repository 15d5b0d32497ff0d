// A session: the worker that runs a system, and what is left to say when it dies. The worker is the built one.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadManifest } from '../../tools/manifest/load.ts';
import type { Manifest } from '../../tools/manifest/model.ts';
import type { RunRequest } from '../../tools/run/protocol.ts';
import { Session, type SessionEnd } from '../../tools/run/session.ts';

const root = resolve(import.meta.dirname, '../..');
const path = resolve(root, 'examples/first-light.yaml');
const firstLight = manifestAt(path);
const silent = { console: () => {}, log: () => {}, fault: () => {}, booted: () => {}, progress: () => {} };

const request = (more: Partial<RunRequest> = {}): Omit<RunRequest, 'executing' | 'flow'> => ({
  manifest: path,
  system: firstLight,
  limitNs: 1e9,
  expect: [],
  type: [],
  realTime: false,
  interactive: false,
  attach: undefined,
  save: undefined,
  load: undefined,
  ...more,
});

function manifestAt(file: string): Manifest {
  const loaded = loadManifest(file);
  if (!loaded.ok) throw new Error(`${file} is wrong`);
  return loaded.manifest;
}

/** A worker that does this, with the number of the executing cell at hand as `executing`. */
const workerThat = (code: string): URL =>
  new URL(
    `data:text/javascript,${encodeURIComponent(
      `import { workerData } from 'node:worker_threads';
       const executing = new Int32Array(workerData.executing);
       ${code}`,
    )}`,
  );
const endOf = (script: URL): Promise<SessionEnd> => new Session(request(), ['a', 'b'], silent, script).end;

describe('a session', () => {
  test('runs a system in its worker, tells what it says, and ends with its report', async () => {
    let text = '';
    let booted = 0;
    const events = {
      ...silent,
      console: (_cell: string, bytes: Uint8Array) => {
        text += new TextDecoder().decode(bytes);
      },
      booted: () => {
        booted++;
      },
    };
    const session = new Session(request({ expect: ['beacon:/have met/'] }), [], events);
    const end = await session.end;
    await session.kill();
    expect(end).toMatchObject({ kind: 'report', report: { outcome: 'ok', system: 'first-light' } });
    expect(text).toContain('machine code and TypeScript have met');
    expect(booted).toBe(1);
  });

  test('is stopped from outside, and the report follows', async () => {
    const session = new Session(request({ limitNs: Infinity }), [], { ...silent, booted: () => session.stop() });
    expect(await session.end).toMatchObject({ kind: 'report', report: { outcome: 'interrupted' } });
    await session.kill();
  });

  test('tells what is refused in words', async () => {
    const load = resolve(root, 'package.json');
    expect(readFileSync(load, 'utf8')).toContain('microvisor');
    const session = new Session(request({ load }), [], silent);
    expect(await session.end).toMatchObject({
      kind: 'refused',
      why: 'refused',
      message: expect.stringContaining(load),
    });
  });

  test('names the cell whose code brought the worker down', async () => {
    expect(await endOf(workerThat('executing[0] = 2; process.exit(3);'))).toEqual({
      kind: 'crashed',
      cell: 'b',
      reason: 'the worker left with code 3',
    });
    expect(await endOf(workerThat('executing[0] = 1; throw new Error("broken");'))).toMatchObject({
      kind: 'crashed',
      cell: 'a',
      reason: expect.stringContaining('broken'),
    });
  });

  test('blames no cell when none was running', async () => {
    expect(await endOf(workerThat('throw new Error("broken");'))).toMatchObject({ kind: 'crashed', cell: undefined });
  });
});
