// Programs that own the machine: exit codes, firmware of one's own, disks, traces, saving.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Refusal } from '../../tools/refusal.ts';
import { compareTraces, describeDifference } from '../../tools/trace/trace-diff.ts';
import { traceMachine } from '../../tools/trace/trace-writer.ts';
import { BareBench, program, scratch } from './bare-bench.ts';

const finisher = (word: string): string => `
_start:
    li t0, 0x100000
    li t1, ${word}
    sw t1, 0(t0)
1:  j 1b
`;
const htif = (value: string): string => `
_start:
    li t0, ${value}
    la t1, tohost
    sd t0, 0(t1)
1:  j 1b
    .balign 64
    .globl tohost
tohost:
    .dword 0
    .globl fromhost
fromhost:
    .dword 0
`;
const refusal = (act: () => unknown): Refusal => {
  try {
    act();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('it was not refused');
};

describe('a program', () => {
  test.each([
    ['0x5555', { kind: 'pass' }],
    ['0x70000 + 0x3333', { kind: 'fail', code: 7 }],
    ['0x3333', { kind: 'fail', code: 1 }],
    ['0x7777', { kind: 'reset' }],
  ])('that writes %s to the test finisher ends so', (word, outcome) => {
    expect(new BareBench({ elf: program(finisher(word)) }).run().outcome).toEqual(outcome);
  });

  test.each([
    ['1', { kind: 'pass' }],
    ['(42 << 1) | 1', { kind: 'fail', code: 42 }],
  ])('that writes %s to tohost ends so', (word, outcome) => {
    expect(new BareBench({ elf: program(htif(word)) }).run().outcome).toEqual(outcome);
  });

  test('prints a character by HTIF', () => {
    const source = htif('(1 << 56) | (1 << 48) | 0x41').replace('1:  j 1b', '    li t0, 1\n    sd t0, 0(t1)\n1:  j 1b');
    const bench = new BareBench({ elf: program(source) }).run();
    expect(bench.printed).toBe('A');
    expect(bench.outcome).toEqual({ kind: 'pass' });
  });

  test('starts on every hart, in M-mode, with its number and the device tree', () => {
    const source = `
_start:
    la t0, marks
    slli t1, a0, 3
    add t0, t0, t1
    csrr t2, mstatus            # only M-mode may
    sd a1, 0(t0)
    bnez a0, 2f
1:  la t0, marks                # hart 0 waits for the others
    ld t1, 8(t0)
    beqz t1, 1b
    ld t1, 16(t0)
    beqz t1, 1b
    li t0, 0x100000
    li t1, 0x5555
    sw t1, 0(t0)
2:  wfi
    j 2b
    .balign 8
marks:
    .zero 24
`;
    const bench = new BareBench({ elf: program(source) }, { harts: 3 }).run();
    expect(bench.outcome).toEqual({ kind: 'pass' });
  });

  test('that does not fit into RAM, or is no ELF, is refused with what to do', () => {
    expect(refusal(() => new BareBench({ elf: program(finisher('1'), 0x9000_0000) }))).toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('0x90000000 to 0x'),
      hint: expect.stringContaining('give more with --ram'),
    });
    const text = join(scratch(), 'text');
    writeFileSync(text, 'this is no program, whatever its name');
    expect(refusal(() => new BareBench({ elf: text }))).toMatchObject({ kind: 'refused' });
    expect(refusal(() => new BareBench({ elf: join(scratch(), 'missing') }))).toMatchObject({ kind: 'file' });
    expect(refusal(() => new BareBench({ kernel: text }))).toMatchObject({ kind: 'refused' });
    expect(refusal(() => new BareBench({ elf: text }, { disks: [join(scratch(), 'missing')] }))).toMatchObject({
      kind: 'file',
    });
  });
});

/** Firmware in assembly: sends the letter F and starts the next stage in S-mode as the dynamic information says. */
const firmware = `
_start:
    bnez a0, rest
    li t0, 0x10000000
    li t1, 'F'
    sb t1, 0(t0)
    ld t1, 0(a2)                # magic
    li t2, 0x4942534f
    bne t1, t2, rest
    ld t1, 16(a2)               # next stage
    csrw mepc, t1
    li t0, -1
    csrw pmpaddr0, t0
    li t0, 0x1f
    csrw pmpcfg0, t0
    li t0, 0x1800
    csrc mstatus, t0
    li t0, 0x800
    csrs mstatus, t0
    mret
rest:
    wfi
    j rest
`;
const nextStage = `
_start:
    li t0, 0x10000000
    li t1, 'K'
    sb t1, 0(t0)
    li t0, 0x100000
    li t1, 0x5555
    sw t1, 0(t0)
1:  j 1b
`;

describe("firmware of one's own", () => {
  test('starts in M-mode and hands over to the kernel', () => {
    const bench = new BareBench({ bios: program(firmware), kernel: program(nextStage, 0x8020_0000) }).run();
    expect(bench.printed).toBe('FK');
    expect(bench.outcome).toEqual({ kind: 'pass' });
  });

  test('runs alone as well', () => {
    const bench = new BareBench({ bios: program(finisher('0x5555')) }).run();
    expect(bench.outcome).toEqual({ kind: 'pass' });
  });

  test('is needed for a system without a kernel', () => {
    expect(refusal(() => new BareBench({}))).toMatchObject({ kind: 'usage' });
  });
});

/** Writes to sector 1 of a virtio disk, reads it back with a word that was on the disk before, and ends with that word. */
const diskDriver = `
    .equ device, 0x10001000
_start:
    li s0, device
    lw t0, 8(s0)                # a block device
    li t1, 2
    bne t0, t1, wrong
    li t0, 3                    # ACKNOWLEDGE | DRIVER
    sw t0, 0x70(s0)
    li t0, 1
    sw t0, 0x24(s0)
    sw t0, 0x20(s0)             # VIRTIO_F_VERSION_1
    li t0, 11                   # FEATURES_OK
    sw t0, 0x70(s0)
    sw zero, 0x30(s0)
    li t0, 4
    sw t0, 0x38(s0)
    la t0, descriptors
    sw t0, 0x80(s0)
    la t0, available
    sw t0, 0x90(s0)
    la t0, used
    sw t0, 0xa0(s0)
    li t0, 1
    sw t0, 0x44(s0)
    li t0, 15                   # DRIVER_OK
    sw t0, 0x70(s0)
    # Reading sector 0.
    la s1, header
    la s2, descriptors
    sd s1, 0(s2)
    li t0, 16
    sw t0, 8(s2)
    li t0, 1                    # NEXT
    sh t0, 12(s2)
    li t0, 1
    sh t0, 14(s2)
    la t0, data
    sd t0, 16(s2)
    li t0, 512
    sw t0, 24(s2)
    li t0, 3                    # NEXT | WRITE
    sh t0, 28(s2)
    li t0, 2
    sh t0, 30(s2)
    la t0, status
    sd t0, 32(s2)
    li t0, 1
    sw t0, 40(s2)
    li t0, 2                    # WRITE
    sh t0, 44(s2)
    la s3, available
    li t0, 1
    sh t0, 2(s3)
    sw zero, 0x50(s0)
1:  la t0, used
    lhu t0, 2(t0)
    beqz t0, 1b
    la t0, data
    lwu t1, 0(t0)
    slli t1, t1, 16
    li t2, 0x3333
    or t1, t1, t2
    li t0, 0x100000
    sw t1, 0(t0)
wrong:
    j wrong
    .balign 16
header:
    .dword 0
    .dword 0
descriptors:
    .zero 64
available:
    .zero 16
    .balign 4
used:
    .zero 64
status:
    .byte 255
    .balign 8
data:
    .zero 512
`;

test('a disk image behind virtio-blk can be read, and its file is not changed', () => {
  const path = join(scratch(), 'disk.img');
  const contents = new Uint8Array(700);
  contents[0] = 123;
  writeFileSync(path, contents);
  const bench = new BareBench({ elf: program(diskDriver) }, { disks: [path] }).run();
  expect(bench.outcome).toEqual({ kind: 'fail', code: 123 });
});

/** Counts to s0 by timer interrupts on two harts that share a word. */
const busy = `
_start:
    la t0, trapped
    csrw mtvec, t0
    mv s0, a0
    li s1, 0x2004000            # mtimecmp
    slli t0, a0, 3
    add s1, s1, t0
    li s2, 0x200bff8            # mtime
    ld t0, 0(s2)
    addi t0, t0, 100
    sd t0, 0(s1)
    li t0, 0x80
    csrw mie, t0
    csrsi mstatus, 8
    la s3, word
loop:
    amoadd.d t2, s0, (s3)
    addi t3, t3, 1
    j loop
    .balign 4
trapped:
    ld t0, 0(s2)
    addi t0, t0, 700
    sd t0, 0(s1)
    li s4, 0x10000000
    addi t1, s0, 'a'
    sb t1, 0(s4)
    mret
    .balign 8
word:
    .dword 1
`;

describe('a bare machine', () => {
  test('goes on from a saved one to the same hash', () => {
    const elf = program(busy);
    const whole = new BareBench({ elf }, { harts: 2 }).run(0.3);
    const saved = join(scratch(), 'saved');
    const before = new BareBench({ elf }, { harts: 2 }).run(0.1131);
    before.bare.save(saved);
    const after = new BareBench(undefined, { harts: 2 });
    after.bare.load(saved);
    after.run(0.3);
    expect(before.printed + after.printed).toBe(whole.printed);
    expect(whole.printed).toMatch(/^[ab]{5,}$/);
    expect(after.hash()).toBe(whole.hash());
  });

  test('keeps what a program was told of HTIF', () => {
    const elf = program(
      htif('85').replace('li t0, 85', 'li t2, 100000\n0:  addi t2, t2, -1\n    bnez t2, 0b\n    li t0, 85'),
    );
    const saved = join(scratch(), 'saved');
    const before = new BareBench({ elf }).run(0.05);
    expect(before.outcome).toBeUndefined();
    before.bare.save(saved);
    const after = new BareBench(undefined);
    after.bare.load(saved);
    expect(after.run().outcome).toEqual({ kind: 'fail', code: 42 });
  });

  test('refuses what is no saved machine, and one of another shape', () => {
    const folder = scratch();
    const saved = join(folder, 'saved');
    writeFileSync(saved, 'nonsense');
    const machine = new BareBench(undefined, { harts: 2 });
    expect(refusal(() => machine.bare.load(saved))).toMatchObject({ kind: 'refused' });
    expect(refusal(() => machine.bare.load(join(folder, 'missing')))).toMatchObject({ kind: 'file' });
    new BareBench({ elf: program(busy) }).run(0.1).bare.save(saved);
    expect(refusal(() => machine.bare.load(saved))).toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('the machine was saved with 1 hart, this one has 2 harts'),
      hint: expect.stringContaining('--harts'),
    });
    expect(refusal(() => machine.bare.save(join(folder, 'none', 'saved')))).toMatchObject({ kind: 'file' });
  });

  test('is the same under another seed unless the program reads what the seed decides', () => {
    const elf = program(busy);
    const run = (images: ConstructorParameters<typeof BareBench>[0], seed: number): string => {
      const { machine } = new BareBench(images, { seed }).run(0.2);
      machine.hashMemory();
      return machine.hash.value;
    };
    expect(run({ elf }, 1)).toBe(run({ elf }, 2));
    // Firmware's device tree carries a seed for the kernel's random numbers: here its sum shows in a trap.
    const reader = program(`
_start:
    la t0, 1f
    csrw mtvec, t0
    li t1, 1024
    li t4, 31
0:  lw t2, 0(a1)
    mul t3, t3, t4
    add t3, t3, t2
    addi a1, a1, 4
    addi t1, t1, -1
    bnez t1, 0b
    ecall
    .balign 4
1:  wfi
    j 1b
`);
    expect(run({ bios: reader }, 1)).toBe(run({ bios: reader }, 1));
    expect(run({ bios: reader }, 1)).not.toBe(run({ bios: reader }, 2));
  });
});

describe('a trace', () => {
  const counting = (limit: number): string =>
    program(`
_start:
    li t0, 0
    li t1, ${limit}
    la t2, 1f
    csrw mtvec, t2
0:  addi t0, t0, 1
    bne t0, t1, 0b
    ecall
    .balign 4
1:  wfi
    j 1b
`);
  const traced = (elf: string, detail: 'traps' | 'instructions'): string[] => {
    const bench = new BareBench({ elf });
    const lines: string[] = [];
    traceMachine(bench.machine, detail, (line) => lines.push(line));
    bench.run(0.0005);
    return lines;
  };

  test('shows each instruction with what it changed, and each trap', () => {
    const lines = traced(counting(2), 'instructions').map((line) => line.trim().replace(/ +/g, ' '));
    expect(lines[0]).toBe('1 h0 0000000080000000 M li t0, 0');
    expect(lines.slice(0, 10).map((line) => line.split(' ').slice(4).join(' '))).toEqual([
      'li t0, 0',
      'li t1, 2 t1=2',
      'auipc t2, 0x0 t2=80000008',
      expect.stringMatching(/^addi t2, t2, \d+ t2=/),
      'csrw mtvec, t2',
      'addi t0, t0, 1 t0=1',
      expect.stringMatching(/^bne t0, t1, /),
      'addi t0, t0, 1 t0=2',
      expect.stringMatching(/^bne t0, t1, /),
      'ecall',
    ]);
    expect(lines.find((line) => line.includes('!'))).toMatch(/M +! machine ecall$/);
  });

  test('of traps alone is short', () => {
    expect(traced(counting(2), 'traps')).toHaveLength(1);
  });

  test('does not change what happens', () => {
    const elf = program(busy);
    const plain = new BareBench({ elf }, { harts: 2 }).run(0.05);
    const observed = new BareBench({ elf }, { harts: 2 });
    traceMachine(observed.machine, 'instructions', () => {});
    expect(observed.run(0.05).hash()).toBe(plain.hash());
  });

  test('is compared with another: the first difference, with what led to it', async () => {
    const folder = scratch();
    const write = (name: string, lines: string[]): string => {
      const path = join(folder, name);
      writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
      return path;
    };
    const a = write('a', traced(counting(2), 'instructions'));
    const b = write('b', traced(counting(3), 'instructions'));
    expect(await compareTraces(a, a)).toBeUndefined();
    const difference = (await compareTraces(a, b))!;
    expect(difference.line).toBe(2);
    const text = describeDifference(difference).split('\n');
    expect(text[0]).toMatch(/^first difference: line 2, column \d+$/);
    expect(text.find((line) => line.startsWith('  A '))).toContain('li t1, 2');
    expect(text.find((line) => line.startsWith('  B '))).toContain('li t1, 3');
    const [left, caret] = [
      text.findIndex((line) => line.startsWith('  A ')),
      text.findIndex((line) => /^ +\^$/.test(line)),
    ];
    const column = text[caret]!.indexOf('^');
    expect(text[left]!.slice(4, column)).toBe(text[left + 1]!.slice(4, column));
    expect(text[left]![column]).not.toBe(text[left + 1]![column]);
    const short = write('short', traced(counting(2), 'instructions').slice(0, 3));
    expect(describeDifference((await compareTraces(short, a))!)).toContain('A (the trace has ended)');
    await expect(compareTraces(a, join(folder, 'missing'))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(compareTraces(join(folder, 'missing'), a)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
