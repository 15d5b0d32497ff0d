# Chases pointers: a ring of 65,536 nodes of 64 bytes, linked in the order of a generator with full period, so that neither
# the host's caches nor a small TLB hold it.

    .equ nodes, 0x81000000
    .equ count, 65536
    .equ checksum, 0x5708000

_start:
    li s0, nodes
    li s1, count - 1
    li t0, 0                    # node
    li t1, count
1:  li t2, 20077                # next = (20077 × node + 12345) mod 2^16
    mul t3, t0, t2
    li t2, 12345
    add t3, t3, t2
    and t3, t3, s1
    slli t4, t3, 6
    add t4, s0, t4
    slli t5, t0, 6
    add t5, s0, t5
    sd t4, 0(t5)
    sd t0, 8(t5)
    mv t0, t3
    addi t1, t1, -1
    bnez t1, 1b

    li s11, rounds
round:
    sfence.vma                  # QEMU lets its TLB grow at fences only
    mv t0, s0
    li t1, count
    li s2, 0
1:  ld t2, 8(t0)
    ld t0, 0(t0)
    slli t3, s2, 3
    sub s2, t3, s2
    add s2, s2, t2
    addi t1, t1, -1
    bnez t1, 1b
    bne t0, s0, wrong           # the ring has closed
    slli s2, s2, 32
    srli s2, s2, 32
    li t0, checksum
    bne s2, t0, wrong
    addi s11, s11, -1
    bnez s11, round
    j finish
