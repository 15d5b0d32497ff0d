# Counts without end in memory of its own, and prints a dot now and then.
    .text
_start:
    la s0, counter
    li s1, 0x20000
loop:
    ld t0, (s0)
    addi t0, t0, 1
    sd t0, (s0)
    addi t1, s1, -1
    and t1, t1, t0
    bnez t1, loop
    li a0, '.'
    li a7, -12                  # DebugPutChar
    ecall
    j loop
    .balign 4096
    .data
counter:
    .dword 0
