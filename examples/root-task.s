# A root task for seL4: takes the machine that the kernel hands over, and puts something of everything to work.
#
#   microvisor boot examples/root-task.s --profile smp
#
# The kernel starts this code, alone, with BootInfo in a0 and with capabilities to all there is: memory, devices, time. What
# runs after it, the root task makes: threads and the objects they need, out of untyped memory. It prints each step through
# the kernel's debug console and ends by telling the board's test finisher whether all went well. Nothing here is particular
# to microvisor: the numbers are those of libsel4 (16.0.0, riscv64, MCS), and seL4 itself runs the same bytes.
#
# The kernel's calls take their operands in registers: a7 says which call, a0 which capability, a1 describes the message
# (label, number of capabilities and of words), a2 to a5 are its first four words. Further words, and the addresses of
# capabilities to be sent, lie in the thread's IPC buffer. Answers come back the same way.

# System calls (libsel4: syscall.xml), by number in a7.
    .equ sys_call, -1
    .equ sys_send, -5
    .equ sys_recv, -7
    .equ sys_wait, -9
    .equ sys_debug_put_char, -12

# Invocations: what can be asked of a capability, by label (libsel4: object-api.xml and the interfaces of RISC-V).
    .equ untyped_retype, 1
    .equ tcb_write_registers, 3
    .equ tcb_configure, 5
    .equ tcb_set_sched_params, 8
    .equ tcb_set_timeout_endpoint, 9
    .equ tcb_suspend, 12
    .equ tcb_resume, 13
    .equ cnode_copy, 21
    .equ cnode_mint, 22
    .equ sched_control_configure_flags, 33
    .equ page_table_map, 39
    .equ page_map, 41
    .equ asid_pool_assign, 45

# What Untyped_Retype can make (libsel4: objecttype.h). Sizes are binary logarithms of bytes, of slots for a CNode;
# objects of a fixed size ignore them.
    .equ untyped_object, 0
    .equ tcb_object, 1
    .equ endpoint_object, 2
    .equ notification_object, 3
    .equ cnode_object, 4
    .equ sched_context_object, 5
    .equ reply_object, 6
    .equ page_object, 8
    .equ page_table_object, 10
    .equ sched_context_bits, 7
    .equ page_bits, 12
    .equ enough_bits, 20

# Labels of fault messages (libsel4: constants.h), and how a VM fault says that it was a load.
    .equ fault_timeout, 5
    .equ fault_vm, 6
    .equ fsr_load, 5

# Capabilities that every root task has, by their address in its capability space.
    .equ cap_tcb, 1
    .equ cap_cnode, 2
    .equ cap_vspace, 3
    .equ cap_asid_pool, 6

# Fields of BootInfo, as byte offsets, and an entry of its untyped list.
    .equ bi_extra_len, 0
    .equ bi_nodes, 16
    .equ bi_ipc_buffer, 32
    .equ bi_empty, 40
    .equ bi_image_frames, 72
    .equ bi_cnode_bits, 136
    .equ bi_sched_control, 152
    .equ bi_untyped, 168
    .equ bi_untyped_list, 184
    .equ entry_bits, 8
    .equ entry_is_device, 9
    .equ entry_size, 16

# The IPC buffer, as byte offsets: word i of the message is at message + 8 * i.
    .equ message, 8
    .equ extra_caps, 976

    .equ right_write, 1
    .equ right_read, 2
    .equ all_rights, 15
    .equ whole_word, 64             # depth of a capability's address in our own space: all 64 bits

# Where our slots are, counted from the first empty one. Each thread has a block of its own.
    .equ slot_endpoint, 0
    .equ slot_reply, 1
    .equ slot_done, 2
    .equ slot_table, 3
    .equ slot_finisher, 4
    .equ slot_gift, 5
    .equ slot_space, 6              # the second address space: its root, and two tables
    .equ slot_cnode, 9
    .equ slot_code, 10
    .equ slot_shared, 11
    .equ slot_shared_copy, 12
    .equ slot_halves, 16            # two for each halving of a device untyped
    .equ slot_threads, 128
    .equ thread_slots, 8
    .equ thread_tcb, 0
    .equ thread_context, 1
    .equ thread_buffer, 2
    .equ thread_endpoint, 3
    .equ thread_done, 4

# Our address space: a window of 2 MiB that has a page table of its own. The first pages are the threads' IPC buffers.
    .equ window, 0x10000000
    .equ finisher_at, window + 0x100000
    .equ shared_at, window + 0x101000
    .equ gift_at, window + 0x102000
# In the second address space:
    .equ stranger_code_at, 0x400000
    .equ stranger_shared_at, 0x401000
    .equ stranger_cnode_bits, 4
    .equ stranger_endpoint, 1

    .equ finisher, 0x100000         # physical address of the test finisher
    .equ finisher_pass, 0x5555
    .equ finisher_fail, 0x13333     # exit code 1

    .equ worker_priority, 100
    .equ whole_period, 10000        # microseconds
    .equ short_budget, 2000

# The message info word in a1.
    .macro describe label, caps, words
    li a1, (\label << 12) | (\caps << 7) | \words
    .endm

# Makes a0 the capability in one of our slots.
    .macro slot number
    addi a0, s2, \number
    .endm

    .macro say text
    la a0, \text
    call print
    .endm

# Ends the run when two registers differ.
    .macro demand left, right
    bne \left, \right, failed
    .endm

    .text
# Throughout: s0 BootInfo, s1 our IPC buffer, s2 the first empty slot, s3 the untyped that objects come from, s4 harts.
_start:
    mv s0, a0
    la sp, stack_top
    ld s1, bi_ipc_buffer(s0)
    ld s2, bi_empty(s0)
    ld s4, bi_nodes(s0)
    call tell_boot_info
    call choose_untyped
    call make_window
    call map_finisher
    call make_endpoint

# One worker for every hart, one after the other: the hart's SchedControl gives it time there.
    li s5, 0
next_hart:
    mv a0, s5
    mv a1, s5
    la a2, worker
    li a3, whole_period
    call make_thread
    call start_thread
    call serve_worker
    addi s5, s5, 1
    bltu s5, s4, next_hart

# Three more threads, numbered on; the first two run on the last hart.
    call out_of_time
    call out_of_bounds
    call another_space

    say all_is_well
    li t0, finisher_pass
    j finish

failed:
    say not_well
    li t0, finisher_fail
finish:
    li t1, finisher_at
    sw t0, 0(t1)
rest:
    li a0, cap_tcb                  # A board without a finisher goes on: we are done all the same.
    describe tcb_suspend, 0, 0
    li a7, sys_call
    ecall
    j rest

# What the kernel says about the machine.
tell_boot_info:
    mv s6, ra
    mv a0, s4
    call print_number
    say text_harts
    ld a0, bi_sched_control + 8(s0)
    ld t0, bi_sched_control(s0)
    sub a0, a0, t0
    demand a0, s4                   # one SchedControl per hart
    ld a0, bi_cnode_bits(s0)
    call print_number
    say text_ipc_buffer
    mv a0, s1
    call print_hex
    call print_newline
    ld t0, bi_extra_len(s0)
    beqz t0, 1f
    say text_extra
1:  jr s6

# Takes the first piece of RAM that is large enough for all objects: the kernel clears a piece before its first use, and
# that takes time. s3: its capability.
choose_untyped:
    mv s6, ra
    li s5, 0                        # binary logarithm of its size, 0 until it is found
    li s8, 0                        # bytes of RAM in all
    li s9, 0                        # pieces that are devices
    ld t0, bi_untyped(s0)           # the capabilities are in consecutive slots, in the list's order
    ld t1, bi_untyped + 8(s0)
    addi t2, s0, bi_untyped_list
1:  bgeu t0, t1, 3f
    lbu t3, entry_is_device(t2)
    add s9, s9, t3
    bnez t3, 2f
    lbu t3, entry_bits(t2)
    li t4, 1
    sll t4, t4, t3
    add s8, s8, t4
    bnez s5, 2f
    li t4, enough_bits
    bltu t3, t4, 2f
    mv s5, t3
    ld s7, 0(t2)                    # its address
    mv s3, t0
2:  addi t0, t0, 1
    addi t2, t2, entry_size
    j 1b
3:  srli a0, s8, 20
    call print_number
    say text_ram
    mv a0, s5
    call print_number
    say text_at
    mv a0, s7
    call print_hex
    call print_newline
    mv a0, s9
    call print_number
    say text_devices
    jr s6

# Makes objects. a0: where from; a2: type, a3: size, a4: first of our slots, a5: how many.
retype:
    addi sp, sp, -16
    sd ra, 0(sp)
    add t0, s2, a4
    sd t0, message + 32(s1)         # word 4: offset of the first slot
    sd a5, message + 40(s1)         # word 5: number of objects
    li t0, cap_cnode
    sd t0, extra_caps(s1)           # the CNode that the slots are in is named by its capability, …
    li a4, 0                        # … and by an address and a depth of none from there
    li a5, 0
    describe untyped_retype, 1, 6
    call invoke
    ld ra, 0(sp)
    addi sp, sp, 16
    ret

# A page table for the window: from then on pages can be mapped there.
make_window:
    mv s6, ra
    mv a0, s3
    li a2, page_table_object
    li a3, 0
    li a4, slot_table
    li a5, 1
    call retype
    slot slot_table
    li t0, cap_vspace
    sd t0, extra_caps(s1)
    li a2, window
    li a3, 0
    describe page_table_map, 1, 2
    call invoke
    jr s6

# Maps the page in our slot a4 at a2 in the address space a5, with rights a3.
map_page:
    add a0, s2, a4
    sd a5, extra_caps(s1)
    li a4, 0
    describe page_map, 1, 3
    j invoke

# The finisher's registers are in a device untyped that holds much more. A piece of it that is just the page that we want
# is made by halving: of two halves, the one that holds the address is halved again.
map_finisher:
    mv s6, ra
    ld t0, bi_untyped(s0)
    addi t2, s0, bi_untyped_list
    li t5, finisher
1:  ld s7, 0(t2)                    # first the piece that holds it: s7 its address, s8 the logarithm of its size
    lbu s8, entry_bits(t2)
    srl t3, s7, s8
    srl t4, t5, s8
    beq t3, t4, 2f
    addi t0, t0, 1
    addi t2, t2, entry_size
    j 1b
2:  mv s9, t0                       # its capability
    li s10, slot_halves
3:  li t0, page_bits
    beq s8, t0, 4f
    addi s8, s8, -1
    mv a0, s9
    li a2, untyped_object
    mv a3, s8
    mv a4, s10
    li a5, 2
    call retype
    add s9, s2, s10
    addi s10, s10, 2
    li t0, finisher
    srl t0, t0, s8
    andi t0, t0, 1                  # which half: pieces are aligned to their size
    add s9, s9, t0
    j 3b
4:  mv a0, s9
    li a2, page_object
    li a3, 0
    li a4, slot_finisher
    li a5, 1
    call retype
    li a4, slot_finisher
    li a2, finisher_at
    li a3, right_read | right_write
    li a5, cap_vspace
    call map_page
    say text_finisher
    jr s6

# What the threads share: an endpoint where we serve, the reply object that remembers who waits for our answer, and a
# notification that they signal when they are done.
make_endpoint:
    mv s6, ra
    mv a0, s3
    li a2, endpoint_object
    li a3, 0
    li a4, slot_endpoint
    li a5, 1
    call retype
    mv a0, s3
    li a2, reply_object
    li a3, 0
    li a4, slot_reply
    li a5, 1
    call retype
    mv a0, s3
    li a2, notification_object
    li a3, 0
    li a4, slot_done
    li a5, 1
    call retype
    jr s6

# Makes thread number a0 for hart a1, to start at a2, with a budget of a3 microseconds in a period. s10: its first slot,
# counted from ours; s11: the address of its IPC buffer.
make_thread:
    addi sp, sp, -48
    sd ra, 0(sp)
    sd a0, 8(sp)
    sd a1, 16(sp)
    sd a2, 24(sp)
    sd a3, 32(sp)
    li s10, thread_slots
    mul s10, s10, a0
    addi s10, s10, slot_threads
    li s11, window
    slli t0, a0, page_bits
    add s11, s11, t0

    mv a0, s3
    li a2, tcb_object
    li a3, 0
    addi a4, s10, thread_tcb
    li a5, 1
    call retype
    mv a0, s3
    li a2, sched_context_object
    li a3, sched_context_bits
    addi a4, s10, thread_context
    li a5, 1
    call retype
    mv a0, s3
    li a2, page_object
    li a3, 0
    addi a4, s10, thread_buffer
    li a5, 1
    call retype

    # Whoever receives from an endpoint sees the badge of the capability that was used. Each thread has its own badge: its
    # number plus one. For the notification it is a bit of its own, as signals are or-ed together.
    ld t0, 8(sp)
    addi a2, s10, thread_endpoint
    li a3, slot_endpoint
    addi a4, t0, 1
    call mint
    ld t0, 8(sp)
    addi a2, s10, thread_done
    li a3, slot_done
    li a4, 1
    sll a4, a4, t0
    call mint

    mv a2, s11
    addi a4, s10, thread_buffer
    li a3, right_read | right_write
    li a5, cap_vspace
    call map_page

    # Its capability space and address space are ours.
    li a2, cap_cnode
    li a3, 0
    li a4, cap_vspace
    mv a5, s11
    call configure

    ld a2, 16(sp)
    ld a3, 32(sp)
    ld a4, 8(sp)
    call give_time

    # Priority, scheduling context, and where its faults go: to our endpoint, with its badge.
    add a0, s2, s10
    li t0, cap_tcb
    sd t0, extra_caps(s1)           # the authority for the priority: our own
    addi t0, a0, thread_context
    sd t0, extra_caps + 8(s1)
    addi t0, a0, thread_endpoint
    sd t0, extra_caps + 16(s1)
    li a2, worker_priority
    li a3, worker_priority
    describe tcb_set_sched_params, 3, 2
    call invoke

    # Its registers: pc, ra, sp, gp, s0 to s11, then a0. All its capabilities are registers of its own.
    ld t1, 24(sp)
    ld t2, 8(sp)
    add t0, s2, s10
    li a2, 0                        # it does not start yet
    li a3, 17                       # words that follow
    mv a4, t1                       # pc
    li a5, 0                        # ra
    sd zero, message + 32(s1)       # sp
    sd zero, message + 40(s1)       # gp
    addi t3, t0, thread_endpoint
    sd t3, message + 48(s1)         # s0: the endpoint
    sd s11, message + 56(s1)        # s1: its IPC buffer
    addi t3, t0, thread_done
    sd t3, message + 64(s1)         # s2: the notification
    sd t0, message + 72(s1)         # s3: itself
    addi t3, s1, message + 80
    addi t4, s1, message + 144
1:  sd zero, 0(t3)                  # s4 to s11
    addi t3, t3, 8
    bltu t3, t4, 1b
    sd t2, message + 144(s1)        # a0: its number
    mv a0, t0
    describe tcb_write_registers, 0, 19
    call invoke
    ld ra, 0(sp)
    addi sp, sp, 48
    ret

# Puts a copy of the capability in our slot a3, with all rights and with badge a4, into our slot a2.
mint:
    add a2, a2, s2
    sd a4, message + 40(s1)
    add a4, a3, s2
    li a3, whole_word
    li a5, whole_word
    li t0, all_rights
    sd t0, message + 32(s1)
    li t0, cap_cnode
    sd t0, extra_caps(s1)
    li a0, cap_cnode
    describe cnode_mint, 1, 6
    j invoke

# Gives the thread at s10 the capability space a2 (with guard word a3), the address space a4, and an IPC buffer at a5, which
# is 0 for none: its frame must be named all the same, by any capability.
configure:
    sd a2, extra_caps(s1)
    sd a4, extra_caps + 8(s1)
    add a0, s2, s10
    sd zero, extra_caps + 16(s1)
    beqz a5, 1f
    addi t0, a0, thread_buffer
    sd t0, extra_caps + 16(s1)
1:  mv a2, a3
    li a3, 0
    mv a4, a5
    describe tcb_configure, 3, 3
    j invoke

# Gives the scheduling context of the thread at s10 a3 microseconds of hart a2 in every period. Faults for want of time
# carry the word a4.
give_time:
    ld a0, bi_sched_control(s0)
    add a0, a0, a2
    add t0, s2, s10
    addi t0, t0, thread_context
    sd t0, extra_caps(s1)
    sd zero, message + 32(s1)       # no flags
    mv a5, a4
    mv a2, a3
    li a3, whole_period
    li a4, 0                        # no more refills than the two that every context has
    describe sched_control_configure_flags, 1, 5
    j invoke

start_thread:
    add a0, s2, s10
    describe tcb_resume, 0, 0
    j invoke

# Receives the call of worker s5, answers it with the sum of its words, and waits for its signal.
serve_worker:
    mv s6, ra
    call receive
    addi t0, s5, 1
    demand a0, t0                   # the badge says who calls
    describe 0, 0, 6
    demand s9, a1                   # six words, no label
    say text_worker
    mv a0, s5
    call print_number
    say text_sum
    add s7, s7, s8
    ld t0, message + 16(s1)
    add s7, s7, t0
    ld t0, message + 24(s1)
    add s7, s7, t0
    ld t0, message + 32(s1)
    add s7, s7, t0
    ld t0, message + 40(s1)
    add s7, s7, t0
    mv a0, s7
    call print_number
    mv a2, s7
    describe 0, 0, 1
    call reply
    call wait_done
    say text_signal
    mv a0, s7
    call print_number
    call print_newline
    jr s6

# Waits for a message. a0: the badge. s7, s8: its first two words; s9: its info. Words 2 and 3 go to the IPC buffer, where
# the others are.
receive:
    slot slot_reply
    mv a6, a0
    slot slot_endpoint
    li a7, sys_recv
    ecall
    mv s9, a1
    mv s7, a2
    mv s8, a3
    sd a4, message + 16(s1)
    sd a5, message + 24(s1)
    ret

# Answers whoever waits: info in a1, words in a2 to a5.
reply:
    slot slot_reply
    li a7, sys_send
    ecall
    ret

# Waits for the notification. s7: the bits that were signalled.
wait_done:
    slot slot_done
    li a7, sys_wait
    ecall
    mv s7, a0
    ret

# A thread with a small budget, and an endpoint for the fault that it takes when it has used it up.
out_of_time:
    addi sp, sp, -16
    sd ra, 0(sp)
    mv a0, s5
    addi a1, s4, -1
    la a2, spinner
    li a3, short_budget
    call make_thread
    add a0, s2, s10
    addi t0, a0, thread_endpoint
    sd t0, extra_caps(s1)
    describe tcb_set_timeout_endpoint, 1, 0
    call invoke
    call start_thread
    call receive
    srli t0, s9, 12
    li t1, fault_timeout
    demand t0, t1
    demand s7, s5                   # word 0: what give_time was told
    li t1, short_budget
    bltu s8, t1, failed             # word 1: microseconds used
    say text_timeout
    # It gets all the time of its hart, and what it waits for.
    addi a2, s4, -1
    li a3, whole_period
    mv a4, s5
    call give_time
    la t0, flag
    li t1, 1
    sw t1, 0(t0)
    describe 0, 0, 0
    call reply                      # the answer to a fault lets the thread go on
    call wait_done
    say text_goes_on
    addi s5, s5, 1
    ld ra, 0(sp)
    addi sp, sp, 16
    ret

# A thread that reads where nothing is mapped. The fault arrives as a message; we map a page there and answer.
out_of_bounds:
    addi sp, sp, -16
    sd ra, 0(sp)
    mv a0, s5
    addi a1, s4, -1
    la a2, reader
    li a3, whole_period
    call make_thread
    mv a0, s3
    li a2, page_object
    li a3, 0
    li a4, slot_gift
    li a5, 1
    call retype
    call start_thread
    call receive
    srli t0, s9, 12
    li t1, fault_vm
    demand t0, t1
    la t0, reads_here
    demand s7, t0                   # word 0: the pc
    li t1, gift_at
    demand s8, t1                   # word 1: the address
    ld t0, message + 24(s1)
    li t1, fsr_load
    demand t0, t1                   # word 3: what kind of access
    say text_fault
    mv a0, s8
    call print_hex
    li a4, slot_gift
    li a2, gift_at
    li a3, right_read | right_write
    li a5, cap_vspace
    call map_page
    li t0, gift_at
    li t1, 42
    sd t1, 0(t0)
    describe 0, 0, 0
    call reply
    call receive                    # it calls with what it has read
    say text_reads
    mv a0, s7
    call print_number
    call print_newline
    describe 0, 0, 0
    call reply
    addi s5, s5, 1
    ld ra, 0(sp)
    addi sp, sp, 16
    ret

# A thread that cannot reach us but by the one capability that it is given: its address space holds a page of code and a
# page that we share, its capability space an endpoint.
another_space:
    addi sp, sp, -16
    sd ra, 0(sp)
    mv a0, s3
    li a2, page_table_object
    li a3, 0
    li a4, slot_space
    li a5, 3
    call retype
    # The root of an address space is a page table that has an address space identifier.
    li a0, cap_asid_pool
    addi t0, s2, slot_space
    sd t0, extra_caps(s1)
    describe asid_pool_assign, 1, 0
    call invoke
    # Tables are put in from the top: each invocation fills the next level on the way to the address.
    li s7, slot_space + 1
1:  add a0, s2, s7
    addi t0, s2, slot_space
    sd t0, extra_caps(s1)
    li a2, stranger_code_at
    li a3, 0
    describe page_table_map, 1, 2
    call invoke
    addi s7, s7, 1
    li t0, slot_space + 2
    bleu s7, t0, 1b

    # Its code is a page of ours. A capability to a page is good for one mapping, so that a second takes a copy.
    la a3, stranger
    la t0, _start
    sub a3, a3, t0
    srli a3, a3, page_bits
    ld t0, bi_image_frames(s0)      # capabilities to the pages of our image, in order
    add a3, a3, t0
    li a0, cap_cnode
    addi a2, s2, slot_code
    li a4, whole_word
    call copy
    li a2, stranger_code_at
    li a3, right_read
    li a4, slot_code
    addi a5, s2, slot_space
    call map_page

    mv a0, s3
    li a2, page_object
    li a3, 0
    li a4, slot_shared
    li a5, 1
    call retype
    li a0, cap_cnode
    addi a2, s2, slot_shared_copy
    addi a3, s2, slot_shared
    li a4, whole_word
    call copy
    li a2, shared_at
    li a3, right_read | right_write
    li a4, slot_shared
    li a5, cap_vspace
    call map_page
    li a2, stranger_shared_at
    li a3, right_read | right_write
    li a4, slot_shared_copy
    addi a5, s2, slot_space
    call map_page
    li t0, shared_at
    li t1, 1000
    sd t1, 0(t0)

    # Made as the others are, it gets spaces of its own instead, and no IPC buffer.
    mv a0, s5
    li a1, 0
    li a2, stranger_code_at
    li a3, whole_period
    call make_thread
    mv a0, s3
    li a2, cnode_object
    li a3, stranger_cnode_bits
    li a4, slot_cnode
    li a5, 1
    call retype
    slot slot_cnode
    li a2, stranger_endpoint
    addi a3, s2, thread_endpoint
    add a3, a3, s10
    li a4, stranger_cnode_bits
    call copy
    addi a2, s2, slot_cnode
    li a3, whole_word - stranger_cnode_bits     # a guard: how many leading zeros its addresses have
    addi a4, s2, slot_space
    li a5, 0
    call configure
    call start_thread
    call receive
    addi t0, s5, 1
    demand a0, t0
    say text_stranger
    mv a0, s7
    call print_number
    say text_left
    li t0, shared_at
    ld a0, 8(t0)
    call print_number
    call print_newline
    ld ra, 0(sp)
    addi sp, sp, 16
    ret

# Copies our capability a3 to the slot at a2, a4 bits deep, in the CNode a0.
copy:
    li t0, cap_cnode
    sd t0, extra_caps(s1)
    li t0, all_rights
    sd t0, message + 32(s1)
    mv t0, a4
    mv a4, a3
    mv a3, t0
    li a5, whole_word
    describe cnode_copy, 1, 5
    j invoke

# Calls a kernel object: its answer's label is an error, or 0.
invoke:
    li a7, sys_call
    ecall
    srli t0, a1, 12
    bnez t0, 1f
    ret
1:  mv s7, t0
    mv s8, ra
    say text_error
    mv a0, s7
    call print_number
    say text_at
    mv a0, s8                       # who called `invoke`
    call print_hex
    call print_newline
    j failed

# Printing: to the kernel's debug console, a byte at a time.
print:
    mv t0, a0
    li a7, sys_debug_put_char
1:  lbu a0, 0(t0)
    beqz a0, 2f
    ecall
    addi t0, t0, 1
    j 1b
2:  ret

print_newline:
    li a0, 10
    li a7, sys_debug_put_char
    ecall
    ret

print_hex:
    li t1, 16
    mv t0, a0
    li a7, sys_debug_put_char
    li a0, '0'
    ecall
    li a0, 'x'
    ecall
    mv a0, t0
    j print_in_base
print_number:
    li t1, 10
print_in_base:                      # a0 in base t1: digits from the last, then out in turn
    la t2, digits_end
1:  remu t3, a0, t1
    divu a0, a0, t1
    li t4, 10
    bltu t3, t4, 2f
    addi t3, t3, 'a' - '0' - 10
2:  addi t3, t3, '0'
    addi t2, t2, -1
    sb t3, 0(t2)
    bnez a0, 1b
    la t4, digits_end
    li a7, sys_debug_put_char
3:  lbu a0, 0(t2)
    ecall
    addi t2, t2, 1
    bltu t2, t4, 3b
    ret

# The threads. Each finds in a0 its number, in s0 the endpoint, in s1 its IPC buffer, in s2 the notification, in s3 its
# own TCB.

# Calls with six words, counting from its number, and signals if the answer is their sum.
worker:
    mv a2, a0
    addi a3, a0, 1
    addi a4, a0, 2
    addi a5, a0, 3
    addi t0, a0, 4
    sd t0, message + 32(s1)
    addi t0, a0, 5
    sd t0, message + 40(s1)
    li t0, 6
    mul s4, a0, t0
    addi s4, s4, 15
    mv a0, s0
    describe 0, 0, 6
    li a7, sys_call
    ecall
    bne a2, s4, leave
signal:
    mv a0, s2
    describe 0, 0, 0
    li a7, sys_send
    ecall
leave:
    mv a0, s3
    describe tcb_suspend, 0, 0
    li a7, sys_call
    ecall
    j leave

# Uses up its time until the flag is set.
spinner:
    la t0, flag
1:  lw t1, 0(t0)
    beqz t1, 1b
    j signal

# Reads where nothing is mapped, and calls with what it found there.
reader:
    li t0, gift_at
reads_here:
    ld a2, 0(t0)
    mv a0, s0
    describe 0, 0, 1
    li a7, sys_call
    ecall
    j leave

# Runs in the second address space, with nothing but an endpoint. No answer will come, and none is needed.
    .balign 4096
stranger:
    li t0, stranger_shared_at
    ld a2, 0(t0)
    addi t1, a2, 1
    sd t1, 8(t0)
    li a0, stranger_endpoint
    describe 0, 0, 1
    li a7, sys_call
    ecall
    j stranger

    .rodata
text_harts:
    .asciz " hart(s); the root CNode has 2^"
text_ipc_buffer:
    .asciz " slots, and the IPC buffer is at "
text_extra:
    .asciz "there is more beside BootInfo: the device tree\n"
text_ram:
    .asciz " MiB of RAM; taking the piece of 2^"
text_at:
    .asciz " at "
text_devices:
    .asciz " pieces are devices\n"
text_finisher:
    .asciz "the test finisher is mapped\n"
text_worker:
    .asciz "hart "
text_sum:
    .asciz ": its worker calls, and is told "
text_signal:
    .asciz "; it signals "
text_timeout:
    .asciz "a thread has used up its time, and gets more\n"
text_goes_on:
    .asciz "it has come to its end\n"
text_fault:
    .asciz "a thread has read at "
text_reads:
    .asciz "; now it finds "
text_stranger:
    .asciz "a thread in a space of its own has found "
text_left:
    .asciz ", and has left "
text_error:
    .asciz "the kernel answers with error "
not_well:
    .asciz "all is not well\n"
all_is_well:
    .asciz "all is well\n"
    .balign 4096

    .data
flag:
    .word 0
digits:
    .zero 20
digits_end:
    .balign 16
    .zero 4096
stack_top:
