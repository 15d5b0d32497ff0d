// Cells that begin again, or go on, whatever they have been stopped by.

import { describe, expect, test } from 'vitest';
import { boot, manifestOf, SystemBench } from './system-bench.ts';

/** A caller that calls a server four times; the server goes wrong in the second call. */
const system = (how: string, policy: string): string => `machine: { ram: 32M, harts: 2 }
cells:
  clumsy: { kind: native, program: servers/clumsy, priority: 50, hart: 1, config: { how: ${how} }, restart: { when: [fault], policy: ${policy} } }
  caller: { kind: native, program: servers/caller, priority: 40, config: { words: [1, 2, 3, 4] } }
  supervisor: { kind: native, program: servers/supervisor, priority: 200, supervises: [clumsy] }
channels:
  - { name: ask, type: rpc, from: caller, to: clumsy }
`;

const kinds: [how: string, what: string][] = [
  ['throw', 'an exception'],
  ['budget', 'an exception'],
  ['memory fault', 'a memory fault'],
  ['capability fault', 'a capability fault'],
  ['unknown system call', 'an unknown system call'],
];

describe.each(kinds)('A server that is stopped by: %s', (how, what) => {
  test('begins again from its initial state, in a new generation, and is told why', () => {
    const bench = boot(system(how, 'immediate')).run(100);
    expect(bench.lines('clumsy')).toEqual([
      'generation 0',
      'call 1',
      'generation 1',
      `after ${what}`,
      'call 1',
      'call 2',
    ]);
    expect(bench.lines('supervisor')).toEqual([`clumsy has had ${what}: restart 1`]);
    expect(bench.restarts).toEqual(['clumsy']);
    expect(bench.unhandled).toEqual([]);
    expect(bench.lines('caller')).toHaveLength(4);
  });

  test('goes on with its state and without the event, when its policy is to resume', () => {
    const bench = boot(system(how, 'resume')).run(100);
    // The state still says that one call has been answered: the next one goes wrong as well.
    expect(bench.lines('clumsy')).toEqual(['generation 0', 'call 1']);
    expect(bench.lines('supervisor')).toEqual(Array(3).fill(`clumsy has had ${what}: it goes on`));
    expect(bench.restarts).toEqual([]);
    expect(bench.lines('caller')).toHaveLength(4);
  });

  test('is the same when the system was saved just after the fault', () => {
    const manifest = manifestOf(system(how, 'immediate'));
    const whole = new SystemBench(manifest).run(100);
    const before = new SystemBench(manifest);
    for (let ms = 0.5; before.restarts.length === 0 && ms < 100; ms += 0.05) before.run(ms);
    const after = new SystemBench(manifest, structuredClone(before.system.save())).run(100);
    expect(after.hash()).toBe(whole.hash());
    expect([...before.lines('clumsy'), ...after.lines('clumsy')]).toEqual(whole.lines('clumsy'));
  });
});

test.each([
  [
    'machine code',
    '{ kind: native, program: servers/counter, priority: 10, restart: { when: [fault], policy: immediate } }',
  ],
  [
    'a virtual machine',
    '{ kind: vm, kernel: servers/counter.s, memory: 64M, priority: 10, vcpus: [{ hart: 0 }], restart: { when: [fault], policy: immediate } }',
  ],
])('A cell that is %s is refused a restart', (_what, cell) => {
  const manifest = manifestOf(`machine: { ram: 256M }
cells:
  one: ${cell}
  supervisor: { kind: native, program: servers/supervisor, priority: 200, supervises: [one] }
`);
  expect(() => new SystemBench(manifest)).toThrow(/cells\.one\.restart: cells that are not servers/);
});
