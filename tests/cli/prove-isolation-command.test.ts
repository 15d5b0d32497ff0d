// `microvisor prove-isolation`: what it says and how it ends.

import { resolve } from 'node:path';
import { expect, test, vi } from 'vitest';
import { exitCodes } from '../../tools/cli/exit-codes.ts';
import { run } from './run-command.ts';

const example = resolve(import.meta.dirname, '../../examples/two-windows.yaml');
const prove = (...args: string[]): ReturnType<typeof run> =>
  run('prove-isolation', example, '--from', 'noisy', '--to', 'quiet', '--for', '8ms', ...args);

test('it ends well when nothing gets out, and says what the cells share', async () => {
  const { code, out } = await prove('--adversary');
  expect(code).toBe(exitCodes.success.code);
  expect(out).toContain('no leak: quiet sees the same with 3 secrets of noisy, to the cycle');
  expect(out).toContain('they share: the boot task');
});

test('it fails with the first leak and the channel that it came through', async () => {
  const { code, out } = await prove('--adversary', 'revoke,budgets', '--without-windows');
  expect(code).toBe(exitCodes.failed.code);
  expect(out).toMatch(/^leak: quiet can tell two secrets of noisy apart\n {2}time: quiet\.tcb went on \d+ cycles late/);
});

test('it fails when windows began late, even if the observer saw the same', async () => {
  const path = '../../tools/isolation/prove.ts';
  const { proveIsolation, verdictOf } = await vi.importActual<typeof import('../../tools/isolation/prove.ts')>(path);
  vi.doMock(path, () => ({
    verdictOf,
    proveIsolation: (...args: Parameters<typeof proveIsolation>) => ({ ...proveIsolation(...args), overruns: 2 }),
  }));
  try {
    const { code, out } = await prove('--adversary', 'ipc');
    expect(code).toBe(exitCodes.failed.code);
    expect(out).toMatch(/^nothing shown: the windows were not kept, although quiet saw the same with 3 secrets\n/);
    expect(out).toContain('  2 windows began late\n');
  } finally {
    vi.doUnmock(path);
  }
});

test('its result is data as well', async () => {
  const { out } = await prove('--adversary', 'ipc', '--without-windows', '--secrets', '2', '--json');
  expect(JSON.parse(out)).toMatchObject({
    version: 1,
    verdict: 'leak',
    leak: { kind: 'time' },
    senderDiffers: true,
    overruns: 0,
  });
  const kept = await prove('--adversary', 'ipc', '--secrets', '2', '--json');
  expect(JSON.parse(kept.out)).toMatchObject({ version: 1, verdict: 'no leak', leak: null });
});

test.each([
  ['a cell without a place for a secret', ['noisy', 'quiet'], 'noisy has no place for a secret', '--adversary'],
  ['a cell that there is not', ['nois', 'quiet', '--adversary'], 'there is no cell nois', "did you mean 'noisy'?"],
  ['a modulation that there is not', ['noisy', 'quiet', '--adversary', 'shout'], "cannot modulate 'shout'", 'ipc'],
  ['a region that there is not', ['noisy', 'quiet', '--secret-region', 'attic'], 'no region attic', 'no regions'],
  ['no time for a window', ['noisy', 'quiet', '--adversary', '--for', '2400us'], '2400us is too short', 'than 2400us'],
])('%s is refused with a hint, and nothing is run', async (_, [from, to, ...args], message, hint) => {
  const path = '../../tools/isolation/prove.ts';
  const proveIsolation = vi.fn();
  vi.doMock(path, () => ({ proveIsolation }));
  try {
    const { code, err } = await run('prove-isolation', example, '--from', from!, '--to', to!, ...args);
    expect(code).toBe(exitCodes.usage.code);
    expect(err).toContain(message);
    expect(err).toContain(hint);
    expect(proveIsolation).not.toHaveBeenCalled();
  } finally {
    vi.doUnmock(path);
  }
});
