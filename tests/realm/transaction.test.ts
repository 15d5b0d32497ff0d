// Handlers as transactions: run again after blocking, paid before they take effect, dropped when they fail, saved anywhere.

import { describe, expect, test } from 'vitest';
import { formatRealmFault, NodeRealm } from '../../tools/host/realm.ts';
import { callBadge, FakeThread } from './fake-thread.ts';
import { loadInline, programOf, RunningServer, realmOf } from './inline-server.ts';

/** Calls two servers in a row, then changes its state. */
const caller = `
  interface State { sum: bigint; runs: number }
  let dummy: undefined;
  export default server<State>({
    state: () => ({ sum: 0n, runs: 0 }),
    protected(cell, _channel, message) {
      const first = cell.rpc('one').call({ label: 7, words: message.words });
      cell.channel('bell').notify();
      const second = cell.rpc('two').call({ label: 8, words: [first.words[0]! * 2n] });
      const draft = cell.draft();
      draft.sum += first.words[0]! + second.words[0]!;
      draft.runs += 1;
      return { label: 0, words: [draft.sum] };
    },
  });`.replace('let dummy: undefined;', '');

const channels = [
  { name: 'rpc', type: 'rpc' as const },
  { name: 'one', type: 'rpc' as const },
  { name: 'two', type: 'rpc' as const },
  { name: 'bell', type: 'notify' as const },
];
const blocking = (): FakeThread => {
  const thread = new FakeThread({ channels });
  thread.answer = () => 'block';
  return thread;
};

describe('A handler that blocks', () => {
  test('runs again from its start with recorded results, and each call happens once', () => {
    const running = new RunningServer(realmOf(caller), blocking());
    running.call(0, 5n);
    expect(running.thread.blocked).toBe('call');
    running.deliver({ badge: 0n, words: [10n] });
    expect(running.thread.blocked).toBe('call');
    running.deliver({ badge: 0n, words: [100n] });
    expect(running.thread.calls.map(({ label, words }) => [label, words])).toEqual([
      [7, [5n]],
      [8, [20n]],
    ]);
    expect(running.thread.replies.at(-1)!.words).toEqual([110n]);
  });

  test('signals when it commits, once', () => {
    const running = new RunningServer(realmOf(caller), blocking());
    running.call(0, 5n);
    running.deliver({ badge: 0n, words: [10n] });
    expect(running.thread.signals).toEqual([]);
    running.deliver({ badge: 0n, words: [100n] });
    expect(running.thread.signals).toEqual([10 + 3]);
  });

  test('goes on with the same results in a new realm, saved in the middle of a call', () => {
    const program = programOf(loadInline(caller));
    const reference = new RunningServer(new NodeRealm({ cell: 'a', program }), blocking());
    reference.call(0, 5n);
    reference.deliver({ badge: 0n, words: [10n] });
    const saved = JSON.parse(JSON.stringify(reference.realm.save()));

    const realm = new NodeRealm({ cell: 'b', program });
    realm.load(saved);
    const thread = blocking();
    thread.deliver({ badge: 0n, words: [100n] });
    realm.resume(thread);
    reference.deliver({ badge: 0n, words: [100n] });
    expect(thread.calls).toEqual([]);
    expect(thread.replies).toEqual(reference.thread.replies);
    expect(thread.payments).toEqual(reference.thread.payments.slice(-thread.payments.length));
    expect(realm.save()).toEqual(reference.realm.save());
  });

  test('costs the same virtual time whether it blocks or not', () => {
    const smooth = new RunningServer(realmOf(caller), new FakeThread({ channels }));
    smooth.thread.answer = ({ label }) => ({ badge: 0n, words: [label === 7 ? 10n : 100n] });
    smooth.call(0, 5n);
    const rough = new RunningServer(realmOf(caller), blocking());
    rough.call(0, 5n);
    rough.deliver({ badge: 0n, words: [10n] });
    rough.deliver({ badge: 0n, words: [100n] });
    expect(rough.thread.payments).toEqual(smooth.thread.payments);
  });
});

test('A payment that is interrupted is not paid twice, and the operation happens afterwards', () => {
  const reference = new RunningServer(realmOf(caller), new FakeThread({ channels }));
  reference.thread.answer = () => ({ badge: 0n, words: [3n] });
  reference.call(0, 5n);

  const interrupted = new RunningServer(realmOf(caller), new FakeThread({ channels }));
  interrupted.thread.answer = () => ({ badge: 0n, words: [3n] });
  interrupted.thread.deliver({ badge: callBadge(0), words: [5n] });
  for (let turn = 0; turn < 20 && interrupted.thread.replies.length === 0; turn++) {
    interrupted.thread.paymentsUntilInterrupted = 0;
    interrupted.realm.resume(interrupted.thread);
  }
  expect(interrupted.thread.calls).toEqual(reference.thread.calls);
  expect(interrupted.thread.payments).toEqual(reference.thread.payments);
  expect(interrupted.thread.replies).toEqual(reference.thread.replies);
});

const failing = `
  interface State { count: number }
  export default server<State>({
    state: () => ({ count: 0 }),
    protected(cell, _channel, message) {
      cell.draft().count += 1;
      cell.channel('bell').notify();
      if (message.label === 1) {
        const nothing: any = null;
        nothing.field = 1;
      }
      return { label: cell.generation, words: [BigInt(cell.draft().count)] };
    },
    restarted(cell, reason) {
      cell.draft().count = 1000 + reason.length;
    },
  });`;

describe('A handler that throws', () => {
  const fail = (): RunningServer => {
    const running = new RunningServer(realmOf(failing), new FakeThread({ channels }));
    running.call(0);
    running.call(1);
    return running;
  };

  test('stops the server with a fault that names file, line and cause', () => {
    const { realm, thread } = fail();
    expect(thread.faults).toHaveLength(1);
    expect(formatRealmFault(realm.fault!)).toBe(
      "test: TypeError: Cannot set properties of null (setting 'field') (throw) in protected at tests/realm/servers/inline.ts:11:9",
    );
  });

  test('leaves state and signals as they were', () => {
    const { realm, thread } = fail();
    expect(thread.signals).toHaveLength(1);
    expect(realm.save()).toMatchObject({ realm: { state: { count: 1 } } });
  });

  test('fails again when its thread goes on where it was', () => {
    const running = fail();
    running.realm.resume(running.thread);
    expect(running.thread.faults).toHaveLength(2);
    expect(running.thread.faults[1]).toEqual(running.thread.faults[0]);
  });

  test('loses only its event when the supervisor lets it skip it', () => {
    const running = fail();
    running.realm.skip();
    expect(running.realm.fault).toBeUndefined();
    running.realm.resume(running.thread);
    expect(running.thread.blocked).toBe('receive');
    expect(running.call(0)).toEqual([2n]);
  });

  test('begins anew with a fresh generation when the supervisor restarts it', () => {
    const running = fail();
    running.realm.restart(6);
    running.realm.resume(running.thread);
    expect(running.call(0)).toEqual([1000n + BigInt('a memory fault'.length) + 1n]);
    expect(running.thread.replies.at(-1)!.label).toBe(1);
    expect(running.realm.fault).toBeUndefined();
  });
});

test('A faulting access is made again when the thread is resumed', () => {
  const source = `
    import { machine } from '../../../guests/sdk/machine.ts';
    export default server<object>({
      protected() { return { label: 0, words: [machine.load(0x7000_0000, 8)] }; },
    });`;
  const running = new RunningServer(realmOf(source));
  running.call(0);
  expect(running.thread.replies).toEqual([]);
  running.thread.map(0x7000_0000, 8);
  running.thread.store(0x7000_0000, 8, 0x1122334455667788n);
  running.realm.resume(running.thread);
  expect(running.thread.replies.at(-1)!.words).toEqual([0x1122334455667788n]);
});

test('A publication that faults is dropped by itself when the supervisor lets the server skip it', () => {
  const source = `
    import { machine } from '../../../guests/sdk/machine.ts';
    export default server<{ calls: number }>({
      state: () => ({ calls: 0 }),
      protected(cell) {
        cell.draft().calls += 1;
        machine.publish(0x7000_0000, 4, 1n);
        cell.channel('bell').notify();
        return { label: 0, words: [BigInt(cell.draft().calls)] };
      },
    });`;
  const running = new RunningServer(realmOf(source), new FakeThread({ channels }));
  running.call(0);
  running.realm.resume(running.thread);
  expect(running.thread.signals).toEqual([]);
  running.realm.skip();
  running.realm.resume(running.thread);
  expect(running.thread.signals).toEqual([10 + 3]);
  // The event had been handled: only its answer is gone.
  expect(running.thread.replies).toEqual([]);
  running.thread.map(0x7000_0000, 4);
  expect(running.call(0)).toEqual([2n]);
});

test('Messages longer than the registers travel in the IPC buffer', () => {
  const source = `
    export default server<object>({
      protected(cell, _channel, message) {
        return cell.rpc('one').call({ label: 1, words: message.words.map((word) => word + 1n) });
      },
    });`;
  const running = new RunningServer(realmOf(source), new FakeThread({ channels }));
  running.thread.answer = ({ words }) => ({ badge: 0n, words: words.map((word) => word * 2n) });
  const words = Array.from({ length: 100 }, (_, i) => BigInt(i));
  expect(running.call(0, ...words)).toEqual(words.map((word) => (word + 1n) * 2n));
});

describe('The state', () => {
  test.each([
    ['a class instance', 'new (class A {})()', 'an instance of a class'],
    ['a Map', 'new Map()', 'an instance of a class'],
    ['a function', '() => 1', 'a function'],
    ['a typed array', 'new Uint8Array(1)', 'an instance of a class'],
    ['an array with holes', '[1, , 2]', 'holes'],
    ['a getter', '({ get x() { return 1 } })', 'a getter'],
  ])('cannot hold %s', (_name, value, message) => {
    const running = new RunningServer(
      realmOf(`export default server<{ a: unknown }>({
        state: () => ({ a: 0 }),
        protected(cell) { cell.draft().a = ${value}; return undefined; },
      });`),
    );
    running.call(0);
    expect(running.realm.fault?.message).toContain(message);
    expect(running.realm.fault?.message).toContain('state.a');
  });

  test('cannot be larger than the cell', () => {
    const running = new RunningServer(
      realmOf(
        `export default server<{ a: string[] }>({
          state: () => ({ a: [] }),
          protected(cell) { cell.draft().a.push('x'.repeat(1000)); return undefined; },
        });`,
        { stateBytes: 10_000 },
      ),
    );
    for (let i = 0; i < 4; i++) running.call(0);
    expect(running.realm.fault).toBeUndefined();
    running.call(0);
    expect(running.realm.fault?.cause).toBe('memory');
  });

  test('is frozen, and a handler that writes to it without a draft fails', () => {
    const running = new RunningServer(
      realmOf(`export default server<{ a: { b: number } }>({
        state: () => ({ a: { b: 0 } }),
        protected(cell) { (cell.state.a as { b: number }).b = 1; return undefined; },
      });`),
    );
    running.call(0);
    expect(running.realm.fault?.message).toContain('read only');
  });

  test('migrates to another version of the program', () => {
    const version = (definition: string): NodeRealm => realmOf(`export default server<any>({ ${definition} });`);
    const old = new RunningServer(version('state: () => ({ n: 20, list: [1n, NaN, undefined] })'));
    const next =
      version(`stateVersion: 2, migrate: (state: any, version) => ({ n: state.n + version, list: state.list }),
      protected(cell) { return { label: cell.state.list.length, words: [BigInt(cell.state.n), cell.state.list[0]] }; }`);
    next.load(old.realm.save());
    old.thread.deliver({ badge: callBadge(0) });
    next.resume(old.thread);
    expect(old.thread.replies.at(-1)).toEqual({ label: 3, words: [21n, 1n] });
  });
});

describe('A state that changes in place', () => {
  const mutable = `
    interface State { list: number[]; table: Record<string, { n: number }>; total: number }
    export default server<State>({
      mutable: true,
      state: () => ({ list: [3, 1, 2], table: { a: { n: 1 } }, total: 0 }),
      protected(cell, _channel, message) {
        const state = cell.draft();
        state.total += 1;
        state.table.a.n *= 5;
        state.table['b'] = { n: 7 };
        state.list.push(9);
        state.list.sort();
        [state.list[0], state.total] = [8, state.total + 1];
        state.list.length = 3;
        state.total++;
        if (message.label === 2) delete (state.table as any).a;
        if (message.label === 1) throw new Error('undo');
        return { label: 0, words: [BigInt(state.total)] };
      },
    });`;

  test('keeps what a handler did', () => {
    const running = new RunningServer(realmOf(mutable));
    expect(running.call(0)).toEqual([3n]);
    expect(running.realm.save()).toMatchObject({
      realm: { state: { list: [8, 2, 3], table: { a: { n: 5 }, b: { n: 7 } }, total: 3 } },
    });
  });

  test('is as before when a handler fails', () => {
    const running = new RunningServer(realmOf(mutable));
    running.call(1);
    expect(running.realm.fault?.message).toBe('Error: undo');
    const { state } = (running.realm.save() as { realm: { state: unknown } }).realm;
    expect(state).toEqual({ list: [3, 1, 2], table: { a: { n: 1 } }, total: 0 });
  });
});
