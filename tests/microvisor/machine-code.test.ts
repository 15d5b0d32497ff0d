import { describe, expect, it } from 'vitest';
import { Computer, codeAddress } from './computer.ts';
import { startKernelProgram } from './kernel-program.ts';
import { initialCap, label, objectType, threadState } from './world.ts';

describe('machine code', () => {
  it('runs in user mode over the kernel’s page tables, and calls a server', () => {
    const computer = new Computer();
    const { world, machine } = computer;
    const endpoint = world.endpoint();
    const reply = world.reply();
    const finished = world.notification();
    computer.load(`
      li a0, ${endpoint}
      li a6, ${reply}
      li a7, -7
    again:
      ecall
      addi a2, a2, 1
      li a0, ${endpoint}
      li a1, 1
      li a6, ${reply}
      li a7, -2
      j again
    `);
    computer.load(
      `
      li s0, 1000
      li a2, 0
    again:
      li a0, ${endpoint}
      li a1, 1
      li a7, -1
      ecall
      addi s0, s0, -1
      bnez s0, again
      mv s1, a2
      li a0, ${finished}
      li a1, 0
      li a7, -5
      ecall
    stop:
      j stop
    `,
      initialCap.vspace,
      codeAddress + 4096,
    );
    const server = world.thread({ priority: 120, budget: 100_000, resume: false });
    const client = world.thread({ priority: 110, budget: 100_000, resume: false });
    world.must(server.cap, label.TCBWriteRegisters, [1, 1, codeAddress]);
    world.must(client.cap, label.TCBWriteRegisters, [1, 1, codeAddress + 4096]);
    world.wait(finished);
    const from = machine.now;
    machine.run(from + 50_000_000);
    expect(client.tcb.context.x(9)).toBe(1000n);
    expect(world.current().name).toBe('rootserver');
  });

  it('a round trip of call and reply-receive costs about what seL4’s does', () => {
    const { machine, kernel } = startKernelProgram({ source: 'call', spaces: 2, clientRealm: 0, serverRealm: 0 });
    const messages = (): number => kernel.threads.reduce((sum, thread) => sum + thread.messages, 0);
    machine.run(1e6);
    const before = messages();
    machine.run(2e6);
    const cycles = (2 * 1e6) / (messages() - before);
    expect(cycles).toBeGreaterThan(700);
    expect(cycles).toBeLessThan(850);
  });

  it('a cell cannot read, write or execute what is not mapped for it', () => {
    for (const [access, fsr, at] of [
      ['ld a1, 0(a0)', 5n, 0x60_0000n],
      ['sd a1, 0(a0)', 7n, 0x60_0000n],
      ['jr a0', 1n, 0x60_0000n],
      ['sd a1, 0(zero)', 7n, 0n],
    ] as const) {
      const computer = new Computer();
      const { world } = computer;
      computer.load(`li a0, 0x600000\n${access}`);
      const faults = world.endpoint();
      const thread = world.thread({ priority: 100, budget: 1000, faultEndpoint: faults, resume: false });
      computer.start(thread);
      world.wait(faults);
      computer.runFor(100);
      expect(world.current().name).toBe('rootserver');
      expect(world.message().label).toBe(6);
      expect(world.message().words.slice(1)).toEqual([at, fsr === 1n ? 1n : 0n, fsr]);
    }
  });

  it('a budget ends at its cycle, inside a loop', () => {
    const computer = new Computer();
    const { world, machine } = computer;
    computer.load('again: addi s0, s0, 1\n j again');
    const thread = world.thread({ priority: 50, budget: 1000, period: 10_000, resume: false });
    computer.start(thread);
    world.stepAside();
    const begin = machine.now;
    computer.runFor(9_000);
    const spent = Number(thread.tcb.context.x(8)) * 2;
    // 1,000 µs are a million cycles; the loop's two instructions take all of them but those of the switch to it.
    expect(spent).toBeGreaterThan(998_000);
    expect(spent).toBeLessThanOrEqual(1_000_000);
    expect(world.isIdle).toBe(true);
    computer.runFor(10_000);
    expect(Number(thread.tcb.context.x(8)) * 2).toBeGreaterThan(1_996_000);
    expect(Number(thread.tcb.context.x(8)) * 2).toBeLessThanOrEqual(2_000_000);
    expect(machine.now).toBeGreaterThan(begin);
  });

  it('debug calls and time work from user mode', () => {
    const computer = new Computer();
    const { world } = computer;
    computer.load('li a0, 72\n li a7, -12\n ecall\n li a0, 105\n ecall\n rdtime s0\n rdcycle s1\n stop: j stop');
    const thread = world.thread({ priority: 100, budget: 1000, resume: false });
    computer.start(thread);
    world.stepAside();
    computer.runFor(100);
    expect(computer.output).toBe('Hi');
    const [time, cycle] = [thread.tcb.context.x(8), thread.tcb.context.x(9)];
    expect(cycle / 100n - time).toBeLessThan(2n);
  });

  it('threads on two harts run at once, and wake each other', () => {
    const computer = new Computer(2);
    const { world } = computer;
    const notification = world.notification();
    const finished = world.notification();
    computer.load(
      `li a0, ${notification}\n li a7, -9\n ecall\n li a0, ${finished}\n li a1, 0\n li a7, -5\n ecall\n stop: j stop`,
    );
    computer.load(
      `li a0, ${notification}\n li a1, 0\n li a7, -5\n ecall\n stop: j stop`,
      initialCap.vspace,
      codeAddress + 4096,
    );
    const waiter = world.thread({ priority: 100, budget: 1000, core: 1, resume: false });
    const signaller = world.thread({ priority: 100, budget: 1000, resume: false });
    computer.start(waiter);
    computer.start(signaller, codeAddress + 4096);
    world.wait(finished);
    computer.runFor(1000);
    expect(world.current(0).name).toBe('rootserver');
    world.expectCurrent(waiter, 1);
  });

  it('a virtual hart runs a guest in VS-mode, exits to its monitor and sleeps until its timer', () => {
    const computer = new Computer();
    const { world, machine } = computer;
    const faults = world.endpoint();
    const reply = world.reply();
    const root = world.make(objectType.guestRoot);
    world.must(initialCap.asidPool, label.RISCVASIDPoolAssign, [], [root]);
    const guestBase = 0x8000_0000;
    for (let i = 0; i < 2; i++)
      world.must(world.make(objectType.pageTable), label.RISCVPageTableMap, [guestBase, 0], [root]);
    computer.load(
      `
      li a7, 0x42
      ecall
      li t0, 0x20
      csrs sie, t0
      rdtime t1
      addi t1, t1, 500
      csrw stimecmp, t1
      wfi
      rdtime s1
      sub s1, s1, t1
      li t2, 0x10000000
      lbu a0, 5(t2)
    stop:
      j stop
    `,
      root,
      guestBase,
    );
    const vcpu = world.make(objectType.vcpu);
    const thread = world.thread({ priority: 100, budget: 1000, faultEndpoint: faults, resume: false });
    world.must(vcpu, label.VCPUBind, [], [thread.cap, root]);
    computer.start(thread, guestBase);
    world.recv(faults, reply);
    computer.runFor(100);
    const ecall = world.message();
    expect(ecall).toMatchObject({ label: 7 });
    expect(ecall.words[0]).toBe(10n);
    expect(ecall.words[5 + 16]).toBe(0x42n);
    const pc = ecall.words[3]!;
    world.replyRecv(faults, reply, [...ecall.words.slice(0, 3), pc + 4n]);
    computer.runFor(10);
    expect(thread.tcb.state).toBe(threadState.waitingForInterrupt);
    expect(world.isIdle).toBe(true);
    computer.runFor(200);
    const load = world.message();
    expect(load.words[0]).toBe(21n);
    expect(load.words[1]).toBe(0x1000_0005n >> 2n);
    // lbu a0, 5(t2), transformed: width and destination stay, rs1 is the offset of the access in the address.
    expect(load.words[2]! & 0x707fn).toBe(0x4003n);
    expect(load.words[5 + 8]).toBeLessThan(20n);
    expect(machine.now).toBeGreaterThan(0);
  });
});
