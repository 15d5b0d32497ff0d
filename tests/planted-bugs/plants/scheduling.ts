// Bugs in scheduling.

import type { Plant } from '../plant.ts';

const tests = 'tests/microvisor/scheduling.test.ts';

export const schedulingPlants: readonly Plant[] = [
  {
    name: 'an answered call does not give the donated context back',
    file: 'microvisor/reply.ts',
    find: 'if (tcb.schedContext === null) schedContextDonate(kernel, sc, tcb);',
    replace: '',
    foundBy: [
      { file: tests, test: 'donation chains unwind in order' },
      { file: tests, test: 'a passive server runs on its caller’s time and gives it back on death' },
    ],
  },
];
