// The import rules of .dependency-cruiser.cjs hold, and each of them notices what it is there for.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { cruise, type ICruiseOptions, type ICruiseResult } from 'dependency-cruiser';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const { options, ...ruleSet } = createRequire(import.meta.url)(join(root, '.dependency-cruiser.cjs'));

/** Every violation as "rule: from → to". */
async function violations(baseDir: string, folders: string[], extra: ICruiseOptions = {}): Promise<string[]> {
  const { output } = await cruise(folders, { ...options, validate: true, ruleSet, baseDir, ...extra });
  return (output as ICruiseResult).summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`);
}

it('keeps the table of layers, without circles', async () => {
  expect(await violations(root, ['hw', 'vdev', 'microvisor', 'guests', 'tools', 'tests'])).toEqual([]);
});

describe('the import rules', () => {
  let planted: string;
  let found: string[];
  const files: Record<string, string> = {
    'hw/device.ts': '',
    'hw/machine.ts': "import '../vdev/uart.ts';",
    'hw/clock.ts': "import 'node:fs';",
    'hw/left.ts': "import './right.ts';",
    'hw/right.ts': "import type {} from './left.ts';",
    'hw/lost.ts': "import './nowhere.ts';",
    'vdev/uart.ts': "import '../hw/device.ts';",
    'vdev/disk.ts': "import '../hw/clock.ts';",
    'microvisor/kernel.ts': "import '../vdev/uart.ts'; import '../hw/clock.ts'; import './abi/errors.ts';",
    'microvisor/abi/errors.ts': "import '../kernel-inside.ts';",
    'microvisor/kernel-inside.ts': "import '../tools/cli.ts';",
    'guests/sdk/server.ts': "import '../../microvisor/abi/errors.ts';",
    'guests/vmm/vmm.ts': "import '../../vdev/uart.ts'; import '../sdk/server.ts'; import '../posix/unix.ts';",
    'guests/posix/unix.ts': "import '../../vdev/uart.ts'; import '../sdk/server.ts';",
    'guests/servers/store.ts': "import '../../microvisor/kernel.ts';",
    'tools/cli.ts': "import '../hw/clock.ts'; import 'node:fs'; import '../tests/x.test.ts';",
    'tools/cli/main.ts': "import '../run/run.ts';",
    'tools/run/run.ts': "import '../cli/exit.ts';",
    'tools/cli/exit.ts': '',
    'tests/x.test.ts': '',
    'tsconfig.json': readFileSync(join(root, 'tsconfig.json'), 'utf8'),
    'package.json': '{ "type": "module" }',
  };

  beforeAll(async () => {
    planted = mkdtempSync(join(tmpdir(), 'microvisor-imports-'));
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(planted, path)), { recursive: true });
      writeFileSync(join(planted, path), text);
    }
    const folders = ['hw', 'vdev', 'microvisor', 'guests', 'tools', 'tests'];
    found = await violations(planted, folders);
  });
  afterAll(() => rmSync(planted, { recursive: true }));

  it.each([
    'hw-stands-alone: hw/machine.ts → vdev/uart.ts',
    'core-has-no-host: hw/clock.ts → fs',
    'no-circle: hw/left.ts → hw/right.ts',
    'resolvable: hw/lost.ts → ./nowhere.ts',
    'vdev-sees-interfaces: vdev/disk.ts → hw/clock.ts',
    'microvisor-sees-hw: microvisor/kernel.ts → vdev/uart.ts',
    'microvisor-sees-hw: microvisor/kernel-inside.ts → tools/cli.ts',
    'abi-stands-alone: microvisor/abi/errors.ts → microvisor/kernel-inside.ts',
    'guests-see-the-abi: guests/posix/unix.ts → vdev/uart.ts',
    'guests-see-the-abi: guests/servers/store.ts → microvisor/kernel.ts',
    'vmm-sees-devices: guests/vmm/vmm.ts → guests/posix/unix.ts',
    'commands-are-on-top: tools/run/run.ts → tools/cli/exit.ts',
    'tests-are-leaves: tools/cli.ts → tests/x.test.ts',
  ])('notice %s', (violation) => {
    expect(found).toContain(violation);
  });

  it('allow what the table allows', () => {
    for (const allowed of [
      'vdev/uart.ts → hw/device.ts',
      'microvisor/kernel.ts → hw/clock.ts',
      'guests/sdk/server.ts → microvisor/abi/errors.ts',
      'guests/vmm/vmm.ts → vdev/uart.ts',
      'guests/posix/unix.ts → guests/sdk/server.ts',
      'tools/cli.ts → fs',
      'tools/cli/main.ts → tools/run/run.ts',
    ]) {
      expect(found.filter((violation) => violation.endsWith(`: ${allowed}`))).toEqual([]);
    }
  });
});
