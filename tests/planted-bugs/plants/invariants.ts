// Bugs that break an invariant sooner or later: random calls find them without knowing of them, and
// the invariant that is meant says so.

import type { Finder, Plant } from '../plant.ts';

/** `says`: a part of what the sweep says when the invariant is broken. */
const grinder = (says: string): Finder[] => [
  { file: 'tests/grind/grinder.test.ts', test: 'leave every invariant true in profile domains', says },
];

export const invariantPlants: readonly Plant[] = [
  {
    name: 'the last object of a retype lies in what is still free',
    file: 'microvisor/syscalls/untyped-invocation.ts',
    find: 'watermark: first + nodeWindow * objectSize - cap.address',
    replace: 'watermark: first + (nodeWindow - 0.5) * objectSize - cap.address',
    foundBy: grinder(', in the free part of '),
  },
  {
    name: 'the registers of a deleted thread are lost',
    file: 'microvisor/deletion.ts',
    find: '  kernel.freeContext(tcb.context);\n',
    replace: '',
    foundBy: grinder(': context: '),
  },
  {
    name: 'a suspended thread waits on for its budget',
    file: 'microvisor/tcb.ts',
    find: '  tcbReleaseRemove(kernel, tcb);\n',
    replace: '',
    foundBy: grinder('is inactive and waits for its budget'),
  },
  {
    name: 'a notification does not forget the thread that was bound to it',
    file: 'microvisor/notification.ts',
    find: 'if (tcb.boundNotification !== null) tcb.boundNotification.boundTcb = null;',
    replace: '',
    foundBy: grinder(': notification: '),
  },
  {
    name: 'a refill that is scheduled loses a tick',
    file: 'microvisor/sporadic.ts',
    find: '  tail.amount = amount;',
    replace: '  tail.amount = Math.max(0, amount - 1);',
    foundBy: grinder(' ticks, its budget is '),
  },
  {
    name: 'an interrupt without a handler stays handed out',
    file: 'microvisor/deletion.ts',
    find: '    kernel.irqStates[cap.irq] = irqState.inactive;\n',
    replace: '',
    foundBy: grinder(', and has no handler'),
  },
  {
    name: 'a thread that changes its domain stays in the queue of the old one',
    file: 'microvisor/tcb.ts',
    find: '  tcbSchedDequeue(kernel, tcb);\n  tcb.domain',
    replace: '  tcb.domain',
    foundBy: grinder(', which is not its own'),
  },
  {
    name: 'a page table that is deleted stays mapped',
    file: 'microvisor/deletion.ts',
    find: '      else unmapPageTable(kernel, cap);\n',
    replace: '',
    foundBy: grinder(': page table: no capability says '),
  },
];
