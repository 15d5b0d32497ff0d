# Retyping an untyped into an endpoint, which is deleted afterwards.

prepare:
    mv gp, ra
    make typeUntyped, 12
    mv s1, a0
    mv s4, s2
    li s5, rounds
1:  mv s2, s4
    begin
    make typeEndpoint, 0
    end
    mv a2, s4
    li a3, 64
    li a0, capCNode
    invoke 19, 0, 2
    addi s5, s5, -1
    bnez s5, 1b
    signal finished
    mv ra, gp
    ret
