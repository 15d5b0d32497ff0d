# Runs in domain 0 for 400 us of every millisecond, always inside a system call or just behind one. For each of five times that it
# goes on: the ticks since the millisecond began, a digit, or `+` for more than nine.

    .equ sys_call, -1
    .equ sys_debug_put_char, -12
    .equ sys_debug_halt, -14
    .equ domain_set_set, 30
    .equ domain_schedule_configure, 31
    .equ domain_schedule_set_start, 32
    .equ extra_caps, 976
    .equ cap_tcb, 1
    .equ cap_domain, 11
    .equ frame, 10000               # ticks of 100 ns
    .equ gap, 1000                  # longer than any system call, shorter than the other domain's time

    .macro invoke label, caps, words
    li a0, cap_domain
    li a1, (\label << 12) | (\caps << 7) | \words
    li a7, sys_call
    ecall
    srli t0, a1, 12
    bnez t0, done
    .endm

    .text
_start:
    ld s0, 32(a0)                   # IPC buffer
    li t0, cap_tcb
    sd t0, extra_caps(s0)
    li a2, 0
    li a3, 0
    li a4, 4000
    invoke domain_schedule_configure, 0, 3
    li a2, 1
    li a3, 1
    li a4, 6000
    invoke domain_schedule_configure, 0, 3
    li a2, 0
    invoke domain_schedule_set_start, 0, 1

    li s1, 5
    li s2, frame
    li s3, gap
next:
    rdtime s4
1:  li a2, 0
    invoke domain_set_set, 1, 1
    rdtime s5
    sub t0, s5, s4
    mv s4, s5
    bltu t0, s3, 1b

    remu t0, s5, s2
    li a0, '+'
    li t1, 10
    bgeu t0, t1, 2f
    addi a0, t0, '0'
2:  li a7, sys_debug_put_char
    ecall
    addi s1, s1, -1
    bnez s1, next
done:
    li a7, sys_debug_halt
    ecall
