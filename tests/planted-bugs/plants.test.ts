// The list of plants does not rot: what they replace is there, and so are the tests that find them.

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { planted } from './plant.ts';
import { plants } from './plants.ts';

const root = resolve(import.meta.dirname, '../..');
const textOf = (path: string): string => readFileSync(join(root, path), 'utf8');

describe('the planted bugs', () => {
  it('have a name each', () => {
    const names = plants.map(({ name }) => name);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });

  it.each(plants.map((plant) => [plant.name, plant] as const))('can still be planted: %s', (_, plant) => {
    expect(planted(plant, textOf(plant.file))).not.toBe(textOf(plant.file));
    expect(plant.foundBy).not.toEqual([]);
    expect(plant.foundBy.filter(({ file, test }) => !textOf(file).includes(test))).toEqual([]);
  });
});
