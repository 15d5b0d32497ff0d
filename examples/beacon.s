# A server in machine code: tells the key-value store how often it has called, and reads its answer back.
# Where a server finds what is written in guests/sdk/layout.ts: its endpoint, its reply object, the endpoint of channel 0.

    .equ store, 74
    .equ rounds, 3
    .equ input, 1
    .equ reply, 4
    .equ sys_call, -1
    .equ sys_recv, -7
    .equ sys_debug_put_char, -12
    # Message info: label 0, length 3 words: the number of bytes, then sixteen bytes of text.
    .equ message, 3

    .text
_start:
    li s0, 0                    # rounds so far

next:
    la s1, request
    addi t0, s0, '0'
    sb t0, 11(s1)               # put beacon 0 …
    call ask
    addi s0, s0, 1
    li t0, rounds
    bltu s0, t0, next

    la s1, question
    call ask                    # … get beacon
    la s1, farewell
    call print
    # Nothing more to do: wait for callers, and nobody can call.
rest:
    li a0, input
    li a6, reply
    li a7, sys_recv
    ecall
    j rest

# Sends the sixteen bytes at s1 to the store and prints the answer.
ask:
    mv s2, ra
    li a0, store
    li a1, message
    li a2, 16
    ld a3, 0(s1)
    ld a4, 8(s1)
    li a7, sys_call
    ecall
    la s1, answer
    sd a2, 0(s1)
    sd a3, 8(s1)
    sd a4, 16(s1)
    la s1, prefix
    call print
    la s1, answer
    ld t3, 0(s1)                # bytes of text
    addi s1, s1, 8
    call print_counted
    la s1, newline
    call print
    jr s2

# Prints the text at s1 that ends with a zero byte.
print:
    lbu a0, 0(s1)
    beqz a0, 1f
    li a7, sys_debug_put_char
    ecall
    addi s1, s1, 1
    j print
1:  ret

# Prints t3 bytes at s1.
print_counted:
    beqz t3, 1f
    lbu a0, 0(s1)
    li a7, sys_debug_put_char
    ecall
    addi s1, s1, 1
    addi t3, t3, -1
    j print_counted
1:  ret

    .rodata
prefix:
    .asciz "the store answers: "
farewell:
    .asciz "machine code and TypeScript have met\n"
newline:
    .asciz "\n"
    .balign 4096

    .data
    .balign 8
request:
    .ascii "put beacon 0    "
question:
    .ascii "get beacon      "
answer:
    .zero 24
