// `microvisor boot`: what it refuses, and how it ends.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { exitCodes } from '../../tools/cli/exit-codes.ts';
import { assembleProgram } from '../../tools/image/program-file.ts';
import { run } from './run-command.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'microvisor-boot-'));
  vi.stubEnv('NO_COLOR', '1');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  vi.unstubAllEnvs();
});

const file = (name: string, contents: string | Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, contents);
  return path;
};
const boot = (task: string, ...args: string[]): ReturnType<typeof run> => run('boot', task, '--ram', '16M', ...args);

/** Prints a text, then does what `rest` says. */
const printing = (text: string, rest: string): string => `
_start:
    la s0, text
    li a7, -12
1:  lbu a0, 0(s0)
    beqz a0, 2f
    ecall
    addi s0, s0, 1
    j 1b
2:  ${rest}
text: .asciz "${text}"
`;
const spinning = '3: j 3b';
const halting = 'li a7, -14\necall';
const suspending = 'li a0, 1\nli a1, 12 << 12\nli a7, -1\necall';
/** An ELF with some of its fields overwritten: bytes by offset. */
const patched = (fields: Record<number, number>): Uint8Array => {
  const elf = assembleProgram('_start: j _start\n', 'x.s');
  if (!elf.ok) throw new Error(elf.error.message);
  for (const [at, value] of Object.entries(fields)) elf.value[Number(at)] = value;
  return elf.value;
};

describe('boot refuses', () => {
  test.each([
    ['no ELF', new Uint8Array(100), 'this is not an ELF file'],
    ['an ELF of another machine', patched({ 18: 62 }), 'RISC-V'],
    ['a position-independent one', patched({ 16: 3 }), 'it is position-independent'],
    ['one larger than RAM', printing('', `${spinning}\n.space 15 << 20`), 'RAM has room for'],
    ['source that does not assemble', '_start: mov a0, a1\n', 'there is no instruction mov'],
  ])('%s', async (name, contents, message) => {
    const path = file(`${name.replaceAll(' ', '-')}${typeof contents === 'string' ? '.s' : '.elf'}`, contents);
    const { code, out, err } = await boot(path);
    expect(err.replace(/\s+/g, ' ')).toContain(message);
    expect({ code, out }).toEqual({ code: exitCodes.refused.code, out: '' });
  });

  test('a task and a tree that are not there', async () => {
    const none = join(folder, 'none');
    expect((await boot(none)).code).toBe(exitCodes.file.code);
    const task = file('spin.s', '_start: j _start\n');
    expect((await boot(task, '--dtb', none)).code).toBe(exitCodes.file.code);
  });

  test('a device tree that is none', async () => {
    const task = file('spin.s', '_start: j _start\n');
    const { code, err } = await boot(task, '--dtb', file('tree.dtb', '/dts-v1/;'));
    expect(code).toBe(exitCodes.refused.code);
    expect(err).toContain('it is not a flattened device tree');
  });

  test.each([
    [['--profile', 'domains', '--harts', '2'], '--profile domains has one hart'],
    [['--profile', 'smp', '--domains', '2'], '--profile smp has one domain'],
    [['--profile', 'other'], 'profile'],
    [['--harts', '9'], "'9' is not a whole number from 1 to 8"],
    [['--domains', '0'], "'0' is not a whole number from 1 to 256"],
    [['--domain-schedules', '1'], "'1' is not a whole number from 2 to 256"],
    [['--cnode-bits', '30'], "'30' is not a whole number from 8 to 20"],
    [['--clock', '3Hz'], '--clock'],
    [['--translator', 'on'], "--translator: 'on' is neither off nor a whole number from 1 to 65535"],
    [['--for', 'soon'], '--for'],
    [['--expect', 'done'], 'it is not CELL:/regex/'],
    [['--expect', 'linux:/done/'], 'there is no cell linux'],
  ])('%j', async (args, message) => {
    const { code, err } = await boot(file('spin.s', '_start: j _start\n'), ...args);
    expect(err.replace(/\s+/g, ' ')).toContain(message);
    expect(code).toBe(exitCodes.usage.code);
  });

  test.each(['4M', '4G', '1000000', 'much'])('--ram %s', async (ram) => {
    const { code, err } = await run('boot', file('spin.s', '_start: j _start\n'), '--ram', ram);
    expect(err).toContain('--ram');
    expect(code).toBe(exitCodes.usage.code);
  });
});

describe('boot ends', () => {
  test('well when the task rests, and says so', async () => {
    const { code, out, err } = await boot(file('rest.s', printing('hello', suspending)));
    expect({ code, out }).toEqual({ code: 0, out: 'hello' });
    expect(err).toMatch(/^\nmicrovisor: every thread waits, and nothing can wake one; .*trace hash [0-9a-f]+\n$/);
  });

  test('silently when asked to', async () => {
    expect(await boot(file('rest.s', printing('hello', suspending)), '-q')).toEqual({ code: 0, out: 'hello', err: '' });
  });

  test('well when the task halts the kernel', async () => {
    const { code, err } = await boot(file('halt.s', printing('hello', halting)));
    expect(code).toBe(0);
    expect(err).toContain('microvisor: halted: Debug halt syscall from user thread "rootserver";');
  });

  test('with 1 when the root task faults', async () => {
    const { code, out, err } = await boot(file('fault.s', printing('hello', 'ld a0, 0(zero)')));
    expect({ code, out }).toEqual({ code: exitCodes.failed.code, out: 'hello' });
    expect(err).toContain('the root task faulted, and nobody handles its faults');
  });

  test.each([
    ['an instruction of the firmware', 'csrr t0, mhartid'],
    ['an access to what is not mapped', 'ld a0, 0(zero)'],
    ["another system's call", 'li a7, 64\necall'],
  ])('with 1, and tells what a root task is, when a program for something else tries %s', async (_name, first) => {
    const { code, err } = await boot(file('first.s', `_start: ${first}\n`));
    expect(code).toBe(exitCodes.failed.code);
    expect(err.replace(/\s+/g, ' ')).toContain('hint: a root task is an ELF for seL4, linked at user addresses');
  });

  test('well as soon as all is seen that was expected, though the task goes on', async () => {
    const task = file('on.s', printing('first second', spinning));
    const { code, err } = await boot(task, '--expect', 'console:/second/', '--expect', 'console:/^first/');
    expect(code).toBe(0);
    expect(err).toContain('what was expected has been seen');
  });

  test('with 6 when the time is up before, with 1 when the task ends before', async () => {
    const expecting = ['--expect', 'console:/third/'];
    const late = await boot(file('on.s', printing('first', spinning)), ...expecting, '--for', '1ms');
    expect(late.code).toBe(exitCodes.timeout.code);
    expect(late.err).toContain('not seen: console:/third/');
    for (const end of [halting, suspending]) {
      expect((await boot(file('end.s', printing('first', end)), ...expecting)).code).toBe(exitCodes.failed.code);
    }
  });

  test('well when the time is up and nothing was expected', async () => {
    const { code, err } = await boot(file('on.s', printing('first', spinning)), '--for', '2ms');
    expect(code).toBe(0);
    expect(err).toMatch(/the time is up; 0\.002\d* s of virtual time/);
  });

  test.each([
    ['0x5555', 0],
    ['0x2a3333', 42],
    ['0xffff3333', 255],
  ])('with the code that the task writes to the test finisher: %s', async (value, code) => {
    // The finisher is 1 MiB into the first device untyped: an untyped of that size takes what is before it.
    const task = `
      .macro retype type, bits, at
        ld a0, 168(s0)
        addi t0, s2, \\at
        sd t0, 40(s1)
        li t0, 1
        sd t0, 48(s1)
        li t0, 2
        sd t0, 976(s1)
        li a2, \\type
        li a3, \\bits
        li a4, 0
        li a5, 0
        li a1, (1 << 12) | (1 << 7) | 6
        li a7, -1
        ecall
      .endm
      _start:
        mv s0, a0
        ld s1, 32(s0)
        ld s2, 40(s0)
        retype 0, 20, 0
        retype 8, 0, 1
        addi a0, s2, 1
        li t0, 3
        sd t0, 976(s1)
        li a2, 0x1f0000
        li a3, 3
        li a4, 0
        li a1, (41 << 12) | (1 << 7) | 3
        ecall
        li t0, 0x1f0000
        li t1, ${value}
        sw t1, 0(t0)
      1: j 1b
    `;
    expect((await boot(file('finish.s', task), '-q')).code).toBe(code);
  });

  test('with the same trace hash, whether invariants are checked or not', async () => {
    const hashOf = async (...args: string[]): Promise<string> =>
      /trace hash (\S+)/.exec((await boot('examples/root-task.s', '--profile', 'smp', ...args)).err)![1]!;
    const hash = await hashOf();
    expect(await hashOf()).toBe(hash);
    expect(await hashOf('--invariants')).toBe(hash);
  });
});
