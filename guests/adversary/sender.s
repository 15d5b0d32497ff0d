# The adversarial sender: tells a secret to whoever can feel what it does, one bit after the other, round and round. For a bit
# that is set it does much of everything that `modulations` names, else little; then it steps aside. `microvisor prove-isolation
# --adversary` puts it in a cell's place, gives it the capabilities below, and appends `secret` and `modulations`.

    .equ input, 1               # endpoint of the cell
    .equ reply, 4
    .equ objects, 460           # untyped memory
    .equ cspace, 461            # its own CNode, of 2^9 slots
    .equ vspace, 462
    .equ door, 463              # the endpoint again, to call
    .equ go, 464                # notification of the helper
    .equ slots, 465             # a CNode of 2^9 free slots
    .equ page, 466              # untyped memory for one page
    .equ frame, 470             # empty

    .equ buffer, 0x120000       # IPC buffer
    .equ page_at, 0x130000
    .equ much, 40
    .equ little, 1

    .equ sys_call, -1
    .equ sys_send, -5
    .equ sys_recv, -7
    .equ sys_wait, -9
    .equ sys_yield, -11

    .equ untyped_retype, 1
    .equ cnode_revoke, 18
    .equ page_map, 41
    .equ page_unmap, 42
    .equ type_endpoint, 2
    .equ type_page, 8

    .macro invoke capability, label, caps, length
    li a0, \capability
    li a1, (\label << 12) | (\caps << 7) | \length
    li a7, sys_call
    ecall
    .endm

    # Retypes \memory into t0 objects, in slots of \root from \first.
    .macro retype memory, type, root, first
    li t1, buffer
    li a2, \first
    sd a2, 40(t1)               # message word 4: the first slot
    sd t0, 48(t1)               # word 5: how many
    li a2, \root
    sd a2, 976(t1)              # capability 0: the CNode
    li a2, \type
    li a3, 0
    li a4, 0
    li a5, 0
    invoke \memory, untyped_retype, 1, 6
    .endm

    .macro revoke slot
    li a2, \slot
    li a3, 9
    invoke cspace, cnode_revoke, 0, 2
    .endm

    # Goes on at \past unless this modulation is chosen.
    .macro chosen bit, past
    andi t0, s1, 1 << \bit
    beqz t0, \past
    .endm

    .text
_start:
    la t0, modulations
    ld s1, 0(t0)
    li t0, 1
    retype page, type_page, cspace, frame
round:
    la t0, secret
    ld s2, 0(t0)                # what is still to be sent
    li s3, 64
next_bit:
    andi t0, s2, 1
    li s4, little
    beqz t0, 1f
    li s4, much
1:
    # Budgets: computes.
    chosen 0, 2f
    slli t1, s4, 8
1:  addi t1, t1, -1
    bnez t1, 1b
2:
    # IPC: is called.
    chosen 1, 2f
    li t1, 0
    call wake_helper
    mv s5, s4
1:  call receive
    li a1, 0
    call answer
    addi s5, s5, -1
    bnez s5, 1b
2:
    # Faults: handles the helper's, which fails at one instruction until it is sent on.
    chosen 2, 2f
    li t1, 1
    call wake_helper
    mv s5, s4
1:  call receive
    addi s5, s5, -1
    bnez s5, 3f
    addi a2, a2, 4
3:  li a1, 1
    call answer
    bnez s5, 1b
2:
    # Retype.
    chosen 3, 2f
    slli t0, s4, 2
    retype objects, type_endpoint, slots, 0
    revoke objects
2:
    # Revoke: before it steps aside, or after.
    chosen 4, 2f
    li t0, 200
    retype objects, type_endpoint, slots, 0
    li t0, little
    beq s4, t0, 2f
    revoke objects
2:
    # Translations: maps a page, touches it, unmaps it.
    chosen 5, 2f
    mv s5, s4
1:  li t1, buffer
    li a2, vspace
    sd a2, 976(t1)
    li a2, page_at
    li a3, 3
    li a4, 1
    invoke frame, page_map, 1, 3
    li t1, page_at
    sd s5, 0(t1)
    invoke frame, page_unmap, 0, 0
    addi s5, s5, -1
    bnez s5, 1b
2:
    li a7, sys_yield
    ecall
    chosen 4, 1f
    revoke objects
1:
    srli s2, s2, 1
    addi s3, s3, -1
    bnez s3, next_bit
    j round

# Gives the helper s4 times the task t1.
wake_helper:
    la t0, count
    sd s4, 0(t0)
    sd t1, 8(t0)
    li a0, go
    li a1, 0
    li a7, sys_send
    ecall
    ret

# Waits for a call or fault of the helper; its first word is in a2.
receive:
    li a0, input
    li a6, reply
    li a7, sys_recv
    ecall
    ret

# Answers with a1 words, a2 the first.
answer:
    li a0, reply
    li a7, sys_send
    ecall
    ret

# The helper, a thread of its own in the same cell.
helper:
    li a0, go
    li a7, sys_wait
    ecall
    la s0, count
    ld s1, 0(s0)
    ld t0, 8(s0)
    bnez t0, fail
1:  li a0, door
    li a1, 0
    li a7, sys_call
    ecall
    addi s1, s1, -1
    bnez s1, 1b
    j helper
fail:
    .word 0
    j helper

    .rodata
    .balign 4096
    .data
count:
    .dword 0, 0
