// Bugs in memory: mappings, address spaces, what harts keep of them.

import type { Plant } from '../plant.ts';

const tests = 'tests/microvisor/memory.test.ts';

export const memoryPlants: readonly Plant[] = [
  {
    name: 'unmapping fences the first hart only',
    file: 'microvisor/address-space.ts',
    find: 'for (const hart of kernel.machine.harts) hart.port.fence(scope);',
    replace: 'kernel.machine.harts[0]!.port.fence(scope);',
    foundBy: [{ file: tests, test: 'unmap is visible on all harts before it returns' }],
  },
];
