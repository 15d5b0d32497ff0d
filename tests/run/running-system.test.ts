// A system under `microvisor run`, without its worker: consoles, expectations, typing, faults, outcomes, saving.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { loadPrograms } from '../../tools/boot/programs.ts';
import { runPaced } from '../../tools/host/pace.ts';
import { checkManifest } from '../../tools/manifest/load.ts';
import type { Manifest } from '../../tools/manifest/model.ts';
import { buildPlan } from '../../tools/plan/build.ts';
import { Refusal } from '../../tools/refusal.ts';
import type { FromWorker, RunRequest } from '../../tools/run/protocol.ts';
import type { RunReport } from '../../tools/run/report.ts';
import { RunningSystem } from '../../tools/run/running-system.ts';

const head = 'schema: 1\nsystem: { name: test, seed: 1 }\nmachine: { ram: 32M }\n';
const terminal = `${head}devices:
  serial: { model: uart }
cells:
  shell: { kind: native, program: servers/shell, priority: 50, RESTART }
  supervisor: { kind: native, program: servers/supervisor, priority: 200, supervises: [SUPERVISED] }
  console: { kind: native, program: servers/console, priority: 100 }
  uart: { kind: native, program: servers/uart, priority: 120, owns: [serial], config: { device: serial } }
channels:
  - { name: tty, type: stream, ends: [shell, console] }
  - { name: terminal, type: stream, ends: [console, uart] }
`;
const supervised = terminal
  .replace('SUPERVISED', 'shell')
  .replace('RESTART', 'restart: { when: [fault], policy: immediate }');
const alone = terminal.replace('SUPERVISED', '').replace(', RESTART', '');

function manifestOf(text: string): Manifest {
  const loaded = checkManifest(text, resolve(import.meta.dirname, 'test.yaml'));
  if (!loaded.ok) throw new Error(loaded.diagnostics.map(({ message }) => message).join('\n'));
  return loaded.manifest;
}

function request(system: Manifest, more: Partial<RunRequest>): RunRequest {
  return {
    manifest: 'test.yaml',
    system,
    limitNs: 0,
    expect: [],
    type: [],
    realTime: false,
    interactive: false,
    attach: undefined,
    save: undefined,
    load: undefined,
    executing: new SharedArrayBuffer(4),
    flow: new SharedArrayBuffer(4),
    ...more,
  };
}

interface Ran {
  report: RunReport;
  messages: FromWorker[];
  /** What came out of the terminal. */
  text: string;
}

/** Runs as the worker does. */
async function run(text: string, ms: number, more: Partial<RunRequest> = {}): Promise<Ran> {
  const manifest = manifestOf(text);
  const messages: FromWorker[] = [];
  const plan = buildPlan(manifest);
  const running = new RunningSystem(request(manifest, more), plan, loadPrograms(plan), (message) =>
    messages.push(message),
  );
  const { machine } = running.system;
  const reason = await runPaced(machine, {
    limit: ms * 1e6,
    realTime: false,
    inputMayCome: () => false,
    ended: () => running.finished,
  });
  const output = messages.flatMap((each) => (each.kind === 'console' && each.cell === '' ? [...each.bytes] : []));
  return { report: running.report(reason), messages, text: new TextDecoder().decode(Uint8Array.from(output)) };
}

describe('a running system', () => {
  test('shows consoles, types at cues, and ends well once all expectations are met', async () => {
    const { report, messages, text } = await run(alone, 1000, {
      expect: ['shell:/you said: hello/'],
      type: ['shell:/> $/hello\\n'],
    });
    expect(report).toMatchObject({ outcome: 'ok', detail: [], system: 'test', seed: 1 });
    expect(report.virtualTimeNs).toBeLessThan(900e6);
    expect(text).toContain('[shell] > you said: hello\r\n');
    expect(messages.some(({ kind }) => kind === 'booted')).toBe(true);
    expect(report.cells.find(({ name }) => name === 'shell')!.console.join('\n')).toContain('you said: hello');
  });

  test('comes to rest with what is missing when nothing can happen any more', async () => {
    const { report } = await run(alone, 1000, { expect: ['shell:/never/'], type: ['shell:/never either/x'] });
    expect(report.outcome).toBe('stuck');
    expect(report.detail).toEqual(['not seen: shell:/never either/x', 'not seen: shell:/never/']);
  });

  test('ends well when nothing was expected', async () => {
    expect((await run(alone, 5)).report).toMatchObject({ outcome: 'ok', detail: [] });
  });

  test('runs out of time when what is expected does not come', async () => {
    const text = `${head}cells:\n  busy: { kind: native, program: ../boot/servers/counter, priority: 5 }\n`;
    const { report } = await run(text, 2, { expect: ['busy:/x/'] });
    expect(report).toMatchObject({ outcome: 'timeout', detail: ['not seen: busy:/x/'], virtualTimeNs: 2e6 });
    expect(report.cells[0]).toMatchObject({ state: 'running', restarts: 0 });
    expect(report.cells[0]!.instructions).toBeGreaterThan(1e6);
  });

  test.each([
    ['crash', 'throw', 'the shell was asked to crash'],
    ['spin', 'budget', "The handler's budget is exhausted"],
    ['recurse', 'depth', 'Calls nest too deeply'],
    ['allocate', 'memory', 'The handler allocates more memory than its cell has'],
    ['regexp', 'regexp', "A regular expression has exhausted the handler's budget"],
  ])(
    'survives a server that does %s: cell, cause and line are told, and it answers again',
    async (word, cause, said) => {
      const { report, messages } = await run(supervised, 20_000, {
        expect: ['shell:/you said: still there/'],
        type: [`shell:/> $/${word}\\n`, 'shell:/> $/still there\\n'],
      });
      expect(report.outcome).toBe('ok');
      const shell = report.cells.find(({ name }) => name === 'shell')!;
      expect(shell.restarts).toBe(1);
      expect(shell.faults).toHaveLength(1);
      expect(shell.faults[0]).toMatch(/^shell: .* in notified at .*shell\.ts:\d+:\d+$/);
      expect(shell.faults[0]).toContain(said);
      expect(shell.faults[0]).toContain(`(${cause})`);
      expect(messages.filter(({ kind }) => kind === 'fault')).toHaveLength(1);
      expect(messages.some((each) => each.kind === 'log' && each.line.includes('stays stopped'))).toBe(false);
    },
  );

  test('says that a server without a supervisor stays stopped', async () => {
    const { report, messages } = await run(alone, 100, { type: ['shell:/> $/crash\\n'] });
    expect(report.cells.find(({ name }) => name === 'shell')).toMatchObject({ state: 'stopped', restarts: 0 });
    expect(messages).toContainEqual({ kind: 'log', line: 'shell stays stopped: it has no supervisor' });
  });

  test('is saved at its end, and goes on from there to the same report', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'microvisor-run-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const save = join(folder, 'saved');
    const busy = `${head}cells:\n  busy: { kind: native, program: ../boot/servers/counter, priority: 5 }\n`;
    const whole = await run(busy, 3);
    await run(busy, 1.2, { save });
    expect(existsSync(save)).toBe(true);
    const after = await run(busy, 3, { load: save });
    expect(after.report.traceHash).toBe(whole.report.traceHash);
    expect(after.report.cells[0]!.instructions).toBe(whole.report.cells[0]!.instructions);
    await expect(run(alone, 1, { load: save })).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('from another manifest'),
    });
    writeFileSync(save, 'nonsense');
    await expect(run(busy, 1, { load: save })).rejects.toBeInstanceOf(Refusal);
    await expect(run(busy, 1, { save: join(folder, 'none', 'x') })).rejects.toMatchObject({ kind: 'file' });
  });

  test('refuses a system whose server does not load, with the place in the source', async () => {
    const text = `${head}cells:\n  bad: { kind: native, program: servers/unloadable, priority: 5 }\n`;
    await expect(run(text, 1)).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringMatching(/unloadable\.ts:\d+:\d+: /),
    });
  });

  test('keeps to its pieces when a quantum is longer than they are', async () => {
    const text = `${head.replace('ram: 32M', 'ram: 32M, lookahead: 20ms')}cells:\n  busy: { kind: native, program: ../boot/servers/counter, priority: 5 }\n`;
    expect((await run(text, 41)).report.outcome).toBe('ok');
  });
});
