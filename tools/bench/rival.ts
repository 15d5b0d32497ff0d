// The emulator to compare with: QEMU's system emulation of the same board.

import { spawnSync } from 'node:child_process';
import { Refusal } from '../refusal.ts';
import { type LinuxTask, linuxRam } from './linux.ts';

const qemu = 'qemu-system-riscv64';

/** The version of QEMU; a Refusal when it is not installed. */
export function qemuVersion(): string {
  const { stdout, error } = spawnSync(qemu, ['--version'], { encoding: 'utf8' });
  if (error !== undefined || !stdout) {
    throw new Refusal(
      'unavailable',
      `${qemu} is not on this host`,
      'install it (the package is qemu-system-misc or qemu-system-riscv on most systems), or leave out --vs',
    );
  }
  return /version (\S+)/.exec(stdout)?.[1] ?? 'unknown';
}

/** The command line on which QEMU runs a program as our bare machine does. */
export const qemuCommand = (elf: string): readonly [string, ...string[]] => [
  qemu,
  ...['-M', 'virt', '-bios', 'none', '-nographic', '-kernel', elf],
];

/** The command line on which QEMU boots what our machines do: OpenSBI instead of the built-in firmware. */
export const qemuLinuxCommand = ({ kernel, initrd, firmware }: LinuxTask): readonly [string, ...string[]] => [
  qemu,
  ...['-M', 'virt', '-m', linuxRam, '-nographic', '-bios', firmware],
  ...['-kernel', kernel, '-initrd', initrd, '-append', 'console=ttyS0'],
];
