# Copies its secret to where another can read it, and rests.
_start:
    li t0, 0x50000000
    li t1, 0x50001000
    ld t2, 0(t0)
    sd t2, 0(t1)
rest:
    li a7, -11                  # Yield
    ecall
    j rest
