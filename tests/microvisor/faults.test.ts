import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cNodeCapData } from '../../microvisor/abi/rights.ts';
import { callRegister } from '../../microvisor/abi/system-calls.ts';
import {
  allRights,
  capType,
  exceptions,
  initialCap,
  label,
  objectType,
  systemCall,
  type Thread,
  threadState,
  World,
} from './world.ts';

const { cNode } = initialCap;

/** A handler at 120 that receives faults with badge 9, and a thread at 100 that runs. */
function withHandler(options: { flags?: number } = {}): {
  world: World;
  handler: Thread;
  thread: Thread;
  faults: number;
  reply: number;
  aside: number;
} {
  const world = new World();
  const faults = world.endpoint();
  const badged = world.mint(faults, 9);
  const reply = world.reply();
  const handler = world.thread({ priority: 120, budget: 1000 });
  const thread = world.thread({ priority: 100, budget: 1000, faultEndpoint: badged, resume: false });
  if (options.flags !== undefined) world.must(thread.cap, label.TCBSetFlags, [0, options.flags]);
  thread.tcb.context.pc = 0x1000n;
  world.must(thread.cap, label.TCBWriteRegisters, [1, 3, 0x1000, 0x11, 0x22]);
  const aside = world.stepAside();
  world.expectCurrent(handler);
  world.recv(faults, reply);
  world.expectCurrent(thread);
  return { world, handler, thread, faults, reply, aside };
}

describe('faults', () => {
  it('read, write and execute faults report address, pc and cause', () => {
    for (const [cause, fsr, prefetch] of [
      [exceptions.loadPageFault, 5n, 0n],
      [exceptions.loadAccessFault, 5n, 0n],
      [exceptions.storePageFault, 7n, 0n],
      [exceptions.storeAccessFault, 7n, 0n],
      [exceptions.instructionPageFault, 1n, 1n],
    ] as const) {
      const { world, handler, thread, faults, reply } = withHandler();
      world.exception(cause, 0xdead_b000n);
      world.expectCurrent(handler);
      expect(world.message()).toMatchObject({ label: 6, badge: 9n, words: [0x1000n, 0xdead_b000n, prefetch, fsr] });
      world.replyRecv(faults, reply);
      world.expectCurrent(thread);
      expect(thread.tcb.context.pc).toBe(0x1000n);
    }
  });

  it('illegal instruction, misaligned access and unknown system call are distinct', () => {
    for (const cause of [exceptions.illegalInstruction, exceptions.loadMisaligned, exceptions.breakpoint]) {
      const { world, handler } = withHandler();
      world.exception(cause, 0x1001);
      world.expectCurrent(handler);
      expect(world.message()).toMatchObject({ label: 3, words: [0x1000n, 0x22n, BigInt(cause), 0n] });
    }
    const { world, handler } = withHandler();
    world.ecall(222);
    world.expectCurrent(handler);
    expect(world.message().label).toBe(2);
    expect(world.message().words).toHaveLength(11);
    expect([0, 1, 2, 10].map((i) => world.message().words[i])).toEqual([0x1000n, 0x22n, 0x11n, 222n]);
  });

  it('the reply to an unknown system call writes registers back, and a label stops the thread', () => {
    const { world, handler, thread, faults, reply } = withHandler();
    world.ecall(222);
    world.expectCurrent(handler);
    world.replyRecv(faults, reply, [0x1004, 0x22, 0x11, -38]);
    world.expectCurrent(thread);
    expect(thread.tcb.context.pc).toBe(0x1004n);
    expect(thread.tcb.context.x(10)).toBe(-38n);
    world.ecall(222);
    world.replyRecv(faults, reply, [], 1);
    expect(thread.tcb.state).toBe(threadState.inactive);
  });

  it('to a foreign thread every ecall is an unknown system call', () => {
    for (const number of [systemCall.yield, systemCall.debugPutChar, systemCall.setTlsBase, 64]) {
      const { world, handler } = withHandler({ flags: 2 });
      world.ecall(number);
      world.expectCurrent(handler);
      expect(world.message()).toMatchObject({ label: 2 });
      expect(world.message().words[10]).toBe(BigInt.asUintN(64, BigInt(number)));
      expect(world.output).toBe('');
    }
  });

  it('a thread without a handler stops, and the log says why', () => {
    const world = new World();
    const thread = world.thread({ priority: 100, budget: 1000 });
    world.stepAside();
    world.expectCurrent(thread);
    world.exception(exceptions.loadPageFault, 0x10);
    expect(thread.tcb.state).toBe(threadState.inactive);
    expect(world.isIdle).toBe(true);
    expect(world.log.join()).toContain('vm fault on data at 0x10');
  });

  it('a fault while handling a fault escalates once and never loops', () => {
    const world = new World();
    const ends = [world.endpoint(), world.endpoint()];
    const replies = [world.reply(), world.reply()];
    const supervisor = world.thread({ priority: 130, budget: 1000 });
    const handler = world.thread({ priority: 120, budget: 1000, faultEndpoint: world.mint(ends[1]!, 2) });
    const thread = world.thread({ priority: 100, budget: 1000, faultEndpoint: world.mint(ends[0]!, 1) });
    world.stepAside();
    world.expectCurrent(supervisor);
    world.recv(ends[1]!, replies[1]!);
    world.expectCurrent(handler);
    world.recv(ends[0]!, replies[0]!);
    world.expectCurrent(thread);
    world.exception(exceptions.illegalInstruction);
    world.expectCurrent(handler);
    expect(world.badge).toBe(1n);
    world.exception(exceptions.loadPageFault, 0x10);
    world.expectCurrent(supervisor);
    expect(world.message()).toMatchObject({ label: 6, badge: 2n });
    // One message each, and nothing more happens by itself.
    world.wait(ends[1]!);
    expect(world.isIdle).toBe(true);
    world.runUntil(world.now() + 10_000);
    expect(world.isIdle).toBe(true);
    expect([handler, thread].map(({ tcb }) => tcb.state)).toEqual(Array(2).fill(threadState.blockedOnReply));
  });

  it('a fault that nobody can handle stops the thread, and leaves whose fault it handled where it is', () => {
    const { world, handler, thread, aside } = withHandler();
    world.exception(exceptions.illegalInstruction);
    world.expectCurrent(handler);
    world.exception(exceptions.loadPageFault);
    expect(handler.tcb.state).toBe(threadState.inactive);
    expect(thread.tcb.state).toBe(threadState.blockedOnReply);
    expect(world.isIdle).toBe(true);
    world.interruptRoot(aside);
    world.delete(handler.cap);
    expect(thread.tcb.state).toBe(threadState.blockedOnReply);
    // Who is to handle its own faults waits for itself.
    const own = world.endpoint();
    const alone = world.thread({ priority: 100, budget: 1000, faultEndpoint: own });
    world.wait(aside);
    world.expectCurrent(alone);
    world.exception(exceptions.illegalInstruction);
    world.runUntil(world.now() + 10_000);
    expect(world.isIdle).toBe(true);
    expect(alone.tcb.state).toBe(threadState.blockedOnSend);
  });

  it('a fault handler must be able to answer', () => {
    const world = new World();
    const endpoint = world.endpoint();
    const sendOnly = world.copy(endpoint, 1);
    const thread = world.thread();
    const setSpace = (handler: number) =>
      world.invoke(thread.cap, label.TCBSetSpace, [0, 0], [handler, initialCap.cNode, initialCap.vspace]);
    expect(setSpace(sendOnly)).toEqual({ label: 2, words: [1n] });
    expect(setSpace(world.notification())).toEqual({ label: 2, words: [1n] });
    expect(setSpace(world.copy(endpoint, allRights)).label).toBe(0);
    expect(setSpace(0).label).toBe(0);
  });

  it('timeout faults carry the data word', () => {
    const world = new World();
    const faults = world.endpoint();
    const reply = world.reply();
    const handler = world.thread({ priority: 120, budget: 1000 });
    const thread = world.thread({ priority: 100, budget: 1000, period: 10_000, badge: 0xda7a });
    world.must(thread.cap, label.TCBSetTimeoutEndpoint, [], [faults]);
    const aside = world.stepAside();
    expect(aside).toBeGreaterThan(0);
    world.expectCurrent(handler);
    world.recv(faults, reply);
    world.expectCurrent(thread);
    world.runUntil(world.now() + 1100);
    world.expectCurrent(handler);
    const { label: faultLabel, words } = world.message();
    expect(faultLabel).toBe(5);
    expect(words[0]).toBe(0xda7an);
    expect(Number(words[1])).toBeGreaterThanOrEqual(990);
    // The answer lets it go on: when it has budget again.
    world.replyRecv(faults, reply);
    expect(world.isIdle).toBe(true);
    expect(thread.tcb.inReleaseQueue).toBe(true);
  });

  it('only a supervisor can stop, resume or restart a cell', () => {
    const attack = fc.record({
      slot: fc.oneof(fc.constant(1), fc.nat(9)),
      operation: fc.oneof(
        fc.integer({ min: 1, max: 70 }),
        fc.integer({ min: label.CNodeRevoke, max: label.CNodeRotate }),
      ),
      words: fc.oneof(
        fc.array(fc.oneof(fc.nat(64), fc.constantFrom(0x1000, 2 ** 20, 2 ** 32)), { maxLength: 8 }),
        // Two slots by address and depth, and rights.
        fc.tuple(fc.nat(9), fc.constant(64), fc.nat(9), fc.constant(64), fc.nat(allRights), fc.nat(9)),
      ),
      caps: fc.array(fc.nat(9), { maxLength: 3 }),
    });
    fc.assert(
      fc.property(fc.array(attack, { minLength: 60, maxLength: 120 }), (attacks) => {
        const world = new World();
        // What a cell has: a space of its own, memory, time, ends of channels. Nothing of that is the victim.
        const cell = world.thread({ priority: 100, budget: 1000 });
        const table = world.make(objectType.capTable, 4);
        const space = world.freeSlot();
        world.must(cNode, label.CNodeMint, [space, 64, table, 64, allRights, cNodeCapData(0n, 60)], [cNode]);
        const victim = world.thread({ priority: 50, budget: 1000 });
        const endpoint = world.endpoint();
        const held = [
          ...[space, world.make(objectType.untyped, 16), cell.sc, endpoint, world.mint(endpoint, 7)],
          ...[world.notification(), world.reply(), world.make(objectType.page), world.make(objectType.untyped, 12)],
        ];
        held.forEach((slot, index) => {
          const operation = world.cap(slot).type === capType.untyped ? label.CNodeMove : label.CNodeCopy;
          world.must(space, operation, [index + 1, 64, slot, 64, allRights], [cNode]);
        });
        world.must(cell.cap, label.TCBSetSpace, [0, 0], [0, space, initialCap.vspace]);
        world.must(victim.cap, label.TCBWriteRegisters, [1, 3, 0x1000, 0x11, 0x22]);
        const aside = world.stepAside();
        const revokes = held.map((_, index) => ({
          slot: 1,
          operation: label.CNodeRevoke as number,
          words: [index + 1, 64],
          caps: [] as number[],
        }));
        for (const { slot, operation, words, caps } of [...revokes, ...attacks]) {
          world.expectCurrent(cell);
          world.setMessage(operation, words, caps);
          world.current().context.setX(callRegister.capability, BigInt(slot));
          world.ecall(systemCall.nbSend);
        }
        const { tcb } = victim;
        expect([tcb.state, tcb.priority, tcb.maxControlledPriority]).toEqual([threadState.restart, 50, 50]);
        expect([tcb.context.pc, tcb.context.x(2)]).toEqual([0x1000n, 0x22n]);
        expect([tcb.schedContext?.tcb === tcb, tcb.schedContext?.budget]).toEqual([true, 10_000]);
        // The supervisor, who has its capability, can do all three.
        world.interruptRoot(aside);
        world.must(victim.cap, label.TCBSuspend);
        expect(tcb.state).toBe(threadState.inactive);
        world.must(victim.cap, label.TCBResume);
        expect(tcb.state).toBe(threadState.restart);
        world.must(victim.cap, label.TCBWriteRegisters, [1, 1, 0x2000]);
        expect(tcb.context.pc).toBe(0x2000n);
      }),
      { numRuns: 12 },
    );
  });

  it('registers of a thread are read and written with its capability, by others than itself', () => {
    const { world, thread, aside } = withHandler();
    world.interruptRoot(aside);
    world.must(thread.cap, label.TCBSuspend);
    expect(thread.tcb.state).toBe(threadState.inactive);
    const registers = world.must(thread.cap, label.TCBReadRegisters, [0, 32]);
    expect(registers).toHaveLength(32);
    expect(registers.slice(0, 3)).toEqual([0x1000n, 0x11n, 0x22n]);
    expect(world.invoke(thread.cap, label.TCBReadRegisters, [0, 33])).toEqual({ label: 4, words: [1n, 32n] });
    expect(world.invoke(initialCap.tcb, label.TCBReadRegisters, [0, 1]).label).toBe(3);
    expect(world.invoke(thread.cap, label.TCBWriteRegisters, [0, 3, 1, 2]).label).toBe(7);
    world.must(thread.cap, label.TCBResume);
    expect(thread.tcb.state).toBe(threadState.restart);
  });
});
