import { configDefaults, defineConfig } from 'vitest/config';
import { planting } from './tests/planted-bugs/planting.ts';

/** Tests that boot Debian's kernel whole: `npm run test:debian` runs them. */
export const debianTests = ['tests/**/*-boot.test.ts', 'tests/vmm/debian.test.ts'];

/** What `npm run planted` runs. */
export const plantedTests = ['tests/planted-bugs/found.test.ts'];

export default defineConfig({
  plugins: planting(),
  test: {
    include: ['tests/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...debianTests, ...plantedTests],
    // Tests bound themselves by virtual time and instruction budgets; this only ends a run that hangs.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // V8's compiled patterns are wrong now and then where its interpreter is right, and patterns of realms are held against them:
    // /(((?= |a)\s)*(a[^a]){1,2})*/ finds nothing in " aé" the second time.
    execArgv: ['--regexp-interpret-all'],
    globalSetup: './tests/seed.ts',
    setupFiles: ['./tests/seeded.ts', './tests/v8-flags.ts'],
    reporters: ['default', './tests/closing-line.ts'],
  },
});
