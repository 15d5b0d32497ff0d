# Revoking the untyped that a thousand endpoints were made from.

prepare:
    mv gp, ra
    make typeUntyped, 14
    mv s1, a0
    mv s4, s2
    li s5, rounds
1:  mv s2, s4
    li s6, 4
2:  li a2, typeEndpoint
    li a3, 0
    li a6, 250
    call retype
    addi s6, s6, -1
    bnez s6, 2b
    begin
    mv a2, s1
    li a3, 64
    li a0, capCNode
    invoke 18, 0, 2
    end
    addi s5, s5, -1
    bnez s5, 1b
    signal finished
    mv ra, gp
    ret
