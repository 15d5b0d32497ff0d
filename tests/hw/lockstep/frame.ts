// What surrounds a random program: how harts start, handlers that go on after any trap, services that change the machine
// beneath the program, and page tables.
//
//   0x8000_0000  machine-mode code and tables     0x8004_0000  data of all harts
//   0x8000_3000  supervisor's handler             0x8005_0000  data of the machine's handler, a page for each hart
//   0x8000_4000  the program                      0x8006_0000  page tables
//
// Registers with a role: s8 where to go on after a trap, s10 and s1 data, s4 a mask for offsets into it, sp the stack, gp the
// hart's page, s0 s9 s7 loop counters, s11 depth of recursion. Services: a7 which, a6 and a5 what.

import type { Dice } from '../../../tools/dice.ts';
import {
  dataAlias,
  dataStart,
  hartPages,
  large,
  programPages,
  programStart,
  ram,
  shuffled,
  supervisorPage,
  top,
  windowPages,
} from './memory-map.ts';
import { constants } from './operands.ts';
import type { Tables } from './tables.ts';

export const services = {
  nothing: 0,
  mode: 1,
  satp: 2,
  guestTables: 3,
  fence: 4,
  entry: 5,
  timer: 6,
  status: 7,
  delegation: 8,
  interprocessor: 9,
  again: 10,
  guestStatus: 11,
  counters: 12,
} as const;
export type Service = keyof typeof services;

const mpp = { U: 0n, S: 1n << 11n, M: 3n << 11n } as const;
const status = { mpv: 1n << 39n, fs: 3n << 13n, mpie: 1n << 7n, sie: 2n, sum: 1n << 18n, mxr: 1n << 19n } as const;

export const machineModes = ['M', 'S', 'U', 'VS', 'VU'] as const;
export type MachineMode = (typeof machineModes)[number];

/** A row of the table that modes are entered by: the CSRs in their order, where the program is, and where its data. */
const rowCsrs = [
  'mstatus',
  'satp',
  'vsatp',
  'hgatp',
  'medeleg',
  'mideleg',
  'hedeleg',
  'hideleg',
  'hstatus',
  '',
  '',
  'vsstatus',
];
const rowSize = 8 * rowCsrs.length;
/** Entries of page tables that services reach; a power of two. */
const editable = 64;

function rowOf(dice: Dice, mode: MachineMode, { spaces, guestStages }: Tables): bigint[] {
  const virtual = mode.startsWith('V');
  const level = mode.at(-1) as 'M' | 'S' | 'U';
  const fitting = spaces.filter(({ user }) => user === (level === 'U'));
  const translated = level !== 'M' && dice.below(5) > 0;
  const atp = translated ? dice.of(fitting).atp : 0n;
  const hgatp = virtual && dice.below(6) > 0 ? dice.of(guestStages) : 0n;
  const some = (flag: bigint): bigint => (dice.once(2) ? flag : 0n);
  const mstatus =
    mpp[level] |
    status.mpie |
    status.fs |
    (virtual ? status.mpv : 0n) |
    some(status.sum) |
    some(status.mxr) |
    some(status.sie);
  const places = translated ? dice.of([0n, 0n, 0n, shuffled - programStart, large - ram, top - ram]) : 0n;
  return [
    mstatus,
    virtual ? some(spaces[0]!.atp) : atp,
    virtual ? atp : 0n,
    hgatp,
    dice.of([0n, 0n, 0xb1ffn, 0xf0_b1ffn, 0xf0_b0ffn]), // medeleg
    some(0x222n), // mideleg: SSI, STI, SEI
    dice.of([0n, 0xb1ffn]), // hedeleg
    some(0x444n), // hideleg
    some(1n << 9n) | some(status.sum), // vsstatus (and hstatus.HU)
    places,
    dice.once(2) && translated ? dataAlias : dataStart,
    status.fs | some(status.sum) | some(status.mxr), // vsstatus
  ];
}

/** Entries that services know by their number: the window's. */
export const windowEntries = 6;
/** Functions in the window: one begins every 64 bytes. */
export const windowFunctions = 64;

function windowPage(dice: Dice, page: number): string {
  const functions = Array.from(
    { length: windowFunctions },
    (_, index) => `    .balign 64
    addi a0, a0, ${dice.below(100)}
    xor a1, a1, ${dice.of(['a0', 'a2', 'a3'])}
    ${dice.of(['nop', 'mul a2, a0, a1', 'c.addi a0, 1', 'c.nop', 'sub a2, a2, a0'])}
    ${index % 8 === 7 ? 'ecall' : 'ret'}
    ret`,
  );
  return `    .org ${programStart + BigInt(page << 12)}\n${functions.join('\n')}`;
}

/** Interrupts come about every 2^n ticks. */
export interface FrameOptions {
  timerBits: number;
  /** Traps after which a hart begins again. */
  fuel: number;
  /** How often the program runs before the next mode. */
  passes: number;
  rows: readonly MachineMode[];
}

const dwords = (values: readonly bigint[]): string[] =>
  values.map((value) => `.dword 0x${BigInt.asUintN(64, value).toString(16)}`);

/** The program with what surrounds it. `lines` begin at `programStart`. */
export function frame(dice: Dice, tables: Tables, options: FrameOptions, lines: readonly string[]): string {
  const { timerBits, fuel, passes, rows } = options;
  const others = editable - tables.windows.length;
  const entries = [...tables.windows, ...Array.from({ length: others }, () => dice.of(tables.entries))];
  const satps = [
    ...tables.spaces.map(({ atp }) => atp),
    0n,
    ...tables.spaces.slice(0, 3).map(({ atp }) => atp ^ (2n << 44n)),
  ];
  const hgatps = [...tables.guestStages, 0n, tables.guestStages[0]! ^ (3n << 44n)];
  return `
origin:
.equ window, ${tables.window}
start:
    la t0, machine
    csrw mtvec, t0
    la t0, supervisor
    csrw stvec, t0
    la t0, guest_supervisor
    csrw vstvec, t0
    li t0, -1
    csrw pmpaddr0, t0
    li t0, 0x1f
    csrw pmpcfg0, t0
    li t0, -1
    csrw mcounteren, t0
    csrw hcounteren, t0
    csrw scounteren, t0
    li t0, 0xa000000000000000
    csrw menvcfg, t0
    csrw henvcfg, t0
    li t6, ${hartPages}
    slli t0, a0, 12
    add t6, t6, t0
    csrw mscratch, t6
    sd a0, 24(t6)
    li t0, 0xeee
    csrw mie, t0
    j restart

    .balign 4
machine:
    csrrw t6, mscratch, t6
    sd t0, 0(t6)
    sd t1, 8(t6)
    sd t2, 16(t6)
    csrr t0, mcause
    bltz t0, machine_interrupt
    li t1, 8
    bltu t0, t1, go_on
    li t1, 12
    bltu t0, t1, service
go_on:
    ld t1, 32(t6)
    addi t1, t1, -1
    sd t1, 32(t6)
    bltz t1, restart
    csrw mepc, s8
leave:
    ld t0, 0(t6)
    ld t1, 8(t6)
    ld t2, 16(t6)
    csrrw t6, mscratch, t6
    mret

machine_interrupt:
    slli t0, t0, 1
    srli t0, t0, 1
    li t1, 7
    beq t0, t1, timer_interrupt
    li t1, 3
    beq t0, t1, software_interrupt
    li t1, -1
    csrw stimecmp, t1
    csrw vstimecmp, t1
    csrw mip, zero
    csrw hvip, zero
    j leave
software_interrupt:
    ld t0, 24(t6)
    slli t0, t0, 2
    li t1, 0x2000000
    add t0, t0, t1
    sw zero, 0(t0)
    j leave
timer_interrupt:
    call next_random
    andi t1, t1, ${2 ** Math.min(timerBits, 11) - 1}
    slli t1, t1, ${Math.max(0, timerBits - 11)}
    call set_timer
    ld t0, 40(t6)
    addi t0, t0, 1
    sd t0, 40(t6)
    andi t0, t0, 7
    beqz t0, restart
    ld ra, 48(t6)
    j leave

# t1 = a random number; t0 is used, ra is at 48(t6) afterwards
next_random:
    sd ra, 48(t6)
    ld t1, 56(t6)
    li t0, 0x5851f42d4c957f2d
    mul t1, t1, t0
    addi t1, t1, 1
    sd t1, 56(t6)
    srli t1, t1, 33
    jr ra
# mtimecmp = mtime + t1 + 1; t0, t1, t2 are used
set_timer:
    li t0, 0x200bff8
    ld t0, 0(t0)
    add t1, t1, t0
    addi t1, t1, 1
    ld t0, 24(t6)
    slli t0, t0, 3
    li t2, 0x2004000
    add t0, t0, t2
    sd t1, 0(t0)
    jr ra

service:
    csrr t1, mepc
    addi t1, t1, 4
    csrw mepc, t1
    andi t1, a7, 15
    slli t1, t1, 2
    la t2, service_table
    add t1, t1, t2
    jr t1
service_table:
    j leave
    j service_mode
    j service_satp
    j service_guest_tables
    j service_fence
    j service_entry
    j service_timer
    j service_status
    j service_delegation
    j service_interprocessor
    j restart
    j service_guest_status
    j service_counters
    j leave
    j leave
    j leave

service_mode:
    # a6: row, a5: where to go on, from the origin
    andi t0, a6, 0xff
    li t1, ${rows.length}
    remu t0, t0, t1
    jal t2, enter_row
    la t1, origin
    add t1, t1, a5
    ld t2, 72(t0)
    add t1, t1, t2
    csrw mepc, t1
    j leave
service_satp:
    andi t0, a6, 7
    slli t0, t0, 3
    la t1, satp_table
    add t0, t0, t1
    ld t0, 0(t0)
    csrw satp, t0
    beqz a5, leave
    sfence.vma
    j leave
service_guest_tables:
    andi t0, a6, 7
    slli t0, t0, 3
    la t1, satp_table
    add t0, t0, t1
    ld t0, 0(t0)
    csrw vsatp, t0
    andi t0, a6, 3
    slli t0, t0, 3
    la t1, hgatp_table
    add t0, t0, t1
    ld t0, 0(t0)
    csrw hgatp, t0
    beqz a5, leave
    hfence.vvma
    hfence.gvma
    j leave
service_fence:
    andi t0, a6, 7
    slli t0, t0, 3
    la t1, fence_table
    add t0, t0, t1
    li t1, 1
    mv t2, a5
    jr t0
fence_table:
    sfence.vma
    j leave
    sfence.vma t2, zero
    j leave
    sfence.vma zero, t1
    j leave
    sfence.vma t2, t1
    j leave
    hfence.vvma
    j leave
    hfence.gvma
    j leave
    hfence.vvma t2, zero
    j leave
    sinval.vma t2, zero
    j leave
service_entry:
    # a6: entry and way of fencing, a5: bits to turn over
    andi t0, a6, ${editable - 1}
    li t1, 24
    mul t0, t0, t1
    la t1, entry_table
    add t0, t0, t1
    ld t1, 0(t0)
    ld t2, 0(t1)
    xor t2, t2, a5
    sd t2, 0(t1)
    ld t2, 16(t0)
    srli t0, a6, 8
    andi t0, t0, 7
    slli t0, t0, 3
    la t1, fence_table
    add t0, t0, t1
    # no fence at all is as frequent as all fences
    andi t1, a6, 128
    beqz t1, leave
    li t1, 1
    jr t0
service_timer:
    # a6: which, a5: how soon
    sd ra, 48(t6)
    mv t1, a5
    andi t0, a6, 3
    beqz t0, 1f
    csrr t2, time
    add t1, t1, t2
    addi t0, t0, -1
    beqz t0, 2f
    csrw vstimecmp, t1
    j leave
2:  csrw stimecmp, t1
    j leave
1:  call set_timer
    ld ra, 48(t6)
    j leave
service_status:
    li t0, 0xc6002
    and t0, t0, a5
    csrr t1, mstatus
    xor t1, t1, t0
    csrw mstatus, t1
    j leave
service_delegation:
    csrr t0, medeleg
    xor t0, t0, a5
    csrw medeleg, t0
    csrr t0, hedeleg
    xor t0, t0, a6
    csrw hedeleg, t0
    j leave
service_interprocessor:
    andi t0, a6, 3
    slli t0, t0, 2
    li t1, 0x2000000
    add t0, t0, t1
    li t1, 1
    sw t1, 0(t0)
    j leave
service_guest_status:
    li t0, 0xc6002
    and t0, t0, a5
    csrr t1, vsstatus
    xor t1, t1, t0
    csrw vsstatus, t1
    csrw hvip, a6
    j leave
service_counters:
    andi t0, a6, 5
    csrw mcountinhibit, t0
    beqz a5, leave
    csrw mcycle, a5
    csrw minstret, a6
    j leave

restart:
    # mscratch may be the program's t6
    csrr t6, mhartid
    slli t6, t6, 12
    li t1, ${hartPages}
    add t6, t6, t1
    csrw mscratch, t6
    csrw mcountinhibit, zero
    li t0, ${fuel}
    sd t0, 32(t6)
    # the tables as they were
    la t0, entry_table
    la t1, entry_table_end
2:  ld t2, 0(t0)
    ld a0, 8(t0)
    sd a0, 0(t2)
    addi t0, t0, 24
    bltu t0, t1, 2b
    sfence.vma
    hfence.gvma
    call next_random
    li t1, ${2 ** timerBits}
    call set_timer
    ld t0, 64(t6)
    addi t1, t0, 1
    sd t1, 64(t6)
    ld t1, 24(t6)
    slli t1, t1, 1
    add t0, t0, t1
    li t1, ${rows.length}
    remu t0, t0, t1
    jal t2, enter_row
    la t1, program
    ld t2, 72(t0)
    add t1, t1, t2
    csrw mepc, t1
    # registers
    ld s10, 80(t0)
    addi s1, s10, 1024
    li s4, 0x7fff
    li s11, ${passes}
    ld a0, 24(t6)
    slli t0, a0, 12
    li sp, ${hartPages + 0x8f00n}
    add sp, sp, t0
    mv gp, sp
    addi tp, a0, 17
    la ra, constants
    ld a1, 64(t6)
    andi a1, a1, 7
    slli a1, a1, 3
    add ra, ra, a1
${Array.from({ length: 32 }, (_, index) => `    fld f${index}, ${index * 8}(ra)`).join('\n')}
${[5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 21, 28, 29, 30].map((x, index) => `    ld x${x}, ${index * 8 + 40}(ra)`).join('\n')}
    la s8, program
    mv s0, zero
    mv s7, zero
    mv s9, zero
    csrr t6, mscratch
    mret

# the machine as row t0 says, but for its registers; t0 = the row; returns to t2
enter_row:
    li t1, ${rowSize}
    mul t0, t0, t1
    la t1, mode_table
    add t0, t0, t1
${rowCsrs.map((csr, index) => (csr === '' ? '' : `    ld t1, ${8 * index}(t0)\n    csrw ${csr}, t1`)).join('\n')}
    li t1, 0xeee
    csrw mie, t1
    jr t2

    .balign 8
satp_table:
${dwords(satps).join('\n')}
hgatp_table:
${dwords(hgatps).join('\n')}
mode_table:
${rows.flatMap((mode) => dwords(rowOf(dice, mode, tables))).join('\n')}
constants:
${dwords(constants(dice, 48)).join('\n')}
entry_table:
${entries.flatMap(({ at, value, virtual }) => dwords([at, value, virtual])).join('\n')}
entry_table_end:

    .org ${supervisorPage}
supervisor:
    csrrw t6, sscratch, t6
    csrr t6, scause
    bltz t6, 1f
    csrr t6, sscratch
    csrw sepc, s8
    sret
1:  li t6, -1
    csrw stimecmp, t6
    csrw vstimecmp, t6
    csrw hvip, zero
    csrci sip, 2
    csrr t6, sscratch
    sret
    .balign 4
guest_supervisor:
    csrrw t6, sscratch, t6
    csrr t6, scause
    bltz t6, 1f
    csrr t6, sscratch
    csrw sepc, s8
    sret
1:  li t6, -1
    csrw stimecmp, t6
    csrci sip, 2
    csrr t6, sscratch
    sret

    .org ${programStart}
program:
again:
${lines.join('\n')}
    addi s11, s11, -1
    blez s11, 1f
    la t0, again
    jr t0
1:  li a7, ${services.again}
    ecall
    la t0, again
    jr t0
${windowPages.map((page) => windowPage(dice, page)).join('\n')}
    .org ${programStart + BigInt(programPages << 12)}
`;
}
