# Prints BootInfo: its words up to the untyped list, then the list, then the heads of the extra records.

    .equ sys_debug_put_char, -12
    .equ sys_debug_halt, -14
    .equ words, 22                  # extraLen up to the end of `untyped`
    .equ word_of_untyped, 21
    .equ untyped_first, 168
    .equ untyped_list, 184
    .equ extra_len, 0
    .equ extra, 4096                # the page after BootInfo

    .text
_start:
    mv s0, a0
    mv s1, a0
    li s2, words
next_word:
    ld a0, 0(s1)
    call print_hex
    addi s1, s1, 8
    addi s2, s2, -1
    bnez s2, next_word
    call print_newline
    ld s1, untyped_first(s0)
    ld s2, untyped_first + 8(s0)
    addi s3, s0, untyped_list
next_untyped:
    bgeu s1, s2, extras
    ld a0, 0(s3)
    call print_hex
    lbu a0, 8(s3)
    call print_hex
    lbu a0, 9(s3)
    call print_hex
    call print_newline
    addi s3, s3, 16
    addi s1, s1, 1
    j next_untyped
extras:
    ld s1, extra_len(s0)
    li t0, extra
    add s2, s0, t0
    add s1, s1, s2
next_extra:
    bgeu s2, s1, done
    ld a0, 0(s2)
    call print_hex
    ld a0, 8(s2)
    call print_hex
    lwu a0, 16(s2)
    call print_hex
    call print_newline
    ld t0, 8(s2)
    add s2, s2, t0
    j next_extra
done:
    li a7, sys_debug_halt
    ecall

print_newline:
    li a0, 10
    li a7, sys_debug_put_char
    ecall
    ret

# Prints a0 without leading zeros, then a blank.
print_hex:
    li t0, 60
    mv t1, a0
    li a7, sys_debug_put_char
1:  srl t2, t1, t0
    bnez t2, 2f
    beqz t0, 2f
    addi t0, t0, -4
    j 1b
2:  srl t2, t1, t0
    andi t2, t2, 15
    li t3, 10
    addi a0, t2, '0'
    bltu t2, t3, 3f
    addi a0, t2, 'a' - 10
3:  ecall
    addi t0, t0, -4
    bgez t0, 2b
    li a0, ' '
    ecall
    ret
