// The folder of the package: the nearest one upward with our package.json, from the source tree and from dist alike.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

interface Package {
  /** Absolute, with a slash at its end. */
  folder: string;
  version: string;
}

export function ownPackage(): Package {
  let folder = new URL('.', import.meta.url);
  for (;;) {
    try {
      const { name, version = 'unknown' } = JSON.parse(readFileSync(new URL('package.json', folder), 'utf8')) as {
        name?: string;
        version?: string;
      };
      if (name === 'microvisor') return { folder: fileURLToPath(folder), version };
    } catch {
      // Not in this folder.
    }
    const parent = new URL('..', folder);
    if (parent.href === folder.href) throw new Error('package.json of microvisor is not where it was installed');
    folder = parent;
  }
}
