import { describe, expect, it } from 'vitest';
import { vcpuFence, vcpuRegisters } from '../../microvisor/abi/extensions.ts';
import { vcpuFault } from '../../microvisor/abi/faults.ts';
import type { Cap, PageTableCap } from '../../microvisor/objects.ts';
import { allRights, initialCap, label, objectType, type Thread, threadState, World } from './world.ts';

interface Guest {
  world: World;
  vcpu: number;
  /** The untyped memory of its stage-2 root, and that. */
  memory: number;
  root: number;
  thread: Thread;
  monitor: Thread;
  faults: number;
  reply: number;
  aside: number;
}

const register = (name: (typeof vcpuRegisters)[number]): number => vcpuRegisters.indexOf(name);

/** A virtual hart at 100 that runs, and its passive monitor at 101 that waits for its faults. */
function createGuest(): Guest {
  const world = new World();
  const faults = world.endpoint();
  const reply = world.reply();
  const monitor = world.thread({ priority: 101, budget: 1000 });
  const aside = world.stepAside();
  world.recv(faults, reply);
  world.interruptRoot(aside);
  world.must(monitor.sc, label.SchedContextUnbindObject, [], [monitor.cap]);
  const thread = world.thread({ priority: 100, budget: 1000, period: 5000, faultEndpoint: faults, resume: false });
  const memory = world.make(objectType.untyped, 14);
  const root = world.make(objectType.guestRoot, 0, 1, memory);
  world.must(initialCap.asidPool, label.RISCVASIDPoolAssign, [], [root]);
  const vcpu = world.make(objectType.vcpu);
  world.must(vcpu, label.VCPUBind, [], [thread.cap, root]);
  world.must(thread.cap, label.TCBWriteRegisters, [1, 1, 0x8020_0000]);
  world.wait(aside);
  world.expectCurrent(thread);
  return { world, vcpu, memory, root, thread, monitor, faults, reply, aside };
}

const loadGuestPageFault = 21;
const virtualInstruction = 22;
const wfi = 0x1050_0073;

describe('virtual harts', () => {
  it('run in VS-mode over their stage-2 table, named by its ASID', () => {
    const { world, thread, vcpu } = createGuest();
    const { context } = thread.tcb;
    expect([context.get('virtual'), context.get('privilege')]).toEqual([1, 1]);
    const { asid, address } = (world.cap(vcpu) as Cap<'vcpu'>).vcpu.root!;
    expect(context.csr('hgatp')).toBe((8n << 60n) | (BigInt(asid) << 44n) | BigInt(address / 4096));
    expect(context.csr('hideleg')).toBe(0x444n);
  });

  it('a guest page fault reaches the monitor on the guest’s time, with its registers, and the reply writes them back', () => {
    const { world, thread, monitor, faults, reply } = createGuest();
    thread.tcb.context.setX(10, 77n);
    const sc = thread.tcb.schedContext;
    world.exception(loadGuestPageFault, 0x1000_0004, { tval2: 0x1000_0004n >> 2n, tinst: 0x503n });
    world.expectCurrent(monitor);
    expect(monitor.tcb.schedContext === sc).toBe(true);
    const { label: fault, words } = world.message();
    expect(fault).toBe(7);
    expect(words).toHaveLength(vcpuFault.length);
    expect(words.slice(0, 5)).toEqual([21n, 0x1000_0004n >> 2n, 0x503n, 0x8020_0000n, 0x1000_0004n]);
    expect(words[vcpuFault.x1 + 9]).toBe(77n);
    const answer = [...words];
    answer[vcpuFault.pc] = 0x8020_0004n;
    answer[vcpuFault.x1 + 9] = 0x41n;
    world.replyRecv(faults, reply, answer);
    world.expectCurrent(thread);
    expect(thread.tcb.context.pc).toBe(0x8020_0004n);
    expect(thread.tcb.context.x(10)).toBe(0x41n);
    expect(thread.tcb.schedContext === sc).toBe(true);
  });

  it('WFI blocks until an enabled virtual interrupt, and goes on behind it', () => {
    const { world, thread, vcpu, aside } = createGuest();
    thread.tcb.context.setCsr('mie', thread.tcb.context.csr('mie') | 0x400n);
    world.exception(virtualInstruction, wfi);
    expect(thread.tcb.state).toBe(threadState.waitingForInterrupt);
    expect(world.isIdle).toBe(true);
    world.interruptRoot(aside);
    world.must(vcpu, label.VCPUInject, [0x4, 0]);
    expect(thread.tcb.state).toBe(threadState.waitingForInterrupt);
    world.must(vcpu, label.VCPUInject, [0x400, 0x4]);
    expect(thread.tcb.context.csr('hvip')).toBe(0x400n);
    world.wait(aside);
    world.expectCurrent(thread);
    expect(thread.tcb.context.pc).toBe(0x8020_0004n);
    // A pending interrupt lets the next WFI through.
    world.exception(virtualInstruction, wfi);
    world.expectCurrent(thread);
  });

  it('WFI ends when the thread is resumed, and is tried again', () => {
    const { world, thread, aside } = createGuest();
    world.exception(virtualInstruction, wfi);
    expect(world.isIdle).toBe(true);
    world.interruptRoot(aside);
    world.must(thread.cap, label.TCBResume);
    world.wait(aside);
    world.expectCurrent(thread);
  });

  it('WFI ends when the virtual timer fires, on time', () => {
    const { world, thread } = createGuest();
    const { context } = thread.tcb;
    context.setCsr('mie', context.csr('mie') | 0x40n);
    const at = world.kernel.nodes[0]!.time + 2000;
    context.setCsr('htimedelta', BigInt.asUintN(64, -500n));
    context.setCsr('vstimecmp', BigInt(at - 500));
    world.exception(virtualInstruction, wfi);
    expect(world.isIdle).toBe(true);
    expect(world.deadlines[0]).toBe(at * 100);
    world.runUntil(at / 10);
    world.expectCurrent(thread);
  });

  it('a timer set in the past fires at once', () => {
    for (const ticks of [0, 1, 2000, Infinity]) {
      for (const offset of [0n, 500n, -500n]) {
        const { world, thread, vcpu, aside } = createGuest();
        const { context } = thread.tcb;
        const now = 5000;
        world.runUntil(now / 10);
        context.setCsr('mie', context.csr('mie') | 0x40n);
        context.setCsr('htimedelta', BigInt.asUintN(64, offset));
        const past = ticks === Infinity ? 0n : BigInt(now - ticks) + offset;
        // Set while the guest runs, it ends the next WFI before it begins.
        context.setCsr('vstimecmp', past);
        world.exception(virtualInstruction, wfi);
        world.expectCurrent(thread);
        // Set by the monitor while the guest sleeps, it wakes it.
        context.setCsr('vstimecmp', 2n ** 62n);
        world.exception(virtualInstruction, wfi);
        expect(world.isIdle).toBe(true);
        world.interruptRoot(aside);
        world.must(vcpu, label.VCPUWriteRegister, [register('vstimecmp'), past]);
        world.wait(aside);
        world.expectCurrent(thread);
      }
    }
  });

  it('virtual harts that sleep wake each at its time', () => {
    const { world, thread, faults, aside } = createGuest();
    world.interruptRoot(aside);
    const others = [99, 98].map((priority) => {
      const other = world.thread({ priority, budget: 1000, period: 5000, faultEndpoint: faults, resume: false });
      const root = world.make(objectType.guestRoot);
      world.must(initialCap.asidPool, label.RISCVASIDPoolAssign, [], [root]);
      world.must(world.make(objectType.vcpu), label.VCPUBind, [], [other.cap, root]);
      world.must(other.cap, label.TCBWriteRegisters, [1, 1, 0x8020_0000]);
      return other;
    });
    world.wait(aside);
    // The first to sleep wakes last.
    const now = 3000;
    const guests = [thread, ...others].map((guest, i) => ({ guest, at: now + 3000 - 1000 * i }));
    for (const { guest, at } of guests) {
      world.expectCurrent(guest);
      guest.tcb.context.setCsr('mie', guest.tcb.context.csr('mie') | 0x40n);
      guest.tcb.context.setCsr('vstimecmp', BigInt(at));
      world.exception(virtualInstruction, wfi);
    }
    expect(world.isIdle).toBe(true);
    for (const { guest, at } of guests.reverse()) {
      expect(world.deadlines[0]).toBe(at * 100);
      world.runUntil(at / 10);
      world.expectCurrent(guest);
      guest.tcb.context.setCsr('mie', 0n);
      world.exception(virtualInstruction, wfi);
    }
    expect(guests.map(({ guest }) => guest.tcb.state)).toEqual(Array(3).fill(threadState.waitingForInterrupt));
  });

  it('a suspended virtual hart does not wake', () => {
    const { world, thread, vcpu, aside } = createGuest();
    thread.tcb.context.setCsr('mie', thread.tcb.context.csr('mie') | 0x440n);
    thread.tcb.context.setCsr('vstimecmp', BigInt(world.kernel.nodes[0]!.time + 3000));
    world.exception(virtualInstruction, wfi);
    world.interruptRoot(aside);
    world.must(thread.cap, label.TCBSuspend);
    world.must(vcpu, label.VCPUInject, [0x400, 0]);
    world.wait(aside);
    world.runUntil(world.now() + 1000);
    expect(world.isIdle).toBe(true);
    expect(thread.tcb.state).toBe(threadState.inactive);
  });

  it('registers are read and written by number', () => {
    const { world, vcpu, thread, aside } = createGuest();
    world.interruptRoot(aside);
    for (const name of vcpuRegisters.filter((each) => each !== 'time')) {
      const value =
        { hvip: 0x44n, vsie: 0x222n, vsstatus: (2n << 32n) | 2n, privilege: 1n }[name as string] ?? 0x1234_5678n;
      world.must(vcpu, label.VCPUWriteRegister, [register(name), value]);
      expect(world.must(vcpu, label.VCPUReadRegister, [register(name)])).toEqual([value]);
    }
    expect(thread.tcb.context.csr('mie') & 0x444n).toBe(0x444n);
    expect(world.invoke(vcpu, label.VCPUReadRegister, [vcpuRegisters.length])).toMatchObject({ label: 4 });
    expect(world.invoke(vcpu, label.VCPUBind, [], [thread.cap, initialCap.vspace])).toEqual({ label: 2, words: [2n] });
  });

  it('stage-2 mappings are made as others are, up to 2^41, and fences name the VMID', () => {
    const { world, root, vcpu, aside } = createGuest();
    world.interruptRoot(aside);
    const at = 2 ** 40;
    for (let i = 0; i < 2; i++) {
      world.must(world.make(objectType.pageTable), label.RISCVPageTableMap, [at, 0], [root]);
    }
    const frame = world.make(objectType.page);
    world.fences.length = 0;
    world.must(frame, label.RISCVPageMap, [at, allRights, 0], [root]);
    const { asid } = (world.cap(vcpu) as Cap<'vcpu'>).vcpu.root!;
    expect(world.fences).toEqual([{ stage: 'guest', virtual: true, vmid: asid, address: BigInt(at) }]);
    expect(world.invoke(world.make(objectType.page), label.RISCVPageMap, [2 ** 41, 3, 0], [root]).label).toBe(1);
    world.must(vcpu, label.VCPUFence, [vcpuFence.vvma, -1, 5]);
    expect(world.fences.at(-1)).toEqual({ stage: 'first', virtual: true, vmid: asid, asid: 5 });
    world.delete(frame);
    expect(world.fences.at(-1)).toEqual({ stage: 'guest', virtual: true, vmid: asid, address: BigInt(at) });
  });

  it.each(['pageTable', 'guestRoot'] as const)(
    'find nothing mapped once their stage-2 table is gone, even if a %s comes to its place and its ASID',
    (type) => {
      const { world, vcpu, memory, root, thread, aside } = createGuest();
      const { asid, address } = world.cap(root) as PageTableCap;
      world.interruptRoot(aside);
      world.revoke(memory);
      const table = world.make(objectType[type], 0, 1, memory);
      world.must(initialCap.asidPool, label.RISCVASIDPoolAssign, [], [table]);
      expect(world.cap(table)).toMatchObject({ asid, address });
      world.fences.length = 0;
      world.must(vcpu, label.VCPUFence, [vcpuFence.vvma, -1, 5]);
      expect(world.fences).toEqual([{ stage: 'first', virtual: true, vmid: 0, asid: 5 }]);
      world.wait(aside);
      world.expectCurrent(thread);
      expect(thread.tcb.context.csr('hgatp')).toBe((8n << 60n) | BigInt(world.kernel.emptyRoot / 4096));
    },
  );

  it('a deleted VCPU leaves an ordinary, stopped thread', () => {
    const { world, vcpu, thread, aside } = createGuest();
    world.interruptRoot(aside);
    world.delete(vcpu);
    expect(thread.tcb.state).toBe(threadState.inactive);
    expect([thread.tcb.context.get('virtual'), thread.tcb.context.get('privilege')]).toEqual([0, 0]);
  });
});
