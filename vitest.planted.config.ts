// `npm run planted`: bugs planted on purpose, one after another, each found by the tests that name it.

import { defineConfig } from 'vitest/config';
import { plantedTests } from './vitest.config.ts';

export default defineConfig({
  test: {
    include: plantedTests,
    // Longer than found.test.ts waits for one.
    testTimeout: 960_000,
    maxConcurrency: 2,
    reporters: ['verbose', './tests/closing-line.ts'],
  },
});
