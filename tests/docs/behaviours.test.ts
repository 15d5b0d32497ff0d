// docs/behaviours.md keeps its word: each behaviour has a test of its name, and a planted bug that the test finds.

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { plants } from '../planted-bugs/plants.ts';

const root = resolve(import.meta.dirname, '../..');
const textOf = (path: string): string => readFileSync(join(root, path), 'utf8');

const rows = textOf('docs/behaviours.md')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| behaviour |'))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, behaviour, test]) => ({ behaviour: behaviour!, test: test! }));

describe('docs/behaviours.md', () => {
  it('names each behaviour once', () => {
    const names = rows.map(({ behaviour }) => behaviour);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
    expect(names.length).toBeGreaterThan(0);
  });

  it.each(rows)('$behaviour', ({ behaviour, test }) => {
    if (test.startsWith('missing: ')) return;
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
