import { describe, expect, it } from 'vitest';
import { tcbFlag } from '../../microvisor/abi/rights.ts';
import { Computer, codeAddress } from './computer.ts';
import { initialCap, label } from './world.ts';

const faultLabel = { userException: 3 } as const;
const illegalInstruction = 2n;

describe('floating point', () => {
  it('that is switched off is an illegal instruction, and runs once it is switched on', () => {
    const computer = new Computer();
    const { world } = computer;
    computer.load(`
      li t0, 7
      fcvt.d.w ft0, t0
      fmv.x.d s0, ft0
      li s1, 1
    stop:
      j stop
    `);
    const faults = world.endpoint();
    const reply = world.reply();
    const thread = world.thread({ priority: 100, budget: 1000, faultEndpoint: faults, resume: false });
    world.must(thread.cap, label.TCBSetFlags, [0, tcbFlag.fpuDisabled]);
    computer.start(thread);
    world.recv(faults, reply);
    computer.runFor(100);
    expect(world.current().name).toBe('rootserver');
    const { label: type, words } = world.message();
    expect(type).toBe(faultLabel.userException);
    const pc = words[0]!;
    expect(pc).toBe(BigInt(codeAddress + 4));
    expect(words[2]).toBe(illegalInstruction);
    expect(thread.tcb.context.x(9)).toBe(0n);

    expect(world.must(thread.cap, label.TCBSetFlags, [tcbFlag.fpuDisabled, 0])).toEqual([0n]);
    world.replyRecv(faults, reply, words.slice(0, 2));
    computer.runFor(100);
    world.expectCurrent(thread);
    expect(thread.tcb.context.x(8)).toBe(0x401c_0000_0000_0000n);
    expect(thread.tcb.context.x(9)).toBe(1n);
  });

  it('has registers and an fcsr for each thread, across switches', () => {
    const computer = new Computer();
    const { world } = computer;
    const finished = world.notification();
    const rounds = 20;
    // Writes what is its own, yields to the other, and counts what it finds changed.
    const own = (base: number, frm: number): string => `
      li s0, ${rounds}
      li s1, 0
      li s2, ${base}
    again:
      ${Array.from({ length: 32 }, (_, f) => `addi t0, s2, ${f}\nfmv.d.x f${f}, t0`).join('\n')}
      li t0, ${(frm << 5) | (frm + 1)}
      fscsr t0
      li a7, -11
      ecall
      ${Array.from({ length: 32 }, (_, f) => `fmv.x.d t1, f${f}\naddi t2, s2, ${f}\nxor t1, t1, t2\nor s1, s1, t1`).join('\n')}
      frcsr t1
      li t2, ${(frm << 5) | (frm + 1)}
      xor t1, t1, t2
      or s1, s1, t1
      addi s2, s2, 64
      addi s0, s0, -1
      bnez s0, again
      li a0, ${finished}
      li a1, 0
      li a7, -5
      ecall
    stop:
      j stop
    `;
    computer.load(own(0x1000, 1));
    computer.load(own(0x9000, 3), initialCap.vspace, codeAddress + 4096);
    const threads = [codeAddress, codeAddress + 4096].map((pc) => {
      const thread = world.thread({ priority: 100, budget: 1000, resume: false });
      computer.start(thread, pc);
      return thread;
    });
    world.wait(finished);
    computer.runFor(1000);
    expect(world.current().name).toBe('rootserver');
    // They took turns: when one is through, the other is in its last round.
    expect(threads.map(({ tcb }) => tcb.context.x(8)).toSorted()).toEqual([0n, 1n]);
    world.wait(finished);
    computer.runFor(5000);
    expect(threads.map(({ tcb }) => tcb.context.x(8))).toEqual([0n, 0n]);
    expect(threads.map(({ tcb }) => tcb.context.x(9))).toEqual([0n, 0n]);
  });
});
