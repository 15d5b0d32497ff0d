# Integer work in the manner of embedded benchmarks: a CRC-32 over 4 KiB by table, a matrix product of 16 × 16 words, a
# Shell sort of 512 words. Every round starts from the same data and must give the same checksum.

    .equ size, 16               # rows of a matrix
    .equ count, 512             # words to sort
    .equ bytes, 4096            # of the text for the CRC
    .equ checksum, 0x93ace1d6

_start:
    call make_table
    li s11, rounds
round:
    call fill
    call crc
    mv s10, a0
    call multiply
    xor s10, s10, a0
    call sort
    slli s10, s10, 1
    xor s10, s10, a0
    li t0, checksum
    bne s10, t0, wrong
    addi s11, s11, -1
    bnez s11, round
    j finish

# The table of the reflected CRC-32, polynomial 0xEDB88320.
make_table:
    la a0, crc_table
    li a1, 0xedb88320
    li t0, 0
1:  mv t1, t0
    li t2, 8
2:  andi t3, t1, 1
    srli t1, t1, 1
    beqz t3, 3f
    xor t1, t1, a1
3:  addi t2, t2, -1
    bnez t2, 2b
    sw t1, 0(a0)
    addi a0, a0, 4
    addi t0, t0, 1
    li t2, 256
    bltu t0, t2, 1b
    ret

# Fills text and words to sort from a linear congruential generator, and both matrices from the text.
fill:
    la a0, text
    li t0, bytes / 4 + count
    li t1, 1
    li t2, 1103515245
1:  mulw t1, t1, t2
    addiw t1, t1, 1013
    sw t1, 0(a0)
    addi a0, a0, 4
    addi t0, t0, -1
    bnez t0, 1b
    la a0, text
    la a1, left
    li t0, 2 * size * size
2:  lh t1, 0(a0)
    sw t1, 0(a1)
    addi a0, a0, 4
    addi a1, a1, 4
    addi t0, t0, -1
    bnez t0, 2b
    ret

crc:
    la a1, text
    la a2, crc_table
    li a3, bytes
    add a3, a1, a3
    li a0, 0xffffffff
1:  lbu t0, 0(a1)
    xor t0, t0, a0
    andi t0, t0, 0xff
    slli t0, t0, 2
    add t0, a2, t0
    lwu t0, 0(t0)
    srli a0, a0, 8
    xor a0, a0, t0
    addi a1, a1, 1
    bne a1, a3, 1b
    not a0, a0
    slli a0, a0, 32
    srli a0, a0, 32
    ret

# The sum of all elements of left × right, each cut to 16 bits.
multiply:
    la a1, left
    la a2, right
    li a0, 0
    li t0, size                 # rows to go
1:  li t1, 0                    # column
2:  slli t2, t1, 2
    add t2, a2, t2              # down the column of right
    mv t3, a1                   # along the row of left
    li t4, size
    li t5, 0
3:  lw t6, 0(t3)
    lw a3, 0(t2)
    mulw t6, t6, a3
    addw t5, t5, t6
    addi t3, t3, 4
    addi t2, t2, 4 * size
    addi t4, t4, -1
    bnez t4, 3b
    slli t5, t5, 48
    srli t5, t5, 48
    add a0, a0, t5
    addi t1, t1, 1
    li t6, size
    bltu t1, t6, 2b
    addi a1, a1, 4 * size
    addi t0, t0, -1
    bnez t0, 1b
    ret

# Sorts with halving gaps, and returns a sum that depends on the order.
sort:
    la a1, words
    li a2, count * 4
    srli a3, a2, 1              # gap in bytes
1:  mv t0, a3                   # the word to insert
2:  add t1, a1, t0
    lw t2, 0(t1)
3:  sub t3, t1, a3
    bltu t3, a1, 4f
    lw t4, 0(t3)
    ble t4, t2, 4f
    sw t4, 0(t1)
    mv t1, t3
    j 3b
4:  sw t2, 0(t1)
    addi t0, t0, 4
    bltu t0, a2, 2b
    srli a3, a3, 1
    li t0, 4
    bgeu a3, t0, 1b
    li a0, 0
    li t0, count
5:  lw t1, 0(a1)
    slli t2, a0, 5
    sub a0, t2, a0
    add a0, a0, t1
    addi a1, a1, 4
    addi t0, t0, -1
    bnez t0, 5b
    slli a0, a0, 32
    srli a0, a0, 32
    ret

    .bss
    .balign 4096               # no stores into the page of the code
text:
    .zero 4096
words:
    .zero 2048
left:
    .zero 1024
right:
    .zero 1024
crc_table:
    .zero 1024
