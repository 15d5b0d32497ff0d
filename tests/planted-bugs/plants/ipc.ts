// Bugs in IPC.

import type { Plant } from '../plant.ts';

const tests = 'tests/microvisor/ipc.test.ts';

export const ipcPlants: readonly Plant[] = [
  {
    name: 'the second signal replaces the first',
    file: 'microvisor/notification.ts',
    find: 'notification.messageIdentifier |= badge;',
    replace: 'notification.messageIdentifier = badge;',
    foundBy: [{ file: tests, test: 'a notification merges, is never lost and never blocks the sender' }],
  },
  {
    name: 'the last to arrive is the first of its priority',
    file: 'microvisor/tcb-queue.ts',
    find: 'after.priority < tcb.priority',
    replace: 'after.priority <= tcb.priority',
    foundBy: [{ file: tests, test: 'callers queue by priority, then arrival' }],
  },
];
