// `npm run mutation`: the tests that judge mutants of the kernel.

import { basename } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

// Which mutants die must not depend on the day.
process.env['TEST_SEED'] = '1';
process.env['NO_SHRINK'] = '1';
process.env['LOCKSTEP_CALLS'] = '6000';

/** Most mutants die in the first tests that reach them: those that are quick come first. */
const order = [
  'answers',
  'derivation',
  'message-transfer',
  'rendezvous',
  'capability-values',
  'capability-addresses',
  'sporadic',
  'memory',
  'windows',
  'ipc',
  'call-stacks',
  'boot',
  'realm-threads',
  'vcpu',
  'faults',
  'scheduling',
  'capabilities',
];

class QuickFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const at = order.indexOf(basename(moduleId, '.test.ts'));
      return at < 0 ? order.length : at;
    };
    return [...files].sort((a, b) => place(a) - place(b));
  }
}

export default defineConfig({
  test: {
    include: ['tests/microvisor/*.test.ts', 'tests/microvisor/lockstep/random.test.ts'],
    // Those that need the engine, and the one that counts what the kernel allocates.
    exclude: ['machine-code', 'memory-access', 'allocation'].map((name) => `tests/microvisor/${name}.test.ts`),
    globalSetup: './tests/seed.ts',
    setupFiles: './tests/seeded.ts',
    testTimeout: 60_000,
    isolate: false,
    sequence: { sequencer: QuickFirst },
  },
});
