# Mapping a page and unmapping it, in the address space of the root thread.

prepare:
    mv gp, ra
    make typePage, 0
    mv s4, a0
    li s5, rounds
1:  begin
    mv a0, s4
    li a2, freePage
    li a3, 3
    li a4, 0
    li t0, capVSpace
    sd t0, bufferCap0(s3)
    invoke 41, 1, 3
    mv a0, s4
    invoke 42, 0, 0
    end
    addi s5, s5, -1
    bnez s5, 1b
    signal finished
    mv ra, gp
    ret
