# A root task that makes threads and address spaces for a benchmark of the kernel. It uses nothing but seL4's ABI (16.0.0, riscv64,
# MCS), so that the same file runs on seL4. The benchmark before it supplies `prepare`, which makes what it needs and starts it;
# once `finished` is signalled, the test finisher ends the machine.
#
# Registers of the root thread: s0 BootInfo, s1 the untyped in use, s2 the next free slot, s3 the IPC buffer; `prepare` may use gp
# and tp. Constants that stand before it all: `rounds`; `spaces`, how many address spaces the threads have (1 or 2);
# `clientRealm` and `serverRealm`: the numbers of the realms that call and serve, 0 for machine code.

    .equ base, 0x400000
    .equ finisher, base + 0x1fe000      # still in the page table that the image needs
    .equ uart, base + 0x1ff000
    .equ freePage, base + 0x1f0000

    .equ capTcb, 1
    .equ capCNode, 2
    .equ capVSpace, 3
    .equ capIrqControl, 4
    .equ capAsidPool, 6
    .equ capRealmControl, 15            # microvisor's own, as are realms
    .equ realmRunning, 4

    .equ typeUntyped, 0
    .equ typeTcb, 1
    .equ typeEndpoint, 2
    .equ typeNotification, 3
    .equ typeSchedContext, 5
    .equ typeReply, 6
    .equ typePage, 8
    .equ typePageTable, 10

    .equ sysCall, -1
    .equ sysReplyRecv, -2
    .equ sysNBSendRecv, -3
    .equ sysSend, -5
    .equ sysWait, -9
    .equ sysYield, -11

    .equ bufferWord4, 8 * 5
    .equ bufferWord5, 8 * 6
    .equ bufferCap0, 8 * 122
    .equ bufferCap1, 8 * 123
    .equ bufferCap2, 8 * 124

# Invokes the capability in a0 with the message in a2 to a5 and in the buffer. It must succeed.
.macro invoke label, caps, length
    li a1, (\label << 12) | (\caps << 7) | \length
    call invocation
.endm

# Makes an object; a0: its slot.
.macro make type, bits
    li a2, \type
    li a3, \bits
    li a6, 1
    call retype
.endm

# Remembers a slot under a name.
.macro keep name
    la t0, \name
    sd a0, 0(t0)
.endm
.macro use register, name
    la t0, \name
    ld \register, 0(t0)
.endm

.macro signal name
    use a0, \name
    li a1, 0
    li a7, sysSend
    ecall
.endm
.macro wait name
    use a0, \name
    li a7, sysWait
    ecall
.endm

# Makes the next thread a realm's; 0: not so.
.macro nextIsRealm number
    li t0, \number
    la t1, realm
    sd t0, 0(t1)
.endm

    .text
start:
    mv s0, a0
    ld s3, 32(s0)
    ld s2, 40(s0)
    call largestUntyped
    li a0, 0x100000
    li a1, finisher
    call device
    li a0, 0x10000000
    li a1, uart
    call device
    make typeNotification, 0
    keep finished
    call prepare
    wait finished
    call report
    li t1, 0x5555
    j 1f
wrong:
    li t1, 0x13333                      # failed with code 1
1:  li t0, finisher
    sw t1, 0(t0)
2:  j 2b

invocation:
    li a7, sysCall
    ecall
    srli a1, a1, 12
    bnez a1, wrong
    ret

# s1: the slot of the largest untyped of RAM.
largestUntyped:
    ld t0, 168(s0)
    ld t1, 176(s0)
    addi t2, s0, 184
    li t3, 0
1:  lbu t4, 9(t2)
    bnez t4, 2f
    lbu t4, 8(t2)
    bgeu t3, t4, 2f
    mv t3, t4
    mv s1, t0
2:  addi t0, t0, 1
    addi t2, t2, 16
    bltu t0, t1, 1b
    ret

# a2 type, a3 size bits, a6 how many: retypes s1. a0: the first slot.
retype:
    mv t6, ra
    li a4, 0
    li a5, 0
    sd s2, bufferWord4(s3)
    sd a6, bufferWord5(s3)
    li t0, capCNode
    sd t0, bufferCap0(s3)
    mv a0, s1
    mv t5, s2
    add s2, s2, a6
    invoke 1, 1, 6
    mv a0, t5
    mv ra, t6
    ret

# Maps the page of a device at physical address a0 to a1.
device:
    mv s8, ra
    mv s9, a1
    mv s10, a0
    mv s11, s1
    ld s1, 168(s0)
    addi t2, s0, 184
1:  lbu t4, 9(t2)
    beqz t4, 2f
    lbu t4, 8(t2)
    ld s7, 0(t2)
    li t5, 1
    sll t5, t5, t4
    add t5, t5, s7
    bltu s10, s7, 2f
    bltu s10, t5, 3f
2:  addi s1, s1, 1
    addi t2, t2, 16
    j 1b
3:  beq s7, s10, 5f                     # passes over what lies before the page, in aligned pieces
    li a3, 38
4:  addi a3, a3, -1
    li t5, 1
    sll t5, t5, a3
    addi t4, t5, -1
    and t4, t4, s7
    bnez t4, 4b
    add t4, s7, t5
    bltu s10, t4, 4b
    mv s7, t4
    li a2, typeUntyped
    li a6, 1
    call retype
    j 3b
5:  make typePage, 0
    mv s1, s11
    mv a2, s9
    li t0, capVSpace
    call mapPage
    mv ra, s8
    ret

# Maps the frame in a0 to address a2 of the address space in t0.
mapPage:
    mv t6, ra
    sd t0, bufferCap0(s3)
    li a3, 3
    li a4, 0
    invoke 41, 1, 3
    mv ra, t6
    ret

# a0: a new address space that shows the image where the root thread sees it.
makeSpace:
    mv s8, ra
    make typePageTable, 0
    mv s9, a0
    sd a0, bufferCap0(s3)
    li a0, capAsidPool
    invoke 45, 1, 0
    li s10, 2
1:  make typePageTable, 0
    sd s9, bufferCap0(s3)
    li a2, base
    li a3, 0
    invoke 39, 1, 2
    addi s10, s10, -1
    bnez s10, 1b
    ld s10, 72(s0)
    li s11, base
2:  mv a2, s2                           # a copy of each frame of the image
    li a3, 64
    mv a4, s10
    li a5, 64
    li t0, 15
    sd t0, bufferWord4(s3)
    li t0, capCNode
    sd t0, bufferCap0(s3)
    li a0, capCNode
    invoke 21, 1, 5
    mv a0, s2
    addi s2, s2, 1
    mv a2, s11
    mv t0, s9
    call mapPage
    li t0, 4096
    add s11, s11, t0
    addi s10, s10, 1
    ld t0, 80(s0)
    bltu s10, t0, 2b
    mv a0, s9
    mv ra, s8
    ret

# Starts a thread at a1 in the address space in a0, with priority a2; its faults go to the endpoint in a3 (0: nowhere).
# a0: its scheduling context. The thread is on its own until it gives the context up.
makeThread:
    mv s8, ra
    mv s4, a0
    mv s5, a1
    mv s6, a2
    mv s7, a3
    make typeTcb, 0
    mv s9, a0
    li t0, capCNode
    sd t0, bufferCap0(s3)
    sd s4, bufferCap1(s3)
    sd zero, bufferCap2(s3)
    li a2, 0
    li a3, 0
    li a4, 0
    invoke 5, 3, 3
    make typeSchedContext, 8
    mv s10, a0
    sd a0, bufferCap0(s3)
    li a2, 1000000                      # round-robin, one second
    li a3, 1000000
    li a4, 0
    li a5, 0
    sd zero, bufferWord4(s3)
    ld a0, 152(s0)
    invoke 33, 1, 5
    li t0, capTcb
    sd t0, bufferCap0(s3)
    sd s10, bufferCap1(s3)
    sd s7, bufferCap2(s3)
    mv a0, s9
    mv a2, s6
    mv a3, s6
    invoke 8, 3, 2
    use s11, realm
    beqz s11, 1f
    la t0, realm
    sd zero, 0(t0)
    mv a2, s11
    sd s9, bufferCap0(s3)
    li a0, capRealmControl
    invoke 52, 1, 1
    li s5, realmRunning
1:  mv a0, s9
    li a2, 1                            # and resume it
    li a3, 1
    mv a4, s5
    invoke 3, 0, 3
    mv a0, s10
    mv ra, s8
    ret

# Makes a thread passive, once it has signalled `ready` and waits: a0 its scheduling context.
makePassive:
    mv s8, ra
    mv s9, a0
    wait ready
    mv a0, s9
    invoke 35, 0, 0
    mv ra, s8
    ret

# The end of a thread that measures.
done:
    signal finished
    j .

# Writes the cycles between stamps to the UART, in hexadecimal.
report:
    li t0, uart
    la t1, total
    ld t1, 0(t1)
    li t2, 60
1:  srl t3, t1, t2
    andi t3, t3, 15
    addi t3, t3, '0'
    li t4, '9'
    bgeu t4, t3, 2f
    addi t3, t3, 'a' - '0' - 10
2:  lbu t4, 5(t0)
    andi t4, t4, 0x20
    beqz t4, 2b
    sb t3, 0(t0)
    addi t2, t2, -4
    bgez t2, 1b
    li t3, '\n'
    sb t3, 0(t0)
    ret

# a0: the address space of a second thread: another one, or the first's.
secondSpace:
    li t0, spaces
    li t1, 2
    beq t0, t1, makeSpace
    use a0, firstSpace
    ret

    .data
    .balign 4096
finished: .dword 0
ready: .dword 0
endpoint: .dword 0
reply: .dword 0
notification: .dword 0
firstSpace: .dword 0
firstContext: .dword 0
secondContext: .dword 0
total: .dword 0
realm: .dword 0
began: .dword 0
