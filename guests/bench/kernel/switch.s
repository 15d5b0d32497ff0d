# Yield between two threads of equal priority: there and back.

prepare:
    mv gp, ra
    call makeSpace
    keep firstSpace
    la a1, yielder
    li a2, 110
    li a3, 0
    call makeThread
    call secondSpace
    la a1, other
    li a2, 110
    li a3, 0
    call makeThread
    mv ra, gp
    ret

yielder:
    li s0, rounds
    li a7, sysYield
1:  begin
    ecall
    end
    addi s0, s0, -1
    bnez s0, 1b
    j done

other:
    li a7, sysYield
1:  ecall
    j 1b
