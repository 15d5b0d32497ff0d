// The long tests: Debian's kernel, booted whole. `npm run test:debian`, after `npm run fetch:debian`.

import { defineConfig } from 'vitest/config';
import { debianTests } from './vitest.config.ts';

export default defineConfig({
  test: {
    include: debianTests,
    // Each boots a machine of its own: side by side they would only wait for each other.
    fileParallelism: false,
    setupFiles: './tests/v8-flags.ts',
    testTimeout: 900_000,
    reporters: ['default', './tests/closing-line.ts'],
  },
});
