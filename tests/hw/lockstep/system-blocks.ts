// Blocks that reach what only the interpreter does, or that change what translated code rests on: traps, CSRs, devices,
// stores into code, page tables, modes.

import type { Author, Block } from './block.ts';
import { branchTo } from './control-flow.ts';
import { type Service, services, windowEntries, windowFunctions } from './frame.ts';
import { scratch, straight } from './instructions.ts';
import { large, ram } from './memory-map.ts';

const x = (author: Author): string => `x${author.dice.of(scratch)}`;

/** Asks the machine-mode handler for something. The registers are the caller's. */
export function service(author: Author, name: Service, a6: number | bigint, a5: number | bigint): Block {
  return author.guarded(`service ${name}`, [`li a7, ${services[name]}`, `li a6, ${a6}`, `li a5, ${a5}`, 'ecall']);
}

const illegal = [0x0000_0000, 0xffff_ffff, 0x0000_707b, 0x0000_0000, 0x0200_0000 | 0x5053, 0xc000_1073, 0x7b20_0073];

/** One exception, or what may be one in some modes. */
export function trap(author: Author): Block {
  const { dice } = author;
  const bad = dice.of(['zero', 't3', 's11']);
  const lines = dice.of([
    ['ebreak'],
    ['c.ebreak'],
    [`.word 0x${(dice.of(illegal) >>> 0).toString(16)}`],
    ['.half 0'],
    ['li t0, 0x123456789000', `${dice.of(['lb', 'lh', 'lw', 'ld', 'lwu'])} ${x(author)}, ${dice.below(100)}(t0)`],
    ['li t0, -4096', `${dice.of(['sb', 'sh', 'sw', 'sd'])} ${x(author)}, ${dice.below(100)}(t0)`],
    [`ld ${x(author)}, 0(${bad})`],
    [`li t0, 0x123456789000`, 'jr t0'],
    [`fld fa0, 5(${bad})`],
    ['li t0, 4093', 'add t0, t0, s10', `${dice.of(['ld', 'lw', 'lh', 'lhu'])} ${x(author)}, 0(t0)`],
    ['addi t0, s10, 2', `amoadd.w ${x(author)}, t1, (t0)`],
    ['addi t0, s10, 4', `lr.d ${x(author)}, (t0)`],
    ['addi t0, s10, 1', 'sc.w t1, t1, (t0)'],
    ['fsrmi 5', 'fadd.d fa0, fa1, fa2', 'fsrmi 0'],
    ['csrr t0, mstatus'],
    ['csrr t0, sstatus'],
    ['csrw sscratch, t0'],
    ['mret_here'],
    ['wfi'],
    ['sfence.vma'],
    ['hfence.gvma'],
    [`hlv.w ${x(author)}, (s10)`],
    [`hlvx.hu ${x(author)}, (s10)`],
    [`hsv.d ${x(author)}, (s10)`],
    ['li t0, 0x2800', 'csrs sstatus, t0'],
  ]);
  return author.guarded(
    'trap',
    lines.map((line) => (line === 'mret_here' ? 'csrr t0, 0x7ff' : line)),
  );
}

const counters = ['cycle', 'instret', 'time', 'mcycle', 'minstret', 'hpmcounter3'];

/** CSRs that change nothing of the frame's. */
export function csr(author: Author): Block {
  const { dice } = author;
  const lines = dice.of([
    [`csrr ${x(author)}, ${dice.of(counters)}`],
    [
      `csrr ${x(author)}, ${dice.of(counters)}`,
      ...straight(dice, dice.below(4), 'integer'),
      `csrr ${x(author)}, instret`,
    ],
    [`csrr ${x(author)}, fcsr`],
    [`csrrwi ${x(author)}, fflags, ${dice.below(32)}`],
    [`csrrw ${x(author)}, frm, ${x(author)}`, 'fsrmi 0'],
    [`fsrmi ${dice.below(5)}`],
    [`fsrmi ${dice.below(8)}`, ...straight(dice, 3, 'float')],
    [`csrrc ${x(author)}, fflags, ${x(author)}`],
    [`csrrw ${x(author)}, sscratch, ${x(author)}`],
    [`csrr ${x(author)}, sip`],
    // Floating point off and on; interrupts off and on.
    ['li t0, 0x6000', 'csrc sstatus, t0', ...straight(dice, 2, 'float'), 'csrs sstatus, t0'],
    ['csrci sstatus, 2', ...straight(dice, dice.below(6), 'integer'), 'csrsi sstatus, 2'],
    ['csrci mstatus, 8', ...straight(dice, dice.below(6), 'integer'), 'csrsi mstatus, 8'],
    ['li t0, 0xc0000', `${dice.of(['csrs', 'csrc'])} sstatus, t0`],
    // Loads and stores of M-mode as another mode's.
    ['li t0, 0x20000', 'csrs mstatus, t0', ...straight(dice, 6, 'memory'), 'li t0, 0x20000', 'csrc mstatus, t0'],
    [`csrrsi ${x(author)}, mie, 0`],
  ]);
  return author.guarded('csr', lines);
}

/** Device registers: time, timers, software interrupts, a UART. */
export function device(author: Author): Block {
  const { dice } = author;
  const uart = 0x1000_0000;
  const register = dice.below(8);
  const lines = dice.of([
    ['li t0, 0x200bff8', `ld ${x(author)}, 0(t0)`],
    ['li t0, 0x200bff8', `lw ${x(author)}, ${dice.of([0, 4])}(t0)`],
    ['li t0, 0x200bff8', 'ld t1, 0(t0)', 'li t0, 0x2004000', `addi t1, t1, ${dice.below(900)}`, 'sd t1, 0(t0)'],
    ['li t0, 0x2000000', `sw ${dice.of(['zero', 't1'])}, ${4 * dice.below(3)}(t0)`],
    [`li t0, ${uart}`, `lbu ${x(author)}, ${register}(t0)`],
    [`li t0, ${uart}`, `li t1, ${dice.below(256)}`, `sb t1, ${register === 2 ? 7 : register}(t0)`],
    [`li t0, ${uart}`, `sb ${x(author)}, 0(t0)`, 'lbu t1, 5(t0)', `sb ${x(author)}, 0(t0)`],
    [`li t0, ${uart}`, `${dice.of(['lw', 'ld', 'sw'])} t1, 0(t0)`],
    [`li t0, ${uart}`, 'amoswap.w t1, t2, (t0)'],
    ['csrr t1, time', `addi t1, t1, ${dice.below(200)}`, 'csrw stimecmp, t1'],
    ['csrr t1, time', `addi t1, t1, ${dice.below(200)}`, 'csrw stimecmp, t1', 'wfi'],
  ]);
  return author.guarded('device', lines);
}

/** Stores instructions into code that is run again and again, near the store or in another place. */
export function selfModifying(author: Author): Block {
  const { dice } = author;
  const [words, place, again] = [author.label(), author.label(), author.label()];
  const short = dice.once(3);
  const count = dice.of([2, 4, 4, 8]);
  const step = short ? 2 : 4;
  const instruction = (): string =>
    short
      ? dice.of(['c.addi a0, 1', 'c.addi a0, -3', 'c.nop', 'c.mv a0, a1', 'c.slli a0, 1', 'c.xor a0, a1', 'c.ebreak'])
      : dice.of([
          `addi a0, a0, ${dice.below(100)}`,
          `xor a0, a0, ${x(author)}`,
          `mul a1, a0, ${x(author)}`,
          'ebreak',
          'jalr zero, 0(zero)',
          `beq zero, zero, 8`,
          `ld a1, 8(s10)`,
          `sd a1, 16(s10)`,
          '.word 0',
          'csrr a1, instret',
        ]);
  // A branch in the table is assembled where it stands: its distance is what counts.
  const table = Array.from({ length: count }, () => instruction().replace(/^beq zero, zero, 8$/, '.word 0x00000463'));
  const store = short ? 'sh' : dice.of(['sw', 'sw', 'sw', 'sh']);
  const chosen = dice.of(['s7', 's7', 'a0']);
  const patch = [
    `andi t0, ${chosen}, ${count - 1}`,
    `slli t0, t0, ${short ? 1 : 2}`,
    `la t1, ${words}`,
    'add t1, t1, t0',
    `${store === 'sh' ? 'lhu' : 'lw'} t0, 0(t1)`,
    `la t1, ${place}`,
    ...(dice.once(4) ? elsewhere(author) : []),
    `${store} t0, ${store === 'sh' && !short ? dice.of([0, 2]) : 0}(t1)`,
    ...(dice.once(2) ? ['fence.i'] : []),
  ];
  // Not in every turn: the code is to be translated in between.
  const rarely = author.label();
  const guard = dice.once(3) ? [] : [`andi t0, s7, ${dice.of([3, 15, 63])}`, `bnez t0, ${rarely}`];
  const target = [`${place}:`, table[0]!, ...(short ? ['c.nop'] : [])];
  const between = straight(dice, dice.below(8), 'integer').filter((line) => !/\b(t0|t1)\b/.test(line));
  const far = dice.once(3)
    ? ['j 1f', ...dice.of([[`.zero ${2 * dice.below(3000)}`], ['.balign 4096', `.zero ${2 * dice.below(30)}`]]), '1:']
    : [];
  const first = dice.once(2);
  return author.guarded(`self-modifying, steps of ${step}`, [
    `li s7, ${50 + dice.below(400)}`,
    `${again}:`,
    ...(first ? target : []),
    ...guard,
    ...patch,
    `${rarely}:`,
    ...between,
    ...far,
    ...(first ? [] : target),
    'addi s7, s7, -1',
    ...branchTo(author, 'bgtz s7', again, far.length > 0 ? 8000 : 0),
    ...(dice.once(2) ? [`j ${again}x`] : []),
    `${again}x:`,
    `la t0, ${again}y`,
    'jr t0',
    '.balign 4',
    `${words}:`,
    ...table,
    '.balign 4',
    `${again}y:`,
  ]);
}

/** The address in t1 by another mapping of the same memory. */
function elsewhere(author: Author): string[] {
  const { dice } = author;
  const offset = dice.of([large - ram, 0n]);
  return [`li t2, ${offset}`, 'add t1, t1, t2'];
}

/** Bits of page table entries. */
const flips = [0x80n, 0x40n, 0xc0n, 4n, 2n, 8n, 0x10n, 1n, 1n << 10n, 2n << 10n, 3n << 10n, 1n << 11n, 0x400n | 0x80n];

/** Changes an entry, uses memory, and changes it back; with a fence, with another one, or without. */
export function remap(author: Author, between: Block): Block {
  const { dice } = author;
  const entry = dice.below(64);
  const bits = dice.of(flips);
  const way = (): number => entry | (dice.once(3) ? 0 : 128) | (dice.below(8) << 8);
  return {
    kind: 'remap',
    body: [service(author, 'entry', way(), bits), between, service(author, 'entry', way(), bits)],
  };
}

/** A hot loop that calls into a page of which there are two: which one it sees changes beneath it. */
export function movingCode(author: Author): Block {
  const { dice } = author;
  const [again, rarely] = [author.label(), author.label()];
  const calls = Array.from({ length: 1 + dice.below(2) }, () =>
    author.guarded('call', [
      `li t0, window + ${64 * dice.below(dice.of([4, windowFunctions]))}`,
      dice.of(['jalr ra, 0(t0)', 'c.jalr t0']),
    ]),
  );
  const fence = (): number => (dice.once(4) ? 0 : 128) | (dice.of([0, 0, 1, 1, 2, 3, 4, 5, 6, 7]) << 8);
  const entries = Array.from({ length: 1 + dice.below(windowEntries) }, () => dice.below(windowEntries));
  const bits = dice.once(6) ? dice.of(flips) : 1n << 10n;
  return {
    kind: 'moving code',
    body: [
      `li s7, ${100 + dice.below(500)}`,
      `${again}:`,
      ...calls,
      `andi t0, s7, ${dice.of([15, 63, 63])}`,
      `bnez t0, ${rarely}`,
      ...entries.map((entry) => service(author, 'entry', entry | fence(), bits)),
      `${rarely}:`,
      'addi s7, s7, -1',
      `bgtz s7, ${again}`,
    ],
  };
}

/** Goes on in another mode, at the same place. */
export function mode(author: Author, rows: number): Block {
  const after = author.label();
  return {
    kind: 'mode',
    body: [
      `la s8, ${after}`,
      `li a7, ${services.mode}`,
      `li a6, ${author.dice.below(rows)}`,
      `lui a5, %hi(${after} - origin)`,
      `addi a5, a5, %lo(${after} - origin)`,
      'ecall',
      `${after}:`,
      // The last address was the old mode's.
      `la s8, ${after}`,
    ],
  };
}

/** Goes on at another address of the same code. */
export function elsewhereInMemory(author: Author): Block {
  const { dice } = author;
  const after = author.label();
  const distance = dice.of([large - ram, -(large - ram), 0x10_0000_0000n - (ram + 0x4000n)]);
  return author.guarded('alias', [`la t0, ${after}`, `li t1, ${distance}`, 'add t0, t0, t1', 'jr t0', `${after}:`]);
}

export function anyService(author: Author): Block {
  const { dice } = author;
  const a5 = dice.below(2 ** 31);
  switch (dice.below(9)) {
    case 0:
      return service(author, 'nothing', 0, 0);
    case 1:
      return service(author, 'satp', dice.below(8), dice.below(2));
    case 2:
      return service(author, 'guestTables', dice.below(8), dice.below(2));
    case 3:
      return service(
        author,
        'fence',
        dice.below(8),
        dice.of([ram, 0x10_0000_0000n, 0x30_0000_0000n]) + BigInt(dice.below(64) << 12),
      );
    case 4:
      return service(author, 'timer', dice.below(3), dice.below(300));
    case 5:
      return service(author, dice.of(['status', 'guestStatus'] as const), dice.of([0, 0x444]), a5 & 0xc0002);
    case 6:
      return service(author, 'delegation', a5 & 0xb0ff & (1 << dice.below(16)), a5 & 0xb0ff & (1 << dice.below(16)));
    case 7:
      return service(author, 'interprocessor', dice.below(3), 0);
    default:
      return service(author, 'counters', dice.below(8), dice.once(2) ? 0 : a5);
  }
}

/** Page tables changed by the program itself, through the large page that shows all of memory. */
export function ownRemap(author: Author): Block {
  const { dice } = author;
  // Anywhere in the tables: mostly leaf entries, sometimes none.
  const at = 0x6_0000 + dice.below(0x6_0000 / 8) * 8;
  return author.guarded('own remap', [
    `li t0, ${large + BigInt(at)}`,
    'ld t1, 0(t0)',
    `xori t1, t1, ${dice.of([0x80, 0x40, 4, 2, 8])}`,
    'sd t1, 0(t0)',
    ...(dice.once(2) ? ['sfence.vma'] : []),
    ...straight(dice, 6, 'memory'),
    `li t0, ${large + BigInt(at)}`,
    `xori t1, t1, ${dice.of([0x80, 0x40, 4, 2, 8])}`,
    'sd t1, 0(t0)',
    ...(dice.once(2) ? ['sfence.vma'] : []),
  ]);
}
