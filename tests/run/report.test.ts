// The report of a run, as text.

import { expect, test } from 'vitest';
import { describeReport, type RunReport } from '../../tools/run/report.ts';

const report: RunReport = {
  schema: 1,
  manifest: 'demo.yaml',
  system: 'demo',
  seed: 7,
  outcome: 'timeout',
  detail: ['not seen: a:/x/'],
  virtualTimeNs: 1_500_000,
  instructions: 123,
  traceHash: '0123456789abcdef',
  cells: [
    {
      name: 'a',
      kind: 'native',
      state: 'running',
      instructions: 100,
      messages: 2,
      faultCount: 1,
      faults: ['a: it broke (throw) in init at a.ts:1:2'],
      restarts: 1,
      console: [],
    },
    {
      name: 'longer',
      kind: 'vm',
      state: 'stopped',
      instructions: 23,
      messages: 0,
      faultCount: 0,
      faults: [],
      restarts: 2,
      console: ['x'],
    },
  ],
  windows: [],
  sharing: [],
  versions: { microvisor: '0', node: 'v20' },
};

test('a report says the outcome, what is missing, and what became of each cell', () => {
  expect(describeReport(report)).toBe(
    [
      'timeout: 1500us of virtual time, 123 instructions, trace hash 0123456789abcdef',
      '  not seen: a:/x/',
      '  a       native running  100 instructions, 2 messages, 1 restart',
      '          fault: a: it broke (throw) in init at a.ts:1:2',
      '  longer  vm     stopped  23 instructions, 0 messages, 2 restarts',
    ].join('\n'),
  );
});

test('with windows it tells which began late, and what cells share nevertheless', () => {
  const windowed = {
    ...report,
    windows: [
      { hart: 0, overruns: 0 },
      { hart: 2, overruns: 3 },
    ],
    sharing: [{ cells: ['a', 'longer'], through: 'server console' }],
  };
  expect(describeReport(windowed).split('\n').slice(-3)).toEqual([
    '  windows of hart 0: all began on time',
    '  windows of hart 2: 3 began late',
    '  a channel between a, longer: server console',
  ]);
});
