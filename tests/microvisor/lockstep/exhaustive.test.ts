// Kernel and specification in lockstep on every sequence of a few calls over a few objects.

import { describe, expect, it } from 'vitest';
import { right } from '../../../microvisor/abi/rights.ts';
import type { State } from '../../../microvisor/specification/state.ts';
import { exceptions, initialCap, label, objectType, systemCall, type World } from '../world.ts';
import type { Action, Call } from './action.ts';
import { Beginning } from './beginning.ts';
import { smallWorld } from './population.ts';
import { report, shortest } from './shortest.ts';

/** What states of one kind have in common: registers and messages are compared after every call, but lead nowhere new. */
function kindOf(state: State): string {
  const threads = Object.entries(state.threads).map(([id, { registers: _, pc: __, restartPc: ___, ...rest }]) => [
    id,
    rest,
  ]);
  return JSON.stringify({ ...state, memory: null, threads }, (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value,
  );
}

/** Every sequence of at most `length` actions; what leads to a state of a kind that was met before is not followed again. */
function exhaust(world: World, actions: readonly Action[], length: number): { entries: number; kinds: number } {
  const start = Beginning.of(world);
  const met = new Set([kindOf(start.state)]);
  let ends: { beginning: Beginning; path: Action[] }[] = [{ beginning: start, path: [] }];
  let entries = 0;
  for (let depth = 0; depth < length; depth++) {
    const further: typeof ends = [];
    for (const { beginning, path } of ends) {
      for (const action of actions) {
        const lockstep = beginning.begin();
        const here = [...path, action];
        if (lockstep.act(action).length > 0) expect.fail(report(start, shortest(start, here)));
        entries++;
        const kind = kindOf(lockstep.state);
        if (met.has(kind)) continue;
        met.add(kind);
        if (depth + 1 < length) further.push({ beginning: beginning.after(lockstep), path: here });
      }
    }
    ends = further;
  }
  return { entries, kinds: met.size };
}

const call = (cap: number, name: keyof typeof label | null, words: Call['words'] = [], caps: number[] = []): Call => ({
  kind: 'call',
  number: systemCall.call,
  cap,
  label: name === null ? 0 : label[name],
  words,
  caps,
});
const does = (number: number, cap: number, more: Partial<Call> = {}): Call => ({ kind: 'call', number, cap, ...more });
const { cNode, tcb, vspace } = initialCap;

describe('kernel and specification agree after every sequence', () => {
  it('of up to four calls that communicate, among two threads and a passive one', { timeout: 600_000 }, () => {
    const world = smallWorld();
    const [endpoint, notification] = [world.endpoint(), world.notification()];
    const asked = world.mint(endpoint, 7, right.write | right.grantReply);
    const [first, second] = [world.reply(), world.reply()];
    const thread = world.thread({ priority: 150, budget: 300, period: 900 });
    const passive = world.thread({ priority: 160 });
    for (const word of [255, 150]) world.must(tcb, label.TCBSetPriority, [word], [tcb]);
    const { send, nbSend, recv, nbRecv, wait, replyRecv, nbSendWait } = systemCall;
    const actions: Action[] = [
      does(systemCall.call, endpoint, { words: [1, 2] }),
      does(systemCall.call, asked),
      does(send, asked),
      does(nbSend, endpoint),
      does(recv, endpoint, { reply: first }),
      does(recv, endpoint, { reply: second }),
      does(nbRecv, endpoint, { reply: first }),
      does(wait, endpoint),
      does(replyRecv, endpoint, { reply: first }),
      does(send, first),
      does(send, notification),
      does(wait, notification),
      does(nbSendWait, notification, { reply: first }),
      does(systemCall.yield, 0),
      call(passive.cap, 'TCBResume'),
      call(thread.cap, 'TCBSuspend'),
      call(thread.cap, 'TCBSetPriority', [170], [tcb]),
      call(passive.cap, 'TCBBindNotification', [], [notification]),
      call(thread.sc, 'SchedContextBind', [], [notification]),
      call(cNode, 'CNodeDelete', [first, 64]),
      call(cNode, 'CNodeRevoke', [endpoint, 64]),
      { kind: 'fault', cause: exceptions.loadPageFault, address: 8 },
      { kind: 'compute', us: 400 },
    ];
    const { kinds } = exhaust(world, actions, 4);
    expect(kinds).toBeGreaterThan(1000);
  });

  it('of up to three calls that derive and delete capabilities, in two CNodes', { timeout: 600_000 }, () => {
    const world = smallWorld();
    const untyped = world.make(objectType.untyped, 12);
    const [endpoint, node] = [world.endpoint(), world.make(objectType.capTable, 1)];
    const [a, b] = [world.freeSlot(), world.freeSlot()];
    const retype = (type: number, size: number, slot: number): Action =>
      call(untyped, 'UntypedRetype', [type, size, 0, 0, slot, 1], [cNode]);
    const actions: Action[] = [
      ...[retype(objectType.capTable, 1, a), retype(objectType.endpoint, 0, b), retype(objectType.tcb, 0, a)],
      ...[retype(objectType.untyped, 10, b), retype(objectType.untyped, 10, a)],
      call(a, 'UntypedRetype', [objectType.endpoint, 0, 0, 0, b, 1], [cNode]),
      ...[endpoint, node, untyped, vspace, tcb].map((from) => call(cNode, 'CNodeCopy', [a, 64, from, 64, 15], [cNode])),
      call(cNode, 'CNodeMint', [a, 64, endpoint, 64, 15, 7], [cNode]),
      call(cNode, 'CNodeMint', [b, 64, a, 64, right.write, 0], [cNode]),
      call(cNode, 'CNodeMint', [b, 64, a, 64, 15, 9], [cNode]),
      call(cNode, 'CNodeMove', [b, 64, a, 64], [cNode]),
      ...[endpoint, a, node].map((from) => call(node, 'CNodeMove', [0, 1, from, 64], [cNode])),
      call(a, 'CNodeMove', [1, 1, a, 64], [cNode]),
      call(cNode, 'CNodeMove', [a, 64, 0, 1], [node]),
      call(cNode, 'CNodeMutate', [b, 64, a, 64, 5], [cNode]),
      call(cNode, 'CNodeRotate', [a, 64, 0, b, 64, 0, endpoint, 64], [cNode, cNode]),
      call(cNode, 'CNodeRotate', [a, 64, 0, b, 64, 0, a, 64], [cNode, cNode]),
      ...[a, b, node, untyped].map((slot) => call(cNode, 'CNodeDelete', [slot, 64])),
      ...[a, endpoint, untyped].map((slot) => call(cNode, 'CNodeRevoke', [slot, 64])),
    ];
    const { kinds } = exhaust(world, actions, 3);
    expect(kinds).toBeGreaterThan(1000);
  });
});
