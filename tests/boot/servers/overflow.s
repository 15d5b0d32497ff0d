# Calls itself without end: every call takes 256 bytes of the stack and writes to the lowest.
_start:
    li a0, 's'
    li a7, -12                  # DebugPutChar
    ecall
    li a0, 10
    ecall
again:
    addi sp, sp, -256
    sd ra, 0(sp)
    call again
