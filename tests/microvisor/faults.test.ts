import { describe, expect, it } from 'vitest';
import { allRights, exceptions, initialCap, label, systemCall, type Thread, threadState, World } from './world.ts';

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
    const { world, handler, thread, aside } = withHandler();
    world.exception(exceptions.illegalInstruction);
    world.expectCurrent(handler);
    // The handler has no handler of its own: it stops, and its client stays where it is.
    world.exception(exceptions.loadPageFault);
    expect(handler.tcb.state).toBe(threadState.inactive);
    expect(thread.tcb.state).toBe(threadState.blockedOnReply);
    expect(world.isIdle).toBe(true);
    world.interruptRoot(aside);
    world.delete(handler.cap);
    expect(thread.tcb.state).toBe(threadState.blockedOnReply);
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

  it('only who holds its capability can stop, resume or read a thread', () => {
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
