// Bugs in isolation: ways in which one cell feels another through its windows.

import type { Plant } from '../plant.ts';

const windows = 'tests/microvisor/windows.test.ts';
const prove = 'tests/isolation/prove.test.ts';
const random = 'tests/isolation/random-sender.test.ts';
const interrupts = 'tests/isolation/interrupts.test.ts';

export const isolationPlants: readonly Plant[] = [
  {
    name: 'windows are not padded',
    file: 'microvisor/windows.ts',
    find: 'port.clocks[node.id]! += early;\n',
    replace: '\n',
    foundBy: [
      { file: prove, test: 'is not felt in windows' },
      { file: random, test: 'finds the same to the cycle, whatever kernel calls others make at random' },
      {
        file: prove,
        test: "an exit storm from one VM cannot delay another cell's window",
      },
    ],
  },
  {
    name: 'windows are not left early',
    file: 'microvisor/kernel.ts',
    find: 'Math.ceil(windowGuard(costs) / this.cyclesPerTick)',
    replace: '0',
    foundBy: [
      { file: windows, test: 'an operation that begins in the last cycle of a window delays the next one by nothing' },
      { file: random, test: 'finds the same to the cycle, whatever kernel calls others make at random' },
    ],
  },
  {
    name: 'a long operation looks at the clock as seldom as without windows',
    file: 'microvisor/budget.ts',
    find: ' && !isWindowOver(kernel)',
    replace: '',
    foundBy: [{ file: windows, test: 'clearing memory leaves the window in time, and goes on in the next' }],
  },
  {
    name: 'interrupts are taken in any window',
    file: 'microvisor/windows.ts',
    find: '(owner?.domain ?? 0) !== kernel.nodes[hart]!.domain',
    replace: 'false',
    foundBy: [
      { file: windows, test: 'interrupts of cells outside the window are latched, and delivered when it begins' },
      { file: interrupts, test: 'is not felt with them, and its driver gets every byte in its own window' },
    ],
  },
  {
    name: 'all interrupts stay with hart 0',
    file: 'microvisor/windows.ts',
    find: 'const hart = owner?.affinity ?? 0;',
    replace: 'const hart = 0;',
    foundBy: [{ file: interrupts, test: 'does not disturb the windows of hart 0 when its driver is on another hart' }],
  },
  {
    name: 'releases and virtual timers of other domains interrupt a window',
    file: 'microvisor/scheduler.ts',
    find: '!kernel.config.windows || tcb.domain === node.domain',
    replace: 'node.id >= 0 || tcb.domain === 0 || !kernel.config.windows',
    foundBy: [
      { file: windows, test: 'a release of another domain does not interrupt a window' },
      { file: random, test: 'finds the same to the cycle, whatever kernel calls others make at random' },
      {
        file: prove,
        test: "an exit storm from one VM cannot delay another cell's window",
      },
    ],
  },
  {
    name: 'a request to choose again interrupts whatever window it arrives in',
    file: 'microvisor/supervisor.ts',
    find: 'if (kernel.config.windows && !kernel.node.reprogram && !isOutranked(kernel)) return;',
    replace: '',
    foundBy: [{ file: windows, test: 'a reschedule that was meant for another window costs this one nothing' }],
  },
  {
    name: 'work that was counted in one window is counted in the next',
    file: 'microvisor/windows.ts',
    find: 'node.workUnits = 0;',
    replace: '',
    foundBy: [{ file: windows, test: 'each window begins with the work of long operations uncounted' }],
  },
  {
    name: 'instructions of other cells can be counted',
    file: 'microvisor/registers.ts',
    find: "if (windows) context.setCsr('mcounteren', countersOfTime);",
    replace: '',
    foundBy: [{ file: windows, test: 'a thread cannot count the instructions of others' }],
  },
  {
    name: 'a cell can halt the machine',
    file: 'microvisor/syscalls/system-call.ts',
    find: 'if (!kernel.config.windows) kernel.machine.port.halt(reason);\n  return !kernel.config.windows;',
    replace: 'kernel.machine.port.halt(reason);\n  return true;',
    foundBy: [{ file: windows, test: 'no cell can halt the machine: debug calls that would are unknown' }],
  },
];
