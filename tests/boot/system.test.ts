// Small systems from manifest to messages: the boot task makes them, the cells talk, fail, and begin again.

import { describe, expect, test } from 'vitest';
import { nativeLayout } from '../../tools/plan/conventions.ts';
import { boot, manifestOf, SystemBench } from './system-bench.ts';

const cell = (name: string, program: string, priority: number, more = ''): string =>
  `  ${name}: { kind: native, program: ${program}, priority: ${priority}${more} }\n`;
const machine = 'machine: { ram: 32M }\n';
const twoHarts = 'machine: { ram: 32M, harts: 2 }\n';

/** A caller that asks an echo server for each of the words. */
const callers = (words: string, echo = '', more = '', cells = ''): string =>
  `${twoHarts}cells:\n${cell('echo', 'servers/echo', 50, `, hart: 1${echo}`)}${cell('caller', 'servers/caller', 40, `, config: { words: ${words} }${more}`)}${cells}` +
  'channels:\n  - { name: ask, type: rpc, from: caller, to: echo }\n';

const talkers = `${twoHarts}cells:
${cell('anna', 'servers/talker', 50, ', config: { samples: true, signals: true }')}${cell('bert', 'servers/talker', 60, ', hart: 1')}channels:
  - { name: line, type: stream, ends: [anna, bert] }
  - { name: post, type: queue, ends: [anna, bert], depth: 4, message: 64 }
  - { name: gauge, type: sample, from: anna, to: bert, message: 64 }
  - { name: bell, type: notify, from: anna, to: bert }
`;

describe('cells that talk', () => {
  test('call each other: words beyond the registers arrive, in order, and the label', () => {
    const bench = boot(callers('[10, 20]')).run(5);
    expect(bench.isBooted).toBe(true);
    expect(bench.lines('caller')).toEqual(['8: 5 4 3 2 1 10', '8: 5 4 3 2 1 20']);
    expect(bench.lines('echo')).toEqual(['call 1 from caller', 'call 2 from caller']);
    expect(bench.faults).toEqual([]);
  });

  test('exchange bytes, messages, values and signals over the channels between them', () => {
    const bench = boot(talkers).run(5);
    expect(bench.faults).toEqual([]);
    expect(bench.lines('anna').sort()).toEqual([
      'line: hello from bert',
      'post: hello from bert, first',
      'post: hello from bert, second',
    ]);
    expect(bench.lines('bert').sort()).toEqual([
      'bell: a signal',
      'gauge: hello from anna #1',
      'line: hello from anna',
      'post: hello from anna, first',
      'post: hello from anna, second',
    ]);
  });

  test('run as machine code beside servers', () => {
    const bench = boot(`${machine}cells:\n${cell('counter', 'servers/counter', 10)}`).run(2);
    expect(bench.lines('counter')[0]).toMatch(/^\.\.+$/);
    expect(bench.state('counter')).toBe('running');
    const { instructions } = bench.system.activity.of(bench.system.plan, 'counter');
    expect(instructions).toBeGreaterThan(1_000_000);
  });
});

describe('a cell that fails', () => {
  test('without a supervisor stays stopped, and its callers hear that their peer has died', () => {
    const bench = boot(callers('[10, 13, 20]')).run(5);
    expect(bench.faults).toEqual(['echo: throw']);
    expect(bench.unhandled).toHaveLength(1);
    expect(bench.unhandled[0]).toMatch(/^echo: exception 0x5245414c/);
    expect(bench.state('echo')).toBe('stopped');
    const [first, second] = bench.lines('caller');
    expect(first).toBe('8: 5 4 3 2 1 10');
    expect(second).toMatch(/^57005:/);
  });

  test('with a supervisor begins again from its first state, and answers', () => {
    const body = callers(
      '[10, 13, 20]',
      ', restart: { when: [fault], policy: immediate }',
      '',
      cell('supervisor', 'servers/supervisor', 200, ', supervises: [echo]'),
    );
    const bench = boot(body).run(10);
    expect(bench.faults).toEqual(['echo: throw']);
    expect(bench.unhandled).toEqual([]);
    expect(bench.restarts).toEqual(['echo']);
    expect(bench.lines('supervisor').join('\n')).toContain('echo has had an exception: restart 1');
    expect(bench.lines('echo')).toEqual(['call 1 from caller', 'call 1 from caller']);
    expect(bench.lines('caller')).toHaveLength(3);
    expect(bench.lines('caller').at(-1)).toBe('8: 5 4 3 2 1 20');
  });

  test('goes on after the event that failed, when its restart policy says so', () => {
    const body = callers(
      '[10, 13, 20]',
      ', restart: { when: [fault], policy: resume }',
      '',
      cell('supervisor', 'servers/supervisor', 200, ', supervises: [echo]'),
    );
    const bench = boot(body).run(10);
    expect(bench.restarts).toEqual([]);
    expect(bench.lines('echo')).toEqual(['call 1 from caller', 'call 2 from caller']);
  });
});

describe('memory that belongs to nobody or to another', () => {
  test.each([
    ['where others have channel memory', 0x1010_0000],
    ['the RAM of the kernel', 0x8000_0000],
    ['address zero', 0],
  ])('%s is out of reach of a server', (_what, address) => {
    const body = `${machine}cells:\n${cell('prober', 'servers/prober', 50, `, config: { address: ${address} }`)}${cell('anna', 'servers/talker', 40)}${cell('bert', 'servers/talker', 30)}channels:\n  - { name: line, type: stream, ends: [anna, bert] }\n`;
    const bench = boot(body).run(5);
    expect(bench.lines('prober')).toEqual(['looking']);
    expect(bench.state('prober')).toBe('stopped');
    expect([...bench.unhandled, ...bench.faults].join()).toContain('prober');
    expect(bench.lines('bert')).toEqual(['line: hello from anna']);
  });

  test('a stack overflow hits the guard page, not a neighbour', () => {
    const stack = 16 * 1024;
    const bench = boot(
      `${machine}cells:\n${cell('deep', 'servers/overflow', 50, ', stack: 16K')}${cell('counter', 'servers/counter', 40)}`,
    ).run(5);
    expect(bench.lines('deep')).toEqual(['s']);
    // Its lowest call had all of the stack but one frame of 256 bytes; the next is the first below it.
    const firstBelow = nativeLayout.stackTop - stack - 256;
    expect(bench.unhandled).toEqual([
      expect.stringMatching(`^deep: memory fault at 0x${firstBelow.toString(16)} \\(pc 0x10[0-9a-f]+, store\\)$`),
    ]);
    expect(bench.state('counter')).toBe('running');
  });

  test('is out of reach of machine code, and the fault says where', () => {
    const bench = boot(`${machine}cells:\n${cell('spy', 'servers/spy', 50)}`).run(5);
    expect(bench.lines('spy')).toEqual(['s']);
    expect(bench.unhandled).toEqual([
      expect.stringMatching(/^spy: memory fault at 0x80000000 \(pc 0x10[0-9a-f]+, load\)$/),
    ]);
  });
});

describe('a run', () => {
  const both = `${talkers}`.replace('channels:', `${cell('counter', 'servers/counter', 10)}channels:`);

  test('is the same twice, and under another seed when nobody asks for randomness', () => {
    const first = boot(both).run(3).hash();
    expect(boot(both).run(3).hash()).toBe(first);
    expect(boot(both, ['system.seed=99']).run(3).hash()).toBe(first);
    expect(boot(both.replace('priority: 10', 'priority: 11')).run(3).hash()).not.toBe(first);
  });

  test('does not depend on the pieces in which it is run', () => {
    const whole = boot(both).run(3).hash();
    const pieces = boot(both);
    for (let at = 0.013; at < 3; at += 0.017) pieces.run(at);
    pieces.run(3);
    expect(pieces.hash()).toBe(whole);
  });

  test.each([
    ['before the boot task has run', 0],
    ['when the boot task is done', 0.02],
    ['while cells talk', 0.9],
    ['when all is said', 2],
  ])('goes on in a new system as if it had not been saved %s', (_when, at) => {
    const body = callers('[10, 11, 12]', '', '', cell('counter', 'servers/counter', 10));
    const manifest = manifestOf(body);
    const whole = new SystemBench(manifest).run(3);
    const before = new SystemBench(manifest).run(at);
    const saved = structuredClone(before.system.save());
    const after = new SystemBench(manifest, saved).run(3);
    expect(after.hash()).toBe(whole.hash());
    expect([...before.lines('caller'), ...after.lines('caller')]).toEqual(whole.lines('caller'));
    for (const name of ['caller', 'echo', 'counter']) {
      expect(after.system.activity.of(after.system.plan, name)).toEqual(
        whole.system.activity.of(whole.system.plan, name),
      );
    }
  });

  test.each([0.4, 0.6, 0.8, 1])('goes on from %s ms the same, whatever its servers have seen before', (at) => {
    // A server whose requests are taken apart by regular expressions, of which a saved realm keeps none compiled.
    const body = `${twoHarts}cells:
  beacon: { kind: native, program: ../../examples/beacon.s, priority: 50, hart: 1 }
  store: { kind: native, program: servers/key-value, priority: 60 }
channels:
  - { name: store, type: rpc, from: beacon, to: store }
`;
    const manifest = manifestOf(body);
    const whole = new SystemBench(manifest).run(2);
    const saved = structuredClone(new SystemBench(manifest).run(at).system.save());
    expect(new SystemBench(manifest, saved).run(2).hash()).toBe(whole.hash());
  });

  test('that is saved after a fault keeps the fault: the server stays stopped', () => {
    const manifest = manifestOf(callers('[13]'));
    const before = new SystemBench(manifest).run(2);
    expect(before.state('echo')).toBe('stopped');
    const after = new SystemBench(manifest, structuredClone(before.system.save())).run(4);
    expect(after.state('echo')).toBe('stopped');
    expect(after.hash()).toBe(before.run(4).hash());
  });
});
