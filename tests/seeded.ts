// Gives fast-check the seed of the run (seed.ts), in every process that runs tests.

import fc from 'fast-check';

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(process.env['TEST_SEED']) });
