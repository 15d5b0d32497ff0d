// Stacks of the built programs name places of the sources. The build's own source maps are asked.

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { sourceStack } from '../../tools/host/source-stack.ts';

const root = resolve(import.meta.dirname, '../..');
const built = join(root, 'dist/chunks/machine.js');

describe('a stack', () => {
  it('names the source of what was bundled', () => {
    const line = readFileSync(built, 'utf8').split('\n').indexOf('const callRegister = {');
    const told = sourceStack(`Error: lost\n    at send (${pathToFileURL(built)}:${line + 1}:7)\n    at node:vm:1:2`);
    const [, source, place] = /^Error: lost\n {4}at send \((.*\.ts):(\d+):\d+\)\n {4}at node:vm:1:2$/.exec(told)!;
    expect(readFileSync(join(root, source!), 'utf8').split('\n')[Number(place) - 1]).toContain('callRegister');
  });

  it('stays as it is where there is no map', () => {
    const stack = `Error: lost\n    at send (${pathToFileURL(join(root, 'dist/absent.js'))}:3:7)`;
    expect(sourceStack(stack)).toBe(stack);
  });
});
