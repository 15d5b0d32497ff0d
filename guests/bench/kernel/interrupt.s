# An interrupt of the UART, until the first instruction of the thread that waits for it.

    .equ uartIrq, 10

prepare:
    mv gp, ra
    make typeNotification, 0
    keep notification
    make typeNotification, 0
    keep ready
    li a2, uartIrq
    mv a3, s2
    li a4, 64
    li t0, capCNode
    sd t0, bufferCap0(s3)
    li a0, capIrqControl
    invoke 26, 1, 3
    mv a0, s2
    keep irqHandler
    addi s2, s2, 1
    use t0, notification
    sd t0, bufferCap0(s3)
    invoke 28, 1, 0
    li a0, capVSpace
    la a1, waiter
    li a2, 120
    li a3, 0
    call makeThread
    wait ready
    li a0, capVSpace
    la a1, sender
    li a2, 110
    li a3, 0
    call makeThread
    mv ra, gp
    ret

sender:
    li s0, rounds
    li s1, uart
    li s2, 2                            # interrupt when it can send
1:  begin
    la t0, began
    sd s11, 0(t0)
    sb s2, 1(s1)
    nop
    addi s0, s0, -1
    bnez s0, 1b
    j done

waiter:
    use s1, notification
    use s2, irqHandler
    li s3, uart
    signal ready
1:  mv a0, s1
    li a7, sysWait
    ecall
    la t0, began
    ld s11, 0(t0)
    end
    sb zero, 1(s3)
    lbu t0, 2(s3)
    mv a0, s2
    li a1, 27 << 12
    li a7, sysCall
    ecall
    j 1b
    .data
irqHandler: .dword 0
    .text
