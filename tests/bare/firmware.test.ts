// The built-in SBI, called by small kernels in S-mode.

import { describe, expect, test } from 'vitest';
import { BareBench, program, scratch } from './bare-bench.ts';

/** Where the firmware puts a kernel that is an ELF: where it is linked. */
const at = 0x8020_0000;

const library = `
    .equ base, 0x10
    .equ time, 0x54494d45
    .equ ipi, 0x735049
    .equ rfence, 0x52464e43
    .equ hsm, 0x48534d
    .equ srst, 0x53525354
    .equ dbcn, 0x4442434e

# Prints the text at a1 that ends with a zero byte, by the debug console.
print:
    mv t1, a1
    li a0, 0
1:  lbu t2, 0(t1)
    beqz t2, 2f
    addi a0, a0, 1
    addi t1, t1, 1
    j 1b
2:  li a2, 0
    li a6, 0
    li a7, dbcn
    ecall
    ret

# Ends the run: type in a0, reason in a1.
leave:
    li a6, 0
    li a7, srst
    ecall
    j leave
`;

const kernel = (source: string): string =>
  program(`    .text\n_start:\n    j begin\n${library}\nbegin:\n    mv s0, a0\n    mv s1, a1\n${source}\n`, at);
const boot = (source: string, harts = 1): BareBench => new BareBench({ kernel: kernel(source) }, { harts }).run();

const shutdown = '    li a0, 0\n    li a1, 0\n    j leave\n';

describe('the built-in firmware', () => {
  test('starts a kernel in S-mode with the hart and the device tree, and prints for it', () => {
    const bench = boot(`
    bnez s0, wrong
    lwu t0, 0(s1)
    li t1, 0xedfe0dd0
    bne t0, t1, wrong
    la a1, hello
    call print
${shutdown}
wrong:
    li a0, 0
    li a1, 1
    j leave
hello:
    .asciz "hello\\n"
`);
    expect(bench.printed).toBe('hello\n');
    expect(bench.outcome).toEqual({ kind: 'pass' });
  });

  test('reports a shutdown after a failure, and a reboot, as such', () => {
    const reset = (type: number, reason: number): unknown =>
      boot(`    li a0, ${type}\n    li a1, ${reason}\n    j leave\n`).outcome;
    expect(reset(0, 0)).toEqual({ kind: 'pass' });
    expect(reset(0, 1)).toEqual({ kind: 'fail', code: 1 });
    expect(reset(1, 0)).toEqual({ kind: 'reset' });
    expect(reset(2, 0)).toEqual({ kind: 'reset' });
  });

  test('tells which version and which extensions it has, and refuses an unknown one', () => {
    const bench = boot(`
    .macro probe
    li a7, base
    li a6, 3
    ecall
    addi a1, a1, '0'
    la t0, found
    sb a1, 0(t0)
    la a1, found
    call print
    .endm
    li a0, time
    probe
    li a0, srst
    probe
    li a0, 0x999999
    probe
    li a7, 0x999999
    li a6, 0
    ecall
    addi a0, a0, '9'
    la t0, found
    sb a0, 0(t0)
    la a1, found
    call print
${shutdown}
found:
    .asciz "?"
`);
    // SBI_ERR_NOT_SUPPORTED is -2.
    expect(bench.printed).toBe('1107');
  });

  test('wakes a waiting hart at the time that was asked for', () => {
    const bench = boot(`
    rdtime s2
    li t0, 50000                # 5 ms
    add a0, s2, t0
    mv s3, a0
    li a7, time
    li a6, 0
    ecall
    li t0, 32
    csrw sie, t0
1:  wfi
    csrr t0, sip
    andi t0, t0, 32
    beqz t0, 1b
    rdtime t0
    bltu t0, s3, wrong
    sub t0, t0, s3
    li t1, 10                   # at most a microsecond late
    bgtu t0, t1, wrong
${shutdown}
wrong:
    li a0, 0
    li a1, 1
    j leave
`);
    expect(bench.outcome).toEqual({ kind: 'pass' });
    expect(bench.machine.nowNs).toBeGreaterThanOrEqual(5e6);
    expect(bench.machine.nowNs).toBeLessThan(5.2e6);
  });

  /** Hart 0 starts hart 1; both talk by IPIs; hart 1 stops, starts again elsewhere, and suspends. */
  const harts = `
    li a7, hsm
    li a6, 2                    # status of hart 1: stopped (1)
    li a0, 1
    ecall
    li t0, 1
    bne a1, t0, wrong
    li a0, 1
    la a1, second
    li a2, 77
    li a6, 0
    ecall
    bnez a0, wrong
    # Starting it twice: already available (-6), or already started.
    csrsi sie, 2
1:  wfi                         # until hart 1 sends an IPI
    csrr t0, sip
    andi t0, t0, 2
    beqz t0, 1b
    csrci sip, 2
    la a1, heard
    call print
2:  li a7, hsm                  # until it has stopped
    li a6, 2
    li a0, 1
    ecall
    li t0, 1
    bne a1, t0, 2b
    li a0, 1
    la a1, again
    li a2, 78
    li a6, 0
    ecall
    bnez a0, wrong
3:  li a7, hsm                  # until it is suspended (4)
    li a6, 2
    li a0, 1
    ecall
    li t0, 4
    bne a1, t0, 3b
    li a7, ipi
    li a6, 0
    li a0, 2
    li a1, 0
    ecall
    bnez a0, wrong
4:  wfi                         # hart 1 ends the run
    j 4b

second:
    li t0, 1
    bne a0, t0, wrong
    li t0, 77
    bne a1, t0, wrong
    li a7, ipi
    li a6, 0
    li a0, 1
    li a1, 0
    ecall
    li a7, hsm
    li a6, 1                    # stop
    ecall
    j wrong
again:
    li t0, 78
    bne a1, t0, wrong
    csrsi sie, 2
    li a7, hsm
    li a6, 3                    # suspend, retentive
    li a0, 0
    ecall
    bnez a0, wrong
    la a1, woken
    call print
${shutdown}
wrong:
    li a0, 0
    li a1, 1
    j leave
heard:
    .asciz "heard\\n"
woken:
    .asciz "woken\\n"
`;

  test('starts, stops, suspends and wakes harts, and carries IPIs between them', () => {
    const bench = boot(harts, 2);
    expect(bench.printed).toBe('heard\nwoken\n');
    expect(bench.outcome).toEqual({ kind: 'pass' });
  });

  test('goes on from a saved machine, harts that are being started included', () => {
    const path = kernel(harts);
    const whole = new BareBench({ kernel: path }, { harts: 2 }).run();
    const saved = `${scratch()}/saved`;
    const end = whole.machine.now;
    for (const part of [0.0005, 0.2, 0.4, 0.5, 0.75, 0.95]) {
      const before = new BareBench({ kernel: path }, { harts: 2 }).run((end * part) / 1e6);
      before.bare.save(saved);
      const after = new BareBench(undefined, { harts: 2 });
      after.bare.load(saved);
      after.run();
      expect(before.printed + after.printed).toBe('heard\nwoken\n');
      expect(after.outcome).toEqual({ kind: 'pass' });
      expect(after.hash()).toBe(new BareBench({ kernel: path }, { harts: 2 }).run().hash());
    }
  });

  test('gives a kernel what was typed, by the debug console', () => {
    const bench = new BareBench({
      kernel: kernel(`
    la s2, buffer
    la s3, buffer + 5
1:  li a7, dbcn                 # the UART holds one byte while its FIFO is off
    li a6, 1
    li a0, 8
    mv a1, s2
    li a2, 0
    ecall
    add s2, s2, a1
    bne s2, s3, 1b
    la a1, buffer
    call print
${shutdown}
buffer:
    .zero 9
`),
    });
    bench.bare.input(new TextEncoder().encode('typed'));
    expect(bench.run().printed).toBe('typed');
    expect(bench.outcome).toEqual({ kind: 'pass' });
  });

  test('survives any call with any arguments: random ones never throw', () => {
    // A generator of its own in the guest: each call gets random registers; traps of the kernel itself are skipped.
    const bench = new BareBench({
      kernel: kernel(`
    la t0, trapped
    csrw stvec, t0
    li s2, 88172645463325252
    la s4, extensions
    li s5, 4000
next:
    .macro random register
    slli t0, s2, 13
    xor s2, s2, t0
    srli t0, s2, 7
    xor s2, s2, t0
    slli t0, s2, 17
    xor s2, s2, t0
    mv \\register, s2
    .endm
    random a0
    random a1
    random a2
    random a3
    random a4
    random a5
    random a6
    andi a6, a6, 7
    random t1
    andi t1, t1, 7
    slli t1, t1, 3
    add t1, t1, s4
    ld a7, 0(t1)
    # Arguments that are small half of the time.
    random t1
    andi t1, t1, 1
    beqz t1, 1f
    andi a0, a0, 15
    andi a1, a1, 15
1:  ecall
    addi s5, s5, -1
    bnez s5, next
${shutdown}
    .balign 4
trapped:
    csrr t0, sepc
    addi t0, t0, 4
    csrw sepc, t0
    sret
    .balign 8
extensions:
    .dword 0x10, 0x54494d45, 0x735049, 0x52464e43, 0x4442434e, 0x5, 0x4, 0x0
`),
    });
    bench.run(1000);
    expect(bench.outcome).toEqual({ kind: 'pass' });
  });
});
