// Bugs in faults.

import type { Plant } from '../plant.ts';

const tests = 'tests/microvisor/faults.test.ts';

export const faultPlants: readonly Plant[] = [
  {
    name: 'a timeout fault carries no data word',
    file: 'microvisor/faults.ts',
    find: '[fault.badge, schedContextUpdateConsumed(kernel, tcb.schedContext)]',
    replace: '[0n, schedContextUpdateConsumed(kernel, tcb.schedContext)]',
    foundBy: [{ file: tests, test: 'timeout faults carry the data word' }],
  },
];
