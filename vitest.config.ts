import { configDefaults, defineConfig } from 'vitest/config';

/** Tests that boot Debian's kernel whole: `npm run test:debian` runs them. */
export const debianTests = ['tests/**/*-boot.test.ts', 'tests/vmm/debian.test.ts'];

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...debianTests],
    // Tests bound themselves by virtual time and instruction budgets; this only ends a run that hangs.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    globalSetup: './tests/seed.ts',
    setupFiles: './tests/seeded.ts',
    reporters: ['default', './tests/closing-line.ts'],
  },
});
