# Writes a loop to a random place, changes it, and runs it until it is hot: each time in another address space, of which
# there are 65,536. Whoever assembles it says how many `turns` a loop goes. S-mode; it keeps s0 to s3, s9, s10.

    .equ places, 1024           # pages of the arena

prepare:
    # One gigapage for all of RAM, and one for devices, in a table that every address space has.
    la s10, table
    li t0, 0x200000ef           # RAM: DAG, XWR, V
    sd t0, 16(s10)
    li t0, 0xe7                 # DAG, WR, V
    sd t0, 0(s10)
    srli s10, s10, 12
    li t0, 8 << 60
    or s10, s10, t0
    li s0, 88172645463325252    # xorshift64
    li s1, 0x80100000           # the arena
    li s2, places - 1
    li s9, 0                    # address spaces so far
    ret

rewrite:
    slli t0, s0, 13
    xor s0, s0, t0
    srli t0, s0, 7
    xor s0, s0, t0
    slli t0, s0, 17
    xor s0, s0, t0

    addi s9, s9, 1
    slli t0, s9, 48
    srli t0, t0, 4
    or t0, t0, s10
    csrw satp, t0

    # The place: a page of the arena, and one of 32 offsets in it.
    and t0, s0, s2
    slli t0, t0, 12
    srli t1, s0, 20
    andi t1, t1, 31
    slli t1, t1, 6
    add t0, t0, t1
    add s3, s1, t0

    la t1, template
    mv t2, s3
    li t3, 8
1:  lw t4, (t1)
    sw t4, (t2)
    addi t1, t1, 4
    addi t2, t2, 4
    addi t3, t3, -1
    bnez t3, 1b
    # addi a1, a1, random
    lw t4, (s3)
    srli t5, s0, 32
    slli t5, t5, 20
    xor t4, t4, t5
    sw t4, (s3)
    fence.i

    li a0, turns
    jr s3                       # its end returns to the caller

template:
    addi a1, a1, 0
    xor a1, a1, a0
    slli a2, a1, 3
    add a1, a1, a2
    srli a3, a1, 11
    addi a0, a0, -1
    bne a0, zero, template
    jalr zero, 0(ra)

    .balign 4096
table:
    .zero 4096
