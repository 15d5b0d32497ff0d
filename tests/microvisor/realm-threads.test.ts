import { describe, expect, it } from 'vitest';
import { realmPc } from '../../microvisor/abi/extensions.ts';
import { messageInfoWord } from '../../microvisor/abi/message-info.ts';
import type { Realm, RealmThread } from '../../microvisor/realm.ts';
import { loadKernel, saveKernel } from '../../microvisor/save.ts';
import { initialCap, label, systemCall, type Thread, threadState, World } from './world.ts';

/** A realm whose turns are functions: each returns false when it had to unwind and wants to go on from the same step. */
class ScriptedRealm implements Realm {
  step = 0;
  readonly seen: unknown[] = [];
  constructor(private readonly script: ((thread: RealmThread, realm: ScriptedRealm) => boolean)[]) {}
  resume(thread: RealmThread): void {
    while (this.step < this.script.length) {
      const at = this.step++;
      if (!this.script[at]!(thread, this)) return;
    }
    this.step = this.script.length;
    thread.pay(1000);
  }
  skip(): void {
    this.seen.push('skip');
  }
  restart(reason: number): void {
    this.seen.push(`restart ${reason}`);
    this.step = 0;
  }
  save(): unknown {
    return { step: this.step };
  }
  load(saved: unknown): void {
    this.step = (saved as { step: number }).step;
  }
}

function systemCallOf(
  thread: RealmThread,
  number: number,
  capability: number,
  words: number[] = [],
  reply = 0,
): boolean {
  thread.setRegister(17, BigInt(number));
  thread.setRegister(10, BigInt(capability));
  thread.setRegister(16, BigInt(reply));
  thread.setRegister(11, messageInfoWord({ length: words.length }));
  words.forEach((word, i) => {
    thread.setRegister(12 + i, BigInt(word));
  });
  return thread.systemCall();
}

function withRealm(
  script: (world: World, slots: { endpoint: number; reply: number }) => ConstructorParameters<typeof ScriptedRealm>[0],
): {
  world: World;
  thread: Thread;
  realm: () => ScriptedRealm;
  slots: { endpoint: number; reply: number };
  faults: number;
  aside: number;
} {
  const realms: ScriptedRealm[] = [];
  const slots = { endpoint: 0, reply: 0 };
  const world: World = new World({
    realms: {
      create: (number) => {
        if (number !== 7) return undefined;
        const realm = new ScriptedRealm(script(world, slots));
        realms.push(realm);
        return realm;
      },
    },
  });
  slots.endpoint = world.endpoint();
  slots.reply = world.reply();
  const faults = world.endpoint();
  const thread = world.thread({ priority: 100, budget: 1000, faultEndpoint: faults, resume: false });
  expect(world.invoke(initialCap.realmControl, label.RealmControlBind, [8], [thread.cap]).label).toBe(4);
  world.must(initialCap.realmControl, label.RealmControlBind, [7], [thread.cap]);
  expect(world.invoke(initialCap.realmControl, label.RealmControlBind, [7], [thread.cap]).label).toBe(3);
  world.must(thread.cap, label.TCBResume);
  const aside = world.stepAside();
  return { world, thread, realm: () => realms.at(-1)!, slots, faults, aside };
}

const run = (world: World, us: number): void => {
  world.microvisor.runRealm(world.harts[0]!, (world.now() + us) * 1000);
};

describe('realm threads', () => {
  it('make the same system calls as machine code', () => {
    const { world, realm, slots, aside } = withRealm((_, { endpoint, reply }) => [
      (thread) => systemCallOf(thread, systemCall.recv, endpoint, [], reply),
      (thread, self) => {
        self.seen.push(thread.register(12), thread.register(10));
        return systemCallOf(thread, systemCall.replyRecv, endpoint, [5], reply);
      },
    ]);
    expect(world.microvisor.runsRealm(world.harts[0]!)).toBe(true);
    run(world, 10);
    expect(world.isIdle).toBe(true);
    world.interruptRoot(aside);
    const badged = world.mint(slots.endpoint, 3);
    world.call(badged, 0, [41]);
    run(world, 10);
    expect(realm().seen).toEqual([41n, 3n]);
    expect(world.current().name).toBe('rootserver');
    expect(world.message().words).toEqual([5n]);
  });

  it('pay exactly, and are preempted between two payments', () => {
    const { world, thread, realm } = withRealm(() => [
      (door) => door.pay(1_500_000),
      (_, self) => {
        self.seen.push('paid');
        return true;
      },
    ]);
    const start = world.now();
    run(world, 100);
    expect(world.now()).toBeCloseTo(start + 100, 6);
    expect(thread.tcb.realmDebt).toBe(1_400_000);
    expect(realm().seen).toEqual([]);
    run(world, 1_600);
    // The budget's end comes first: the timer is the machine's to deliver.
    expect(world.now() * 1000).toBe(world.deadlines[0]);
    expect(realm().seen).toEqual([]);
    world.runUntil(world.now());
    run(world, 1_000);
    expect(realm().seen).toEqual(['paid']);
  });

  it('fault as machine code does, and try again when the handler has mended it', () => {
    const { world, thread, realm, faults, aside } = withRealm((current) => [
      (door, self) => {
        self.step = 0;
        const value = door.load(0x5000_0000, 8);
        if (value === undefined) return false;
        self.seen.push(value);
        self.step = 1;
        return true;
      },
      (door) => door.store(0x5000_0ffc, 8, BigInt(current.kernel.nodes.length)),
      (door) => {
        door.fault(99, 1);
        return false;
      },
    ]);
    run(world, 10);
    expect(thread.tcb.state).toBe(threadState.blockedOnSend);
    world.interruptRoot(aside);
    const reply = world.reply();
    world.recv(faults, reply);
    expect(world.message()).toMatchObject({ label: 6, words: [4n, 0x5000_0000n, 0n, 5n] });
    const tables = [world.make(10), world.make(10)];
    expect(tables).toHaveLength(2);
    world.must(tables[0]!, label.RISCVPageTableMap, [0x5000_0000, 0], [initialCap.vspace]);
    world.must(tables[1]!, label.RISCVPageTableMap, [0x5000_0000, 0], [initialCap.vspace]);
    const frame = world.make(8);
    world.must(frame, label.RISCVPageMap, [0x5000_0000, 3, 1], [initialCap.vspace]);
    world.send(reply);
    world.wait(aside);
    run(world, 10);
    // The load came through; the store over the page's end faults at the next page, having stored nothing.
    expect(realm().seen).toEqual([0n]);
    world.interruptRoot(aside);
    world.recv(faults, reply);
    expect(world.message()).toMatchObject({ label: 6, words: [4n, 0x5000_1000n, 0n, 7n] });
    world.send(reply);
    world.wait(aside);
    run(world, 10);
    world.interruptRoot(aside);
    world.recv(faults, reply);
    expect(world.message()).toMatchObject({ label: 3 });
    expect(world.message().words.slice(2)).toEqual([99n, 1n]);
  });

  it('a restarted system call is made again before the realm goes on', () => {
    const { world, thread, slots, aside } = withRealm((_, { endpoint }) => [
      (door) => systemCallOf(door, systemCall.send, endpoint, [1]),
    ]);
    run(world, 10);
    expect(thread.tcb.state).toBe(threadState.blockedOnSend);
    world.interruptRoot(aside);
    world.must(thread.cap, label.TCBSuspend);
    world.must(thread.cap, label.TCBResume);
    world.wait(aside);
    run(world, 10);
    expect(thread.tcb.state).toBe(threadState.blockedOnSend);
    world.interruptRoot(aside);
    world.wait(slots.endpoint);
    expect(world.message().words).toEqual([1n]);
  });

  it('in debt can be stopped and sent elsewhere: they pay, and go on there', () => {
    const { world, thread, realm, aside } = withRealm(() => [(door) => door.pay(500_000)]);
    run(world, 100);
    expect(thread.tcb.realmDebt).toBe(400_000);
    world.interruptRoot(aside);
    world.must(thread.cap, label.TCBSuspend);
    // No system call stands there: what its registers hold is an unknown one, or a fault.
    world.must(thread.cap, label.TCBWriteRegisters, [1, 1, realmPc.calling]);
    world.wait(aside);
    const before = world.now();
    run(world, 100);
    expect(world.now()).toBeGreaterThan(before);
    expect(thread.tcb.realmDebt).toBeLessThan(400_000);
    expect(realm().seen).toEqual([]);
  });

  it('begin anew at `start`, with the reason in a0, and drop what they did at `skip`', () => {
    const { world, thread, realm, faults, aside } = withRealm(() => [
      (door) => {
        door.load(0x5000_0000, 8);
        return false;
      },
    ]);
    run(world, 10);
    expect(thread.tcb.state).toBe(threadState.blockedOnSend);
    const registers = Array(17).fill(0n);
    const sendTo = (pc: bigint, a0: bigint): void => {
      world.interruptRoot(aside);
      world.must(thread.cap, label.TCBWriteRegisters, [1, 17, pc, ...registers.slice(1, 16), a0]);
      world.wait(aside);
      run(world, 10);
    };
    sendTo(realmPc.start, 6n);
    expect(realm().seen).toEqual(['restart 6']);
    // It has run into the same fault again.
    expect(thread.tcb.state).toBe(threadState.blockedOnSend);
    sendTo(realmPc.skip, 0n);
    expect(realm().seen).toEqual(['restart 6', 'skip']);

    expect(faults).toBeGreaterThan(0);
  });

  it('that declared a fault are sent on by the pc of the reply', () => {
    const { world, realm, faults, aside } = withRealm(() => [
      (door) => {
        door.fault(99, 1);
        return false;
      },
    ]);
    run(world, 10);
    world.interruptRoot(aside);
    const reply = world.reply();
    world.recv(faults, reply);
    expect(world.message()).toMatchObject({ label: 3 });
    world.send(reply, [realmPc.skip]);
    world.wait(aside);
    run(world, 10);
    expect(realm().seen).toEqual(['skip']);
  });

  it('fault where no realm can go on, again and again, and time passes', () => {
    const { world, thread, realm, faults, aside } = withRealm(() => [(door) => door.pay(1)]);
    for (const pc of [2n, 16n, 0x5000_0000n, (1n << 64n) - 1n]) {
      world.interruptRoot(aside);
      world.must(thread.cap, label.TCBSuspend);
      world.must(thread.cap, label.TCBWriteRegisters, [1, 1, pc]);
      world.wait(aside);
      const before = world.now();
      run(world, 10);
      expect(world.now()).toBeGreaterThan(before);
      expect(thread.tcb.state).toBe(threadState.blockedOnSend);
      world.interruptRoot(aside);
      world.recv(faults, world.reply());
      expect(world.message()).toMatchObject({ label: 6, words: [pc, pc, 1n, 1n] });
      world.wait(aside);
    }
    expect(realm().seen).toEqual([]);
  });

  it('are saved with the kernel, between two turns', () => {
    const { world, thread, realm, slots } = withRealm((_, { endpoint, reply }) => [
      (door) => systemCallOf(door, systemCall.recv, endpoint, [], reply),
    ]);
    run(world, 10);
    const saved = JSON.parse(JSON.stringify(saveKernel(world.kernel)));
    const before = realm();
    loadKernel(world.kernel, saved);
    expect(realm()).not.toBe(before);
    expect(realm().step).toBe(1);
    expect(slots.endpoint).toBeGreaterThan(0);
    expect(thread.tcb.realm === before).toBe(true);
  });

  it('a realm can be the initial thread', () => {
    const log: bigint[] = [];
    const world = new World({
      realms: {
        create: () =>
          new ScriptedRealm([
            (thread) => {
              const info = thread.load(Number(thread.register(10)) + 16, 8);
              log.push(info!);
              return systemCallOf(thread, systemCall.debugPutChar, 65);
            },
          ]),
      },
      boot: { initialThread: { kind: 'realm', number: 0 } },
    });
    run(world, 10);
    expect(log).toEqual([1n]);
    expect(world.output).toBe('A');
  });
});
