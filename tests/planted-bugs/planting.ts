// Plants the bug that PLANTED_BUG names, when its module is loaded by vitest.

import { resolve } from 'node:path';
import type { Plugin } from 'vitest/config';
import { planted } from './plant.ts';
import { plants } from './plants.ts';

/** No plugin at all without PLANTED_BUG; an error if it names none of the plants. */
export function planting(): Plugin[] {
  const name = process.env['PLANTED_BUG'];
  if (name === undefined) return [];
  const plant = plants.find((candidate) => candidate.name === name);
  if (plant === undefined) throw new Error(`no planted bug has the name "${name}"`);
  const path = resolve(plant.file);
  return [
    {
      name: 'planted-bug',
      enforce: 'pre',
      transform: (source, id) => (id.split('?')[0] === path ? { code: planted(plant, source), map: null } : undefined),
    },
  ];
}
