# A guest of a VM cell that changes its own code for ever (rewrite.s): bursts of loops, and sleep between them.

    .equ turns, 4000            # of a loop
    .equ burst, 16              # loops
    .equ pause, 5000000         # ticks of 100 ns
    .equ report, 64             # bursts from one line of output to the next
    .equ debug_console, 0x4442434e

_start:
    la t0, wrong
    csrw stvec, t0
    li t0, 32                   # the timer wakes, and interrupts nothing
    csrw sie, t0
    call prepare
    li s8, 0                    # bursts so far

work:
    li s7, burst
1:  call rewrite
    addi s7, s7, -1
    bnez s7, 1b

    addi s8, s8, 1
    andi t0, s8, report - 1
    bnez t0, sleep
    li a0, 24
    la a1, line
    li a2, 0
    li a6, 0
    li a7, debug_console
    ecall
sleep:
    rdtime t0
    li t1, pause
    add t0, t0, t1
    csrw stimecmp, t0
1:  wfi
    csrr t0, sip
    andi t0, t0, 32
    beqz t0, 1b
    j work

    .balign 4
wrong:
    j wrong

    .balign 8
line:
    .ascii "1024 loops were written\n"
