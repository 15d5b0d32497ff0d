// What goes when a capability goes: objects that nobody names any more, with all that they hold, however that is nested.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allRights, capType, initialCap, label, objectType, systemCall, threadState, World } from './world.ts';

const { cNode, vspace, irqControl } = initialCap;

/** An object of the model, and what its slots hold. */
interface Held {
  readonly kind: 'table' | 'thread' | 'endpoint';
  readonly slots: (Held | null)[];
  /** Capabilities to it. */
  names: number;
}
/** A capability in the root's CNode. */
interface Named {
  readonly slot: number;
  readonly object: Held;
}

const step = fc.record({
  what: fc.constantFrom(
    'table',
    'thread',
    'put',
    'put',
    'hide',
    'hide',
    'signpost',
    'space',
    'delete',
    'delete',
    'empty',
  ),
  which: fc.nat(1000),
  into: fc.nat(1000),
  index: fc.nat(1000),
  radix: fc.integer({ min: 1, max: 5 }),
  isInterrupted: fc.boolean(),
});

/** Objects in one untyped, named by the root and by each other. */
class Nest {
  readonly world = new World();
  readonly untyped = this.world.make(objectType.untyped, 18);
  readonly endpoint: Held = { kind: 'endpoint', slots: [], names: 1 };
  readonly endpointSlot = this.world.endpoint();
  readonly threads = this.world.kernel.threads.length;
  named: Named[] = [];

  add(kind: 'table' | 'thread', radix: number): void {
    const type = kind === 'table' ? objectType.capTable : objectType.tcb;
    const slot = this.world.make(type, kind === 'table' ? radix : 0, 1, this.untyped);
    const slots = new Array<null>(kind === 'table' ? 2 ** radix : 1).fill(null);
    this.named.push({ slot, object: { kind, slots, names: 1 } });
  }
  pick(which: number, kind?: Held['kind']): Named | undefined {
    const fit = this.named.filter(({ object }) => kind === undefined || object.kind === kind);
    return fit[which % fit.length];
  }
  /** One capability less: with the last one goes what the object holds. */
  forget(object: Held): void {
    if (--object.names > 0) return;
    for (const inner of object.slots) if (inner !== null) this.forget(inner);
    object.slots.fill(null);
  }
  /** Makes an invocation that may be preempted until it is done. */
  insist(cap: number, operation: number, words: number[], isInterrupted: boolean): void {
    const { world } = this;
    const { context } = world.rootTcb;
    const { pc } = context;
    world.pending = isInterrupted;
    for (let tries = 0; context.pc === pc; tries++) {
      expect(tries).toBeLessThan(100);
      world.call(cap, operation, words);
    }
    world.pending = false;
    expect(world.message().label).toBe(0);
  }
  /** Capabilities to the endpoint, wherever they are. */
  endpointCaps(): number {
    let count = 0;
    for (let at = this.world.slot(this.endpointSlot).next; at?.cap.type === capType.endpoint; at = at.next) count++;
    return count + 1;
  }
  check(): void {
    const { world } = this;
    // CNodes that went inside others keep what they hold until their memory is revoked, as seL4's do.
    expect(this.endpointCaps()).toBeGreaterThanOrEqual(this.endpoint.names);
    for (const { slot, object } of this.named) {
      const { type } = world.cap(slot);
      expect(type).toBe(object.kind === 'table' ? capType.cNode : capType.thread);
    }
  }
}

function act(
  nest: Nest,
  { what, which, into, index, radix, isInterrupted }: typeof step extends fc.Arbitrary<infer T> ? T : never,
): void {
  const { world } = nest;
  if (what === 'table' || what === 'thread') {
    nest.add(what, radix);
    return;
  }
  const source = nest.pick(which);
  const table = nest.pick(into, 'table');
  if (source === undefined || table === undefined) return;
  const place = index % table.object.slots.length;
  const depth = Math.log2(table.object.slots.length);
  const held = table.object.slots[place]!;
  switch (what) {
    case 'put':
    case 'signpost': {
      if (held) return;
      const [slot, object] = what === 'put' ? [source.slot, source.object] : [nest.endpointSlot, nest.endpoint];
      world.must(table.slot, label.CNodeCopy, [place, depth, slot, 64, allRights], [cNode]);
      table.object.slots[place] = object;
      object.names++;
      return;
    }
    case 'hide':
      if (held || source === table) return;
      world.must(table.slot, label.CNodeMove, [place, depth, source.slot, 64], [cNode]);
      table.object.slots[place] = source.object;
      nest.named = nest.named.filter((each) => each !== source);
      return;
    case 'space': {
      const thread = nest.pick(which, 'thread');
      if (thread === undefined || thread.object.slots[0] !== null) return;
      world.must(thread.slot, label.TCBSetSpace, [0, 0], [0, table.slot, vspace]);
      thread.object.slots[0] = table.object;
      table.object.names++;
      return;
    }
    case 'delete':
      nest.insist(cNode, label.CNodeDelete, [source.slot, 64], isInterrupted);
      nest.named = nest.named.filter((each) => each !== source);
      nest.forget(source.object);
      return;
    case 'empty':
      nest.insist(table.slot, label.CNodeDelete, [place, depth], isInterrupted);
      table.object.slots[place] = null;
      if (held) nest.forget(held);
      return;
  }
}

describe('deletion', () => {
  it('takes nothing that is named, and revoking the memory takes all, preempted or not', () => {
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 15, maxLength: 50, size: 'max' }),
        fc.boolean(),
        (steps, isInterrupted) => {
          const nest = new Nest();
          nest.add('table', 2);
          nest.add('table', 3);
          for (const each of steps) {
            act(nest, each);
            nest.check();
          }
          // Whatever is left, and names only itself, goes with the memory that it was made of.
          nest.insist(cNode, label.CNodeRevoke, [nest.untyped, 64], isInterrupted);
          expect(nest.named.filter(({ slot }) => nest.world.cap(slot).type !== capType.null)).toEqual([]);
          expect(nest.endpointCaps()).toBe(1);
          expect(nest.world.kernel.threads.length).toBe(nest.threads);
          nest.world.make(objectType.untyped, 17, 2, nest.untyped);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('of the last capability to a CNode takes all that lies in it, in whichever slots', () => {
    const world = new World();
    const { length } = world.kernel.threads;
    const endpoint = world.endpoint();
    const table = world.make(objectType.capTable, 2);
    const twin = world.copy(table);
    const thread = world.make(objectType.tcb);
    for (const place of [0, 1, 3]) {
      world.must(table, label.CNodeCopy, [place, 2, endpoint, 64, allRights], [cNode]);
    }
    world.must(table, label.CNodeMove, [2, 2, thread, 64], [cNode]);
    world.delete(twin);
    expect(world.slot(endpoint).next?.cap.type).toBe(capType.endpoint);
    expect(world.kernel.threads.length).toBe(length + 1);
    world.delete(table);
    expect(world.slot(endpoint).next?.cap.type).not.toBe(capType.endpoint);
    expect(world.kernel.threads.length).toBe(length);
  });

  it('of the last capability to a thread’s CNode is left to whoever deletes capabilities, not to its configuration', () => {
    const world = new World();
    const [first, second] = [world.make(objectType.capTable, 2), world.make(objectType.capTable, 2)];
    const thread = world.thread();
    const setSpace = (table: number) => world.invoke(thread.cap, label.TCBSetSpace, [0, 0], [0, table, vspace]).label;
    expect(setSpace(first)).toBe(0);
    expect(setSpace(second)).toBe(0);
    expect(setSpace(first)).toBe(0);
    world.delete(first);
    expect(setSpace(second)).toBe(3);
  });

  it('of a notification leaves its thread free for another, and of a reply object its receiver waiting no longer', () => {
    const world = new World();
    const endpoint = world.endpoint();
    const reply = world.reply();
    const notification = world.notification();
    const server = world.thread({ priority: 110, budget: 1000 });
    world.must(server.cap, label.TCBBindNotification, [], [notification]);
    const aside = world.stepAside();
    world.recv(endpoint, reply);
    world.interruptRoot(aside);
    world.delete(notification);
    world.must(server.cap, label.TCBBindNotification, [], [world.notification()]);
    world.delete(reply);
    expect(server.tcb.state).toBe(threadState.inactive);
    world.send(endpoint, [], [], systemCall.nbSend);
  });

  it('of a thread or its context ends a yield to it', () => {
    for (const what of ['thread', 'context'] as const) {
      const world = new World();
      const thread = world.thread({ priority: 100, budget: 1000 });
      world.must(initialCap.tcb, label.TCBSetPriority, [100], [initialCap.tcb]);
      world.call(thread.sc, label.SchedContextYieldTo);
      world.expectCurrent(thread);
      world.call(cNode, label.CNodeDelete, [what === 'thread' ? thread.cap : thread.sc, 64]);
      expect(world.current() === world.rootTcb).toBe(true);
      expect(world.rootTcb.yieldTo === null).toBe(true);
      expect(world.message()).toMatchObject({ label: 0, words: [expect.any(BigInt)] });
    }
  });

  it('of one of two capabilities to an interrupt leaves it handled', () => {
    const world = new World();
    const handler = world.freeSlot();
    world.must(irqControl, label.IRQIssueIRQHandler, [9, handler, 64], [cNode]);
    const twin = world.copy(handler);
    world.masked.clear();
    for (const other of [world.endpoint(), world.reply()]) world.delete(other);
    expect([...world.masked]).toEqual([]);
    world.delete(handler);
    expect(world.masked.has(9)).toBe(false);
    const notification = world.notification();
    world.must(twin, label.IRQSetIRQHandler, [], [notification]);
    world.interrupt(9);
    world.recv(notification, 0, systemCall.nbWait);
    world.delete(twin);
    expect(world.masked.get(9)).toBe(true);
  });

  it('of a thread leaves its virtual hart to others', () => {
    const world = new World();
    const root = world.make(objectType.guestRoot);
    world.must(initialCap.asidPool, label.RISCVASIDPoolAssign, [], [root]);
    const vcpu = world.make(objectType.vcpu);
    for (let i = 0; i < 2; i++) {
      const thread = world.thread();
      world.must(vcpu, label.VCPUBind, [], [thread.cap, root]);
      world.delete(thread.cap);
    }
    world.delete(vcpu);
  });
});
