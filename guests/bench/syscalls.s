# System calls: a loop in U-mode, each turn an ecall into a handler in M-mode that counts and returns with mret.

_start:
    la t0, handler
    csrw mtvec, t0
    li t0, -1                   # U-mode may use all of memory
    csrw pmpaddr0, t0
    li t0, 0x1f
    csrw pmpcfg0, t0
    li t0, 3 << 11              # mstatus.MPP: U
    csrc mstatus, t0
    la t0, user
    csrw mepc, t0
    li s0, 0                    # calls taken
    li s1, rounds
    mret

user:
    li s2, 0
1:  mv a0, s2
    li a7, 1
    ecall
    addi s2, s2, 1
    bne a0, s2, 2f              # the handler adds one
    bltu s2, s1, 1b
2:  li a7, 2
    ecall

    .balign 4
handler:
    csrr t0, mcause
    li t1, 8                    # an environment call from U-mode
    bne t0, t1, wrong
    li t1, 2
    beq a7, t1, leave
    addi s0, s0, 1
    addi a0, a0, 1
    csrr t0, mepc
    addi t0, t0, 4
    csrw mepc, t0
    mret

leave:
    bne s0, s1, wrong
    bne s2, s1, wrong
    j finish
