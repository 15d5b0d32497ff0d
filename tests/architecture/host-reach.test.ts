// The core reaches for no host, and computes the same in every JavaScript engine.

import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hostReach } from './host-reach.ts';

const root = resolve(import.meta.dirname, '../..');

/** Modules that take a realm's intrinsics apart before a server can see them: they must name what they remove. */
const realmItself = join('guests', 'realm');

describe.each(['hw', 'vdev', 'microvisor', 'guests'])('%s', (folder) => {
  it('names no global of the host and no inexact arithmetic', () => {
    const findings: string[] = [];
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
      const path = join(entry.parentPath, entry.name);
      if (relative(root, path).startsWith(realmItself)) continue;
      for (const finding of hostReach(path, readFileSync(path, 'utf8')))
        findings.push(`${relative(root, path)}:${finding}`);
    }
    expect(findings).toEqual([]);
  });
});

describe('the search for the host', () => {
  it.each([
    ['const now = Date.now();', '1: Date'],
    ['new Date()', '1: Date'],
    ['\nsetTimeout(f, 1)', '2: setTimeout'],
    ['Math.random()', '1: Math.random'],
    ['Math.sin(x) + Math.floor(x)', '1: Math.sin'],
    ['const { sin } = Math;', '1: { sin } = Math'],
    ["Math['exp'](x)", "1: Math['exp']"],
    ['x ** 0.5', '1: x ** 0.5'],
    ['x **= 2', '1: x **= 2'],
    ['globalThis.process', '1: globalThis'],
    ['console.log(process.env)', '1: console'],
    ['f({ console })', '1: console'],
    ['a.localeCompare(b)', '1: localeCompare'],
  ])('finds %j', (text, finding) => {
    expect(hostReach('x.ts', text)).toContain(finding);
  });

  it.each([
    'uart.console = 1;',
    'const process = (x: number) => x; process(1);',
    "import { fetch } from './decode.ts'; fetch();",
    'interface A { Date: string; console(): void }',
    'type T = Date;',
    'f({ performance: 1 });',
    'Math.imul(a, b) + Math.sqrt(x) + 2 ** 32;',
    'const x = 2n ** 64n;',
    '// Date, Math.random()',
  ])('lets %j be', (text) => {
    expect(hostReach('x.ts', text)).toEqual([]);
  });
});
