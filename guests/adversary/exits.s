# The adversarial sender as the kernel of a virtual machine: for a bit that is set it leaves the guest often, else seldom, then
# sleeps. Modulations: 0 computes, 1 calls its firmware, 2 accesses a device. Entered in S-mode at the start of RAM.

    .equ much, 40
    .equ little, 1
    .equ sbi_base, 0x10
    .equ sbi_time, 0x54494d45
    .equ plic, 0xc000000
    .equ sleep, 500             # ticks

_start:
    la t0, modulations
    ld s1, 0(t0)
    li t0, 1 << 5               # sie.STIE: the timer ends a WFI; sstatus.SIE stays clear
    csrw sie, t0
round:
    la t0, secret
    ld s2, 0(t0)
    li s3, 64
next_bit:
    andi t0, s2, 1
    li s4, little
    beqz t0, 1f
    li s4, much
1:
    andi t0, s1, 1
    beqz t0, 2f
    slli t1, s4, 8
1:  addi t1, t1, -1
    bnez t1, 1b
2:
    andi t0, s1, 2
    beqz t0, 2f
    mv s5, s4
1:  li a7, sbi_base
    li a6, 0
    ecall
    addi s5, s5, -1
    bnez s5, 1b
2:
    andi t0, s1, 4
    beqz t0, 2f
    mv s5, s4
1:  li t0, plic
    lw t0, 4(t0)
    addi s5, s5, -1
    bnez s5, 1b
2:
    rdtime a0
    addi a0, a0, sleep
    call set_timer
    wfi
    li a0, -1
    call set_timer
    srli s2, s2, 1
    addi s3, s3, -1
    bnez s3, next_bit
    j round

set_timer:
    li a7, sbi_time
    li a6, 0
    ecall
    ret

    .data
    .balign 8
