# A fault and its reply: a thread executes ebreak, its passive handler sends it on.

prepare:
    mv gp, ra
    make typeEndpoint, 0
    keep endpoint
    make typeNotification, 0
    keep ready
    make typeReply, 0
    keep reply
    call makeSpace
    keep firstSpace
    call secondSpace
    la a1, handler
    li a2, 120
    li a3, 0
    call makeThread
    call makePassive
    use a0, firstSpace
    la a1, culprit
    li a2, 110
    use a3, endpoint
    call makeThread
    mv ra, gp
    ret

culprit:
    li s0, rounds
1:  begin
    ebreak
    end
    addi s0, s0, -1
    bnez s0, 1b
    j done

handler:
    use s1, endpoint
    use s2, reply
    use t0, ready
    mv a0, s1
    li a1, 0
    mv a6, s2
    li a7, sysNBSendRecv
    ecall
1:  addi a2, a2, 4                      # the pc; the second word is the stack pointer
    mv a0, s1
    li a1, 2
    mv a6, s2
    li a7, sysReplyRecv
    ecall
    j 1b
