# The end of every benchmark: tells the test finisher that the program passed, or that its result was wrong.

    .text
finish:
    li t0, 0x5555
    j 1f
wrong:
    li t0, 0x13333              # failed with code 1
1:  li t1, 0x100000
    sw t0, 0(t1)
2:  j 2b
