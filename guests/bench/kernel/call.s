# Call and ReplyRecv: a client and its passive server.

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
    nextIsRealm serverRealm
    la a1, server
    li a2, 120
    li a3, 0
    call makeThread
    call makePassive
    nextIsRealm clientRealm
    use a0, firstSpace
    la a1, client
    li a2, 110
    li a3, 0
    call makeThread
    mv ra, gp
    ret

client:
    li s0, rounds
    use s1, endpoint
1:  begin
    mv a0, s1
    li a1, 0
    li a7, sysCall
    ecall
    end
    addi s0, s0, -1
    bnez s0, 1b
    j done

server:
    use s1, endpoint
    use s2, reply
    use t0, ready
    mv a0, s1
    li a1, 0
    mv a6, s2
    li a7, sysNBSendRecv
    ecall
1:  mv a0, s1
    li a1, 0
    mv a6, s2
    li a7, sysReplyRecv
    ecall
    j 1b
