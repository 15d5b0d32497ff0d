// What the driver of apt says where it cannot work.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { AptUnavailable, PrivateApt } from '../../tools/debian/apt.ts';

describe('fetching through apt', () => {
  it('says on a machine without apt that there is none, and what to do', () => {
    const folder = mkdtempSync(join(tmpdir(), 'microvisor-apt-'));
    vi.stubEnv('PATH', folder);
    try {
      new PrivateApt(folder).update(() => {});
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(AptUnavailable);
      expect(error).toMatchObject({ message: 'this machine has no apt', hint: expect.stringContaining('Debian') });
    } finally {
      vi.unstubAllEnvs();
      rmSync(folder, { recursive: true });
    }
  });
});
