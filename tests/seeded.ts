// Gives fast-check the seed of the run (seed.ts), in every process that runs tests. Who looks for bugs that were made on purpose
// needs no smallest counterexample.

import fc from 'fast-check';

fc.configureGlobal({
  ...fc.readConfigureGlobal(),
  seed: Number(process.env['TEST_SEED']),
  endOnFailure: process.env['PLANTED_BUG'] !== undefined,
});
