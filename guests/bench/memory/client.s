# A cell in machine code that goes on for ever: it touches `pages` pages of its memory, then calls the store on channel 0 for
# something each time round. Where a server finds what is written in guests/sdk/layout.ts.

    .equ store, 74
    .equ sys_call, -1
    # Message info: label 0, length 3 words: the number of bytes, then sixteen bytes of text.
    .equ message, 3

    .text
_start:
    la s0, touched
    li s1, pages
1:  sd s1, (s0)
    li t0, 4096
    add s0, s0, t0
    addi s1, s1, -1
    bnez s1, 1b

next:
    la s1, request
    li a0, store
    li a1, message
    li a2, 16
    ld a3, 0(s1)
    ld a4, 8(s1)
    li a7, sys_call
    ecall
    li t0, 1000                 # and something of its own
2:  addi t0, t0, -1
    bnez t0, 2b
    j next

    .balign 4096
    .data
    .balign 8
request:
    .ascii "put cell is here"
    .balign 4096
touched:
    .zero 4096 * pages
