// Each package that the project uses has its reason in docs/dependencies.md.

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');

it('gives a reason for each dependency and for nothing else', () => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const page = readFileSync(join(root, 'docs/dependencies.md'), 'utf8');
  const explained = [...page.matchAll(/^\| ([@a-z][^|]*) \|/gm)]
    .flatMap((match) => match[1]!.split(', '))
    .filter((name) => name !== 'package');
  expect(explained.sort()).toEqual([...Object.keys(dependencies), ...Object.keys(devDependencies)].sort());
});
