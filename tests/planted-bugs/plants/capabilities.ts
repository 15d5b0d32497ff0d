// Bugs in capabilities: CSpaces, the derivation tree, untyped memory, deletion.

import type { Plant } from '../plant.ts';

const tests = 'tests/microvisor/capabilities.test.ts';

export const capabilityPlants: readonly Plant[] = [
  {
    name: 'an untyped is not cleared when its last child dies',
    file: 'microvisor/untyped.ts',
    find: 'kernel.clearMemory(cap.address + offset, resetChunk);',
    replace: '',
    foundBy: [{ file: tests, test: 'an untyped aligns, is exhausted, and is whole again when its last child dies' }],
  },
];
