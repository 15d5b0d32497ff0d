// docs/behaviours.md keeps its word: each behaviour has a test of its name, and a planted bug that the test finds.

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { plants } from '../planted-bugs/plants.ts';
import { promises, unkept } from './promises.ts';

const root = resolve(import.meta.dirname, '../..');
const textOf = (path: string): string => readFileSync(join(root, path), 'utf8');

const rows = textOf('docs/behaviours.md')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| behaviour |'))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, behaviour, test]) => ({ behaviour: behaviour!, test: test! }));

describe('docs/behaviours.md', () => {
  it('names each behaviour that was promised, once, in its place', () => {
    expect(rows.map(({ behaviour }) => behaviour)).toEqual(promises);
  });

  it('names a test for all but the few that are known to be missing', () => {
    const missing = rows.filter(({ test }) => test.startsWith('missing: ')).map(({ behaviour }) => behaviour);
    expect(missing.filter((behaviour) => !unkept.includes(behaviour))).toEqual([]);
  });

  it.for(rows.map((row) => [row.behaviour, row] as const))('%s', ([behaviour, { test }], { skip }) => {
    if (test.startsWith('missing: ')) skip(test);
    const quoted = [`('${behaviour}'`, `("${behaviour}"`];
    expect(
      quoted.some((name) => textOf(test).includes(name)),
      `no test of this name in ${test}`,
    ).toBe(true);
    const finders = plants.flatMap(({ foundBy }) => foundBy);
    const isFound = finders.some((finder) => finder.file === test && finder.test === behaviour);
    expect(isFound, 'no planted bug that it finds').toBe(true);
  });
});
