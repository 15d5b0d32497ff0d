# Sends back what the UART receives, by interrupts, up to a `q`: then it halts the kernel.

    .equ sys_call, -1
    .equ sys_wait, -9
    .equ sys_debug_halt, -14
    .equ untyped_retype, 1
    .equ irq_ack, 27
    .equ irq_set_handler, 28
    .equ irq_issue_handler, 26
    .equ page_map, 41
    .equ notification_object, 3
    .equ page_object, 8
    .equ cap_cnode, 2
    .equ cap_vspace, 3
    .equ cap_irq_control, 4
    .equ message, 8
    .equ extra_caps, 976
    .equ uart, 0x10000000
    .equ uart_irq, 10
    .equ uart_at, 0x1f0000          # where the image's own page table reaches

    .macro invoke label, caps, words
    li a1, (\label << 12) | (\caps << 7) | \words
    li a7, sys_call
    ecall
    srli t0, a1, 12
    bnez t0, failed
    .endm

    .text
_start:
    ld s1, 32(a0)                   # IPC buffer
    ld s2, 40(a0)                   # first empty slot
    ld t0, 168(a0)                  # untypeds, and their list
    addi t1, a0, 184
    li s3, 0                        # the last piece of RAM
    li s4, 0                        # the piece that begins with the UART
    ld t2, 176(a0)
1:  ld t3, 0(t1)
    lbu t4, 9(t1)
    li t5, uart
    bne t3, t5, 2f
    mv s4, t0
2:  bnez t4, 3f
    mv s3, t0
3:  addi t0, t0, 1
    addi t1, t1, 16
    bltu t0, t2, 1b

    mv a0, s4
    li a2, page_object
    mv t6, s2
    call retype
    mv a0, s3
    li a2, notification_object
    addi t6, s2, 1
    call retype

    mv a0, s2
    li t0, cap_vspace
    sd t0, extra_caps(s1)
    li a2, uart_at
    li a3, 3
    li a4, 0
    invoke page_map, 1, 3
    li a0, cap_irq_control
    li t0, cap_cnode
    sd t0, extra_caps(s1)
    li a2, uart_irq
    addi a3, s2, 2
    li a4, 64
    invoke irq_issue_handler, 1, 3
    addi a0, s2, 2
    addi t0, s2, 1
    sd t0, extra_caps(s1)
    invoke irq_set_handler, 1, 0
    li s5, uart_at
    li t0, 1
    sb t0, 1(s5)                    # IER: received data

next:
    addi a0, s2, 1
    li a7, sys_wait
    ecall
1:  lbu t0, 5(s5)                   # LSR
    andi t0, t0, 1
    beqz t0, 2f
    lbu t1, 0(s5)
    sb t1, 0(s5)
    li t0, 'q'
    bne t1, t0, 1b
failed:
    li a7, sys_debug_halt
    ecall
2:  addi a0, s2, 2
    invoke irq_ack, 0, 0
    j next

# One object of type a2 from a0 into slot t6.
retype:
    sd t6, message + 32(s1)
    li t0, 1
    sd t0, message + 40(s1)
    li t0, cap_cnode
    sd t0, extra_caps(s1)
    li a3, 0
    li a4, 0
    li a5, 0
    invoke untyped_retype, 1, 6
    ret
