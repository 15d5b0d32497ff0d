// The version of microvisor: package.json's, found from the source tree and from dist/ alike.

import { readFileSync } from 'node:fs';

export function version(): string {
  for (const up of ['../../package.json', '../../../package.json']) {
    try {
      const parsed = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as {
        name?: string;
        version?: string;
      };
      if (parsed.name === 'microvisor' && parsed.version !== undefined) return parsed.version;
    } catch {
      // Not there: the other layout.
    }
  }
  return 'unknown';
}
