# Nothing: what the time stamps themselves take.

prepare:
    li s5, rounds
1:  begin
    end
    addi s5, s5, -1
    bnez s5, 1b
    mv gp, ra
    signal finished
    mv ra, gp
    ret
