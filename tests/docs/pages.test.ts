// The generated pages are what the source says now.

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { generatedPages } from '../../tools/docs/pages.ts';

const root = resolve(import.meta.dirname, '../..');

it.each(Object.keys(generatedPages))('%s is up to date (npm run refresh)', (path) => {
  expect(readFileSync(join(root, path), 'utf8')).toBe(generatedPages[path]?.());
});
