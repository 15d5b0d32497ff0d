// A realm that is saved and loaded goes on as if it had not been: same effects, same payments, whatever it was doing.

import { describe, expect, test } from 'vitest';
import { NodeRealm } from '../../tools/host/realm.ts';
import type { RealmProgram } from '../../tools/realm/loader.ts';
import { callBadge, FakeThread } from './fake-thread.ts';
import { loadInline, programOf, RunningServer } from './inline-server.ts';

const channels = [
  { name: 'rpc', type: 'rpc' as const },
  { name: 'bell', type: 'notify' as const },
];

/** The realm as another process would get it. */
function loaded(realm: NodeRealm, program: RealmProgram): NodeRealm {
  const copy = new NodeRealm({ cell: 'test', program });
  copy.load(JSON.parse(JSON.stringify(realm.save())));
  return copy;
}

/** Payments and answers of a series of calls; the realm is replaced by its loaded copy before each that `moves` names. */
function series(program: RealmProgram, labels: readonly number[], moves: (call: number) => boolean) {
  const thread = new FakeThread({ channels });
  let realm = new NodeRealm({ cell: 'test', program });
  realm.resume(thread);
  const costs: number[] = [];
  labels.forEach((label, call) => {
    if (moves(call)) realm = loaded(realm, program);
    const before = thread.payments.length;
    thread.deliver({ badge: callBadge(0), label, words: [BigInt(call)] });
    realm.resume(thread);
    costs.push(thread.payments.slice(before).reduce((sum, ticks) => sum + ticks, 0));
    if (thread.faults.length > 0) {
      thread.faults.length = 0;
      realm.restart(3);
      realm.resume(thread);
    }
  });
  return { costs, replies: thread.replies };
}

const never = (): boolean => false;
const calls = Array.from({ length: 200 }, () => 0);

describe('What a server pays', () => {
  test('is the same saved or not, for a state that changes in place and is weighed at some commits', () => {
    const program = programOf(
      loadInline(`
        export default server<{ list: number[][] }>({
          mutable: true,
          state: () => ({ list: [] }),
          protected(cell, _channel, message) {
            if (message.label === 1) throw new Error('once');
            cell.draft().list.push([1, 2, 3]);
            return { label: cell.state.list.length, words: [] };
          },
        });`),
    );
    const labels = calls.map((_, call) => (call === 70 ? 1 : 0));
    const whole = series(program, labels, never);
    expect(new Set(whole.costs).size).toBeGreaterThan(2);
    expect(series(program, labels, (call) => call % 7 === 3)).toEqual(whole);
    // What it pays begins anew with its state.
    expect(whole.costs.slice(71, 141)).toEqual(whole.costs.slice(0, 70));
  });

  test('is the same saved or not, where a state takes and drops what is heavy: constants, configuration, messages', () => {
    const heavy = JSON.stringify(Array.from({ length: 40 }, (_, i) => ({ number: i, name: `entry ${i}` })));
    const program = programOf(
      loadInline(`
        const table = ${heavy};
        export default server<{ table: unknown; config: unknown; words: unknown; n: number }>({
          state: () => ({ table: null, config: null, words: null, n: 0 }),
          protected(cell, _channel, message) {
            const draft = cell.draft();
            const which = draft.n++ % 6;
            draft.table = which === 1 || which === 4 ? table : null;
            draft.config = which === 2 || which === 4 ? cell.channels : null;
            draft.config = which === 2 ? cell.config : null;
            draft.words = which === 3 ? message.words : null;
            return { label: 0, words: which === 5 ? message.words : [] };
          },
        });`),
    );
    const whole = series(program, calls, never);
    expect(series(program, calls, (call) => call % 5 === 4)).toEqual(whole);
  });
});

describe('A save', () => {
  const program = programOf(
    loadInline(`
      export default server<{ calls: number }>({
        state: () => ({ calls: 0 }),
        protected(cell, _channel, message) {
          cell.draft().calls += 1;
          cell.channel('bell').notify();
          if (message.label === 1) throw new Error('failed');
          if (message.label === 2) for (;;);
          if (message.label === 3) 'x'.repeat(1 << 22);
          return { label: 0, words: [BigInt(cell.draft().calls)] };
        },
      });`),
  );

  test.each([
    ['a handler that succeeds', 0],
    ['a handler that throws', 1],
    ['a handler that spins', 2],
    ['a handler that allocates too much', 3],
  ])('at every payment of %s changes nothing of what follows', (_what, label) => {
    const reference = new RunningServer(new NodeRealm({ cell: 'test', program }), new FakeThread({ channels }));
    reference.call(label);
    const phases = new Set<string>();
    const thread = new FakeThread({ channels });
    let { realm } = new RunningServer(new NodeRealm({ cell: 'test', program }), thread);
    thread.deliver({ badge: callBadge(0), label });
    for (let turn = 0; turn < 50 && thread.blocked === undefined && thread.faults.length === 0; turn++) {
      thread.paymentsUntilInterrupted = 0;
      realm.resume(thread);
      const { fault } = realm;
      phases.add((realm.save() as { realm: { progress: { phase: string } } }).realm.progress.phase);
      realm = loaded(realm, program);
      expect(realm.fault).toEqual(fault);
    }
    expect(phases).toContain(label === 0 ? 'publishing' : 'faulting');
    expect(thread.faults).toEqual(reference.thread.faults);
    expect(thread.payments).toEqual(reference.thread.payments);
    expect(thread.replies).toEqual(reference.thread.replies);
    expect(thread.signals).toEqual(reference.thread.signals);
    expect(realm.save()).toEqual(reference.realm.save());
  });

  test('of an answer that is not plain data cannot fail: the handler does', () => {
    const odd = programOf(
      loadInline(`
        class Odd { label = 0; words = [1n]; }
        export default server<object>({ protected: () => new Odd() });`),
    );
    const running = new RunningServer(new NodeRealm({ cell: 'test', program: odd }));
    running.call(0);
    expect(running.realm.fault).toMatchObject({ cause: 'state' });
    expect(() => running.realm.save()).not.toThrow();
  });
});

describe.each([
  ['copies', ''],
  ['in place', 'mutable: true,'],
])('A state that changes by %s', (_how, mutable) => {
  const source = (more: string): string => `
    const idle = { name: 'idle', next: ['busy'] };
    const busy = { name: 'busy', next: ['idle'] };
    export default server<{ mode: unknown; modes: unknown[] }>({
      ${mutable} ${more}
      state: () => ({ mode: idle, modes: [idle, busy, idle] }),
      protected(cell) {
        const { mode, modes } = cell.state;
        const same = [mode === idle, modes[0] === mode, modes[1] === busy, (modes[2] as any).next === idle.next];
        cell.draft().mode = mode === idle ? busy : idle;
        return { label: 0, words: same.map((each) => BigInt(each)) };
      },
    });`;

  test('refers to the same constants of its modules after a load', () => {
    const program = programOf(loadInline(source('')));
    const whole = series(program, [0, 0, 0], never);
    expect(whole.replies.map(({ words }) => words)).toEqual([
      [1n, 1n, 1n, 1n],
      [0n, 0n, 1n, 1n],
      [1n, 1n, 1n, 1n],
    ]);
    expect(series(program, [0, 0, 0], () => true)).toEqual(whole);
  });

  test('gets copies of them in another version of the program', () => {
    const old = new RunningServer(new NodeRealm({ cell: 'test', program: programOf(loadInline(source(''))) }));
    const next = new NodeRealm({ cell: 'test', program: programOf(loadInline(source('stateVersion: 1,'))) });
    next.load(JSON.parse(JSON.stringify(old.realm.save())));
    old.thread.deliver({ badge: callBadge(0) });
    next.resume(old.thread);
    expect(old.thread.replies.at(-1)!.words).toEqual([0n, 1n, 0n, 0n]);
    expect((next.save() as { realm: { state: unknown } }).realm.state).toMatchObject({
      modes: [{}, { name: 'busy' }, {}],
    });
  });
});

describe('The initial state', () => {
  test('is paid for like other work when it is made again', () => {
    const program = programOf(
      loadInline(`
        export default server<{ n: number }>({
          state: () => { for (let i = 0; i < 1000; i++); return { n: 0 }; },
        });`),
    );
    const running = new RunningServer(new NodeRealm({ cell: 'test', program }));
    const before = running.thread.payments.length;
    running.realm.restart(3);
    running.realm.resume(running.thread);
    expect(running.thread.payments.slice(before).reduce((sum, ticks) => sum + ticks, 0)).toBeGreaterThan(4000);
  });

  test('that cannot be made is a fault, however the realm is sent on, and not the end of the run', () => {
    const program = programOf(
      loadInline(`export default server<{ n: number }>({ state: () => { throw new Error('never'); } });`),
    );
    const thread = new FakeThread({ channels });
    const realm = new NodeRealm({ cell: 'test', program });
    expect(realm.fault?.message).toBe('Error: never');
    realm.resume(thread);
    realm.restart(3);
    expect(realm.fault?.message).toBe('Error: never');
    realm.resume(thread);
    realm.skip();
    realm.resume(thread);
    expect(thread.faults).toHaveLength(3);
  });
});
