# Branches that depend on data: the lengths of the Collatz sequences from 1 to 1000, and the bits of a pseudo-random word.

    .equ checksum, 0xc08e4742

_start:
    li s11, rounds
round:
    li s0, 1                    # start of the sequence
    li s1, 0                    # steps of all sequences
    li s2, 1000
1:  mv t0, s0
2:  li t1, 1
    beq t0, t1, 5f
    addi s1, s1, 1
    andi t1, t0, 1
    bnez t1, 3f
    srli t0, t0, 1
    j 2b
3:  slli t1, t0, 1
    add t0, t0, t1
    addi t0, t0, 1
    j 2b
5:  addi s0, s0, 1
    bleu s0, s2, 1b

    li s0, 88172645463325252    # xorshift64
    li s3, 2000
    li s4, 0
6:  slli t0, s0, 13
    xor s0, s0, t0
    srli t0, s0, 7
    xor s0, s0, t0
    slli t0, s0, 17
    xor s0, s0, t0
    andi t0, s0, 1
    beqz t0, 7f
    addi s4, s4, 3
    andi t0, s0, 2
    bnez t0, 8f
    addi s4, s4, 5
    j 9f
7:  bltz s0, 8f
    slli s4, s4, 1
    j 9f
8:  xor s4, s4, s0
9:  addi s3, s3, -1
    bnez s3, 6b

    add s1, s1, s4
    slli s1, s1, 32
    srli s1, s1, 32
    li t0, checksum
    bne s1, t0, wrong
    addi s11, s11, -1
    bnez s11, round
    j finish
