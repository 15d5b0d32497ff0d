// Gives fast-check the seed of the run (seed.ts), in every process that runs tests. NO_SHRINK: the first counterexample will
// do, for whoever only asks whether tests fail.

import fc from 'fast-check';

fc.configureGlobal({
  ...fc.readConfigureGlobal(),
  seed: Number(process.env['TEST_SEED']),
  endOnFailure: process.env['NO_SHRINK'] !== undefined,
});
