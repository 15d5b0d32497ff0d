# A signal to a thread of higher priority, which runs and waits again.

prepare:
    mv gp, ra
    make typeNotification, 0
    keep notification
    make typeNotification, 0
    keep ready
    call makeSpace
    keep firstSpace
    call secondSpace
    la a1, waiter
    li a2, 120
    li a3, 0
    call makeThread
    wait ready
    use a0, firstSpace
    la a1, signaller
    li a2, 110
    li a3, 0
    call makeThread
    mv ra, gp
    ret

signaller:
    li s0, rounds
    use s1, notification
1:  begin
    mv a0, s1
    li a1, 0
    li a7, sysSend
    ecall
    end
    addi s0, s0, -1
    bnez s0, 1b
    j done

waiter:
    use s1, notification
    signal ready
1:  mv a0, s1
    li a7, sysWait
    ecall
    j 1b
