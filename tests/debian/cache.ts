// What `npm run fetch:debian` has brought, for the tests that boot it.

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '../..');
const cache = join(root, '.cache/debian');

export const files = {
  kernel: join(cache, 'Image'),
  initrd: join(cache, 'initrd'),
  openSbi: join(cache, 'fw_dynamic.bin'),
};

/** Whether everything is there. Says so when it is not. */
export const isThere = Object.values(files).every((path) => existsSync(path));
if (!isThere) console.warn('skipped: no Debian to boot; npm run fetch:debian brings it');
