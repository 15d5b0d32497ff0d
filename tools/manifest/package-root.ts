// The folder of the package: the one with our package.json, from the source tree and from dist alike.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

interface Package {
  /** Absolute, with a slash at its end. */
  folder: string;
  version: string;
}

export function ownPackage(): Package {
  for (const up of ['../../', '../../../']) {
    try {
      const folder = new URL(up, import.meta.url);
      const parsed = JSON.parse(readFileSync(new URL('package.json', folder), 'utf8')) as {
        name?: string;
        version?: string;
      };
      if (parsed.name === 'microvisor') return { folder: fileURLToPath(folder), version: parsed.version ?? 'unknown' };
    } catch {
      // Not there: the other layout.
    }
  }
  throw new Error('package.json of microvisor is not where it was installed');
}
