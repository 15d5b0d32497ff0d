// examples/linux-and-server.yaml as its users run it: the built command, processes of their own.

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { RunReport } from '../../tools/run/report.ts';
import { isThere, root } from './cache.ts';

const example = join(root, 'examples/linux-and-server.yaml');

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'microvisor-example-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

interface Ran {
  code: number;
  out: string;
  err: string;
  report: RunReport;
}

function run(...args: string[]): Promise<Ran> {
  const report = join(scratch(), 'report.json');
  const command = [join(root, 'dist/tools/cli/main.js'), 'run', example, '--batch', '--report', report, ...args];
  return new Promise((done) => {
    execFile(process.execPath, command, { cwd: root, maxBuffer: 1 << 26 }, (error, out, err) => {
      const code = error === null ? 0 : Number(error.code);
      done({ code, out, err, report: JSON.parse(readFileSync(report, 'utf8')) as RunReport });
    });
  });
}

const misdeeds = { crash: 'throw', spin: 'budget', recurse: 'depth', allocate: 'memory', regexp: 'regexp' };

describe.skipIf(!isThere)('Linux beside a server', () => {
  test('talks to it over a channel, and goes on whatever the server does', async () => {
    const ask = 'echo "get answer" >&3; read -r line <&3';
    const loop = `for deed in ${Object.keys(misdeeds).join(' ')}; do echo $deed >&3; sleep 1; ${ask}; echo "after $deed, $line"; done`;
    const { code, out, err, report } = await run(
      ...['--for', '60s'],
      ...['--type', 'linux:/:~# $/exec 3<>/dev/virtio-ports/store; nproc\\n'],
      ...['--type', `linux:/:~# $/echo "put answer 42" >&3; read -r line <&3; ${ask}; echo "it says $line"\\n`],
      ...['--type', `linux:/it says 42[^$]*:~# $/${loop}\\n`],
      ...Object.keys(misdeeds).flatMap((deed) => ['--expect', `linux:/after ${deed}, no such key/`]),
    );
    expect(`${out.slice(-2000)}${err}`).toContain('microvisor: ok: ');
    expect(code).toBe(0);
    expect(out).toMatch(/\[linux\] 2\s/);
    const [linux, store] = ['linux', 'store'].map((name) => report.cells.find((cell) => cell.name === name)!);
    expect(linux).toMatchObject({ faults: [], restarts: 0 });
    expect(store!.restarts).toBe(5);
    expect(store!.faults).toHaveLength(5);
    for (const [index, cause] of Object.values(misdeeds).entries()) {
      expect(store!.faults[index]).toMatch(/^store: .* in notified at examples\/moody-store\.ts:\d+:\d+$/);
      expect(store!.faults[index]).toContain(`(${cause})`);
    }
  });

  test('is the same in two processes, also when one was saved and goes on in another', async () => {
    const saved = join(scratch(), 'saved');
    const whole = await run('--for', '900ms');
    await run('--for', '400ms', '--save', saved);
    const after = await run('--for', '500ms', '--load', saved);
    expect(whole.report.outcome).toBe('ok');
    expect(after.report.traceHash).toBe(whole.report.traceHash);
  });

  test('is another run under another seed: its kernel reads randomness', async () => {
    const [one, other] = [await run('--for', '300ms'), await run('--for', '300ms', '--seed', '43')];
    expect(other.report.traceHash).not.toBe(one.report.traceHash);
  });
});
