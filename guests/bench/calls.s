# Indirect control flow: a bytecode loop over a jump table whose operations call through a table of functions.

    .equ length, 1024           # operations of the bytecode
    .equ checksum, 0x9088db0f

_start:
    # Bytecode from a generator; three bits choose the operation.
    la a0, code
    li t0, length
    li t1, 12345
    li t2, 1103515245
1:  mulw t1, t1, t2
    addiw t1, t1, 1013
    srliw t3, t1, 20
    andi t3, t3, 7
    sb t3, 0(a0)
    addi a0, a0, 1
    addi t0, t0, -1
    bnez t0, 1b

    la s2, operations
    la s3, functions
    li s11, rounds
round:
    la s0, code
    li s1, length
    add s1, s0, s1
    li s4, 1                    # accumulator
next:
    beq s0, s1, done
    lbu t0, 0(s0)
    addi s0, s0, 1
    slli t1, t0, 3
    add t1, s2, t1
    ld t1, 0(t1)
    jr t1

increment:
    addi s4, s4, 1
    j next
double:
    slli s4, s4, 1
    j next
flip:
    not s4, s4
    j next
shrink:
    srli s4, s4, 3
    j next
apply:
    andi t1, s4, 3
    slli t1, t1, 3
    add t1, s3, t1
    ld t1, 0(t1)
    mv a0, s4
    jalr t1
    mv s4, a0
    j next

add_seven:
    addi a0, a0, 7
    ret
times_five:
    slli t2, a0, 2
    add a0, a0, t2
    ret
fold:
    srli t2, a0, 32
    xor a0, a0, t2
    ret
scramble:
    slli t2, a0, 13
    xor a0, a0, t2
    ret

done:
    slli s4, s4, 32
    srli s4, s4, 32
    li t0, checksum
    bne s4, t0, wrong
    addi s11, s11, -1
    bnez s11, round
    j finish

    .data
    .balign 4096               # no stores into the page of the code
operations:
    .dword increment, double, flip, shrink, apply, apply, apply, apply
functions:
    .dword add_seven, times_five, fold, scramble
    .bss
code:
    .zero 1024
