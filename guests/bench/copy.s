# Streams through memory: copies 4 MiB and adds up what arrived, 64 bytes at a time.

    .equ source, 0x81000000
    .equ target, 0x82000000
    .equ length, 4 << 20
    .equ checksum, 0x5a580000

_start:
    li t0, source
    li t1, length
    add t1, t0, t1
    li t2, 1
    li t3, 0x9e3779b97f4a7c15
1:  sd t2, 0(t0)
    add t2, t2, t3
    addi t0, t0, 8
    bltu t0, t1, 1b

    li s11, rounds
round:
    sfence.vma                  # QEMU lets its TLB grow at fences only
    li a0, source
    li a1, target
    li a2, length
    add a2, a0, a2
1:  ld t0, 0(a0)
    ld t1, 8(a0)
    ld t2, 16(a0)
    ld t3, 24(a0)
    ld t4, 32(a0)
    ld t5, 40(a0)
    ld t6, 48(a0)
    ld a3, 56(a0)
    sd t0, 0(a1)
    sd t1, 8(a1)
    sd t2, 16(a1)
    sd t3, 24(a1)
    sd t4, 32(a1)
    sd t5, 40(a1)
    sd t6, 48(a1)
    sd a3, 56(a1)
    addi a0, a0, 64
    addi a1, a1, 64
    bltu a0, a2, 1b

    li a0, target
    li a2, length
    add a2, a0, a2
    li s0, 0
2:  ld t0, 0(a0)
    ld t1, 8(a0)
    ld t2, 16(a0)
    ld t3, 24(a0)
    add s0, s0, t0
    xor s0, s0, t1
    add s0, s0, t2
    xor s0, s0, t3
    addi a0, a0, 32
    bltu a0, a2, 2b
    slli s0, s0, 32
    srli s0, s0, 32
    li t0, checksum
    bne s0, t0, wrong
    addi s11, s11, -1
    bnez s11, round
    j finish
