# Double precision: the square of a Hilbert matrix of 24 × 24 by multiply-add, and the norms of its rows.

    .equ size, 24
    .equ checksum, 0x851d7da6

_start:
    li t0, 1 << 13              # mstatus.FS: floating point on
    csrs mstatus, t0
    li s11, rounds
round:
    la s0, matrix
    li t0, 1                    # row + 1
    li t6, size
1:  li t1, 0
2:  add t2, t0, t1
    fcvt.d.l fa0, t2
    li t3, 1
    fcvt.d.l fa1, t3
    fdiv.d fa0, fa1, fa0
    fsd fa0, 0(s0)
    addi s0, s0, 8
    addi t1, t1, 1
    bltu t1, t6, 2b
    addi t0, t0, 1
    bleu t0, t6, 1b

    li s10, 0                   # exclusive or of all norms' bits
    la a1, matrix
    li t0, size
3:  li t1, 0
    fmv.d.x fs0, zero           # squares of this row
4:  la t2, matrix
    slli t3, t1, 3
    add t2, t2, t3
    mv t3, a1
    li t4, size
    fmv.d.x fa0, zero
5:  fld fa1, 0(t3)
    fld fa2, 0(t2)
    fmul.d fa3, fa1, fa2
    fadd.d fa0, fa0, fa3
    addi t3, t3, 8
    addi t2, t2, 8 * size
    addi t4, t4, -1
    bnez t4, 5b
    fmadd.d fs0, fa0, fa0, fs0
    addi t1, t1, 1
    bltu t1, t6, 4b
    fsqrt.d fs0, fs0
    fmv.x.d t2, fs0
    xor s10, s10, t2
    addi a1, a1, 8 * size
    addi t0, t0, -1
    bnez t0, 3b
    slli s10, s10, 32
    srli s10, s10, 32
    li t0, checksum
    bne s10, t0, wrong
    addi s11, s11, -1
    bnez s11, round
    j finish

    .bss
    .balign 4096               # no stores into the page of the code
matrix:
    .zero 4608
