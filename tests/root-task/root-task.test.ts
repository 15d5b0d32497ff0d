// Root tasks on the kernel: ours, which seL4 itself runs with the same output, and small ones that look at one thing each.

import { describe, expect, test } from 'vitest';
import { Machine } from '../../hw/machine/machine.ts';
import { userTop } from '../../microvisor/abi/limits.ts';
import { readElf } from '../../tools/image/elf.ts';
import { writeElf } from '../../tools/image/elf-writer.ts';
import { placeRootTask } from '../../tools/root-task/place.ts';
import { profiles } from '../../tools/root-task/profile.ts';
import { bootFile, bootSource, mebibytes } from './booted.ts';

const example = 'examples/root-task.s';

/** What seL4 16.0.0 under QEMU prints, built with one core or with four, 3 GiB of RAM. */
const onSel4 = (
  harts: readonly string[],
): string => `${harts.length} hart(s); the root CNode has 2^13 slots, and the IPC buffer is at 0x14000
there is more beside BootInfo: the device tree
3069 MiB of RAM; taking the piece of 2^20 at 0x80300000
23 pieces are devices
the test finisher is mapped
${harts.join('\n')}
a thread has used up its time, and gets more
it has come to its end
a thread has read at 0x10102000; now it finds 42
a thread in a space of its own has found 1000, and has left 1001
all is well
`;
const workers = [
  'hart 0: its worker calls, and is told 15; it signals 1',
  'hart 1: its worker calls, and is told 21; it signals 2',
  'hart 2: its worker calls, and is told 27; it signals 4',
  'hart 3: its worker calls, and is told 33; it signals 8',
];

describe('the example', () => {
  test.each([
    ['domains', 1],
    ['smp', 4],
    ['cells', 2],
  ] as const)('prints on profile %s, with %i harts, what it prints on seL4', (profile, harts) => {
    const { output, outcome, log } = bootFile(example, profile, { ramSize: 3072 * mebibytes });
    expect(output).toBe(onSel4(workers.slice(0, harts)));
    expect(outcome).toEqual({ kind: 'pass' });
    expect(log).toEqual([]);
  });

  test.each(profiles)('executes the same twice on profile %s, and with invariants checked', (profile) => {
    const first = bootFile(example, profile);
    expect(first.outcome).toEqual({ kind: 'pass' });
    const hash = first.hash();
    expect(bootFile(example, profile).hash()).toBe(hash);
    expect(bootFile(example, profile, { invariants: true }).hash()).toBe(hash);
  });

  test('runs on eight harts', () => {
    expect(bootFile(example, 'smp', { harts: 8 }).output).toContain('hart 7: its worker calls, and is told 57;');
  });
});

describe('BootInfo', () => {
  const boardTree = (length: number): Uint8Array => {
    const tree = new Uint8Array(length);
    tree.set([0xd0, 0x0d, 0xfe, 0xed]);
    return tree;
  };
  // Of seL4's own build for QEMU's board with 3 GiB, with a tree as long as its own. That its last pieces below 0x8022a000 are
  // what its image leaves over is the one difference: our kernel leaves nothing.
  const oneCore = '1155 0 1 0 11000 50 2000 0 0 15 16 10 12 0 0 12 14 d 0 14 15 16 ';
  const fourCores = '15a5 0 4 0 11000 53 2000 0 0 18 19 10 12 0 0 12 14 d 0 14 18 19 ';
  const untypeds = `0 19 1
2200000 15 1
2400000 16 1
2800000 17 1
3000000 18 1
4000000 1a 1
8000000 1a 1
c600000 15 1
c800000 17 1
d000000 18 1
e000000 19 1
10000000 1c 1
20000000 1d 1
40000000 1e 1
80000000 15 1
140000000 1e 1
180000000 1f 1
200000000 21 1
400000000 22 1
800000000 23 1
1000000000 24 1
2000000000 25 1
4000000000 26 1
8022b000 c 0
8022c000 e 0
80230000 10 0
80240000 12 0
80280000 13 0
80300000 14 0
80400000 16 0
80800000 17 0
81000000 18 0
82000000 19 0
84000000 1a 0
88000000 1b 0
90000000 1c 0
a0000000 1d 0
c0000000 1e 0
100000000 1d 0
120000000 1c 0
130000000 1b 0
138000000 1a 0
13c000000 19 0
13e000000 18 0
13f000000 17 0
13f800000 16 0
13fc00000 15 0
13fe00000 14 0
13ff00000 13 0
13ffc8880 7 0
13ffc8900 8 0
13ffc8a00 9 0
13ffc8c00 a 0
13ffc9000 c 0
13ffca000 d 0
13ffcc000 e 0
13ffd0000 10 0
13ffe0000 11 0`;

  test.each([
    ['domains', oneCore, 4421],
    ['smp', fourCores, 5525],
  ] as const)('on profile %s lists the regions that seL4 lists, in its order', (profile, words, treeLength) => {
    const options = { ramSize: 3072 * mebibytes, deviceTree: boardTree(treeLength) };
    const { output } = bootFile('tests/root-task/boot-info.s', profile, options);
    const lines = output
      .trimEnd()
      .split('\n')
      .map((line) => line.trimEnd());
    expect(lines[0]).toBe(words.trimEnd());
    expect(lines.slice(1, -1).join('\n')).toBe(untypeds);
    expect(lines.at(-1)).toBe(`6 ${(treeLength + 16).toString(16)} edfe0dd0`);
  });

  test('carries a tree of our own board unless one is given', () => {
    const { output } = bootFile('tests/root-task/boot-info.s', 'domains');
    expect(output.trimEnd().split('\n').at(-1)).toMatch(/^6 [0-9a-f]+ edfe0dd0$/);
  });

  test('says how large the root CNode is', () => {
    const { output } = bootFile('tests/root-task/boot-info.s', 'domains', { rootCNodeSizeBits: 15 });
    expect(output.split(' ').slice(6, 18)).toEqual(['8000', '0', '0', ...output.split(' ').slice(9, 17), 'f']);
  });
});

describe('the board', () => {
  test('interrupts a task that waits for the UART', () => {
    const { output, halted, system } = bootFile('tests/root-task/uart-echo.s', 'domains', {
      input: 'more than sixteen bytes, the depth of its FIFO: q',
    });
    expect(output).toBe('more than sixteen bytes, the depth of its FIFO: q');
    expect(halted).toBe('Debug halt syscall from user thread "rootserver"');
    expect(system.listening).toBe(true);
  });

  test('knows a task that does not listen', () => {
    expect(bootSource('_start: j _start\n', 'domains').system.listening).toBe(false);
  });
});

describe('a domain', () => {
  const source = 'tests/root-task/domain-windows.s';

  test('begins at its tick on profile cells, whatever the kernel did before', () => {
    expect(bootFile(source, 'cells', { invariants: true }).output).toBe('00000');
  });

  test('begins on profile domains when its predecessor lets it, as on seL4', () => {
    expect(bootFile(source, 'domains', { invariants: true }).output).toBe('+++++');
  });
});

describe('the length of a domain schedule', () => {
  /** Prints the error of DomainScheduleSetStart for an entry, a digit, and the bounds that come with a range error. */
  const starting = (entry: number): string => `
    _start:
      ld s0, 32(a0)
      li a0, 11
      li a1, (32 << 12) | 1
      li a2, ${entry}
      li a7, -1
      ecall
      srli s1, a1, 12
      mv s2, a2
      mv s3, a3
      li a7, -12
      addi a0, s1, '0'
      ecall
      addi a0, s2, '0'
      ecall
      addi a0, s3, '0'
      ecall
      li a7, -14
      ecall
  `;
  const setStart = (entry: number, domainScheduleLength: number): string =>
    bootSource(starting(entry), 'domains', { domainScheduleLength }).output.slice(0, 3);

  test('bounds where it may start: a range error tells the last entry', () => {
    expect(setStart(2, 2)).toBe('401');
    expect(setStart(5, 5)).toBe('404');
    // Within it an entry without a duration ends the schedule: an invalid argument.
    expect(setStart(4, 5)[0]).toBe('1');
  });

  test("is the profile's unless one is given", () => {
    expect(bootSource(starting(99), 'domains').output[0]).toBe('1');
    expect(bootSource(starting(100), 'domains').output[0]).toBe('4');
    expect(bootSource(starting(2), 'smp').output.slice(0, 3)).toBe('401');
  });
});

describe('a fault of the root task', () => {
  test('is noted, and told by the kernel as seL4 tells it', () => {
    const { system, log } = bootSource('_start: ld a0, 0(zero)\n', 'domains');
    expect(system.rootFaulted).toBe(true);
    expect(log).toEqual([expect.stringContaining('fault without handler in "rootserver" at 0x10000: ')]);
  });

  test('of another thread is none of it', () => {
    // The example's threads fault, and their faults are handled.
    expect(bootFile(example, 'domains').system.rootFaulted).toBe(false);
  });
});

describe('an image', () => {
  const place = (address: bigint, memorySize: number, ramSize = 16 * mebibytes): string | undefined => {
    const elf = readElf(
      writeElf({ segments: [{ address, bytes: new Uint8Array(4), memorySize, access: 'rwx' }], entry: address }),
    );
    if (!elf.ok) throw new Error(elf.error.message);
    const placed = placeRootTask(new Machine({ harts: 1, ramSize, supervisorMode: 'HS' }), elf.value);
    return placed.ok ? undefined : placed.error.message;
  };

  test('that spans more than there is of RAM is refused', () => {
    expect(place(0x1_0000n, 13 * mebibytes)).toBeUndefined();
    expect(place(0x1_0000n, 14 * mebibytes)).toMatch(/^it spans 14680064 bytes, and RAM has room for \d+$/);
  });

  test('beyond user addresses is refused', () => {
    expect(place(BigInt(userTop) - 4n, 4)).toBeUndefined();
    expect(place(BigInt(userTop) - 4n, 8)).toContain('user addresses end at 0x3ffffff000');
  });
});
