import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    // Tests bound themselves by virtual time and instruction budgets; this only ends a run that hangs.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    reporters: ['default', './tests/closing-line.ts'],
  },
});
