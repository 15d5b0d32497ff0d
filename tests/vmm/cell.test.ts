import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { assemble } from '../../hw/isa/assemble.ts';
import { loadPrograms } from '../../tools/boot/programs.ts';
import { System } from '../../tools/boot/system.ts';
import { writeElf } from '../../tools/image/elf-writer.ts';
import { checkManifest } from '../../tools/manifest/load.ts';
import { buildPlan } from '../../tools/plan/build.ts';

// The SDK expects its realm; only its constants are used here.
vi.hoisted(() => Object.assign(globalThis, { $machine: undefined }));

const ramBase = 0x8000_0000;

/** Prints what it finds, on two vCPUs. */
const kernel = `
    .equ dbcn, 0x4442434e
    .equ hsm, 0x48534d
    .equ ipi, 0x735049
    .equ srst, 0x53525354
    .text
_start:
    mv s0, a1
    la t0, trapped
    csrw stvec, t0
    la a1, hello
    call print
    # The device tree begins with its magic number.
    lw t0, 0(s0)
    li t1, 0xffffffffedfe0dd0
    la a1, tree
    beq t0, t1, 1f
    la a1, wrong
1:  call print
    # A register of the virtio console.
    li t0, 0x10001000
    lwu t0, 0(t0)
    li t1, 0x74726976
    la a1, device
    beq t0, t1, 1f
    la a1, wrong
1:  call print
    # An address where nothing is: the fault is the guest's.
    li t0, 0x40000000
    lw t0, 0(t0)
    # A CSR of the hypervisor extension: illegal.
    csrr t0, hstatus
    # vCPU 1 begins, and answers with an interrupt.
    li a7, hsm
    li a6, 0
    li a0, 1
    la a1, second
    li a2, 77
    ecall
    csrsi sie, 2
1:  wfi
    csrr t0, sip
    andi t0, t0, 2
    beqz t0, 1b
    csrci sip, 2
    la a1, woken
    call print
    # The timer wakes it too.
    csrci sie, 2
    li t0, 32
    csrw sie, t0
    rdtime t0
    addi t0, t0, 1000
    csrw stimecmp, t0
1:  wfi
    rdtime t1
    bltu t1, t0, 1b
    la a1, late
    call print
    li a7, srst
    li a6, 0
    li a0, 0
    li a1, 0
    ecall

second:
    li t0, 77
    la a1, wrong
    bne a1, t0, 1f
1:  la a1, other
    call print
    li a7, ipi
    li a6, 0
    li a0, 1
    li a1, 0
    ecall
    li a7, hsm
    li a6, 1
    ecall

# a1: a text with its length before it.
print:
    lwu a0, 0(a1)
    addi a1, a1, 4
    li a2, 0
    li a6, 0
    li a7, dbcn
    ecall
    ret

# Prints the cause, and goes on behind the instruction.
    .align 2
trapped:
    mv s1, ra
    csrr t0, scause
    addi t0, t0, 0x30
    la a1, cause
    sb t0, 10(a1)
    call print
    csrr t0, sepc
    addi t0, t0, 4
    csrw sepc, t0
    mv ra, s1
    sret

    .data
    .align 3
${Object.entries({
  hello: 'boot\\n',
  tree: 'tree\\n',
  device: 'device\\n',
  wrong: 'wrong\\n',
  other: 'second\\n',
  woken: 'woken\\n',
  late: 'late\\n',
  cause: 'cause ?\\n',
})
  .map(([name, text]) => `    .align 3\n${name}:\n    .word ${text.length - 1}\n    .ascii "${text}"`)
  .join('\n')}
`;

const manifest = `schema: 1
system: { name: monitor-test, seed: 3 }
machine: { harts: 2, ram: 64M }
cells:
  guest: { kind: vm, kernel: kernel.elf, memory: 8M, priority: 60, vcpus: [{ hart: 0 }, { hart: 1 }], devices: [{ virtio: rng }] }
`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'monitor-'));
  const { bytes, symbols } = assemble(kernel, { origin: ramBase });
  const elf = writeElf({
    entry: symbols.get('_start')!,
    segments: [{ address: BigInt(ramBase), bytes }],
  });
  writeFileSync(join(folder, 'kernel.elf'), elf);
  writeFileSync(join(folder, 'system.yaml'), manifest);
});
afterAll(() => rmSync(folder, { recursive: true }));

function run() {
  const loaded = checkManifest(manifest, join(folder, 'system.yaml'));
  if (!loaded.ok) throw new Error(loaded.diagnostics.map((each) => each.message).join('; '));
  const output: string[] = [];
  const faults: string[] = [];
  const endings: string[] = [];
  const plan = buildPlan(loaded.manifest);
  const system = new System(loaded.manifest, plan, loadPrograms(plan), {
    output() {},
    debug: (_cell, bytes) => void output.push(Buffer.from(bytes).toString()),
    log: (line) => void faults.push(line),
    realmFault: (fault) => void faults.push(fault.message),
    unhandledFault: (cell, thread, what) => void faults.push(`${cell} ${thread}: ${what}`),
    realmRestarted() {},
    machineEnded: (cell, how, failure) => void endings.push(`${cell}: ${how}${failure ? ', failed' : ''}`),
    booted() {},
  });
  system.start();
  const reason = system.run(1e9);
  return { text: output.join(''), faults, endings, reason, system };
}

describe('a monitor in its cell', () => {
  it('boots a guest on two vCPUs: devices, faults, harts, interrupts, timer, shutdown', () => {
    const { text, faults, endings, reason } = run();
    expect(text.split('\n').slice(0, -1)).toEqual([
      'boot',
      'tree',
      'device',
      'cause 5',
      'cause 2',
      'second',
      'woken',
      'late',
    ]);
    expect(faults).toEqual([]);
    expect(endings).toEqual(['guest: shut down']);
    expect(reason).toBe('idle');
  });

  it('runs the same each time', () => {
    const [first, second] = [run(), run()];
    expect(second.system.machine.now).toBe(first.system.machine.now);
    expect(second.system.machine.hash.save()).toEqual(first.system.machine.hash.save());
  });
});
