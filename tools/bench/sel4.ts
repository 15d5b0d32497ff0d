// The kernels that a root task can run on as a process of its own: ours, and a seL4 on QEMU.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { accept, readImageFile } from '../host/image-file.ts';
import { readElf } from '../image/elf.ts';
import { ownPackage } from '../manifest/package-root.ts';
import { Refusal } from '../refusal.ts';
import { type ProcessTime, timeProcess } from './process-time.ts';
import { sel4Loader } from './sel4-loader.ts';

/** Runs a root task to its end. Throws a Refusal if it fails. */
export type TaskRunner = (elf: string) => ProcessTime;

function timed(what: string, command: string, args: readonly string[]): ProcessTime {
  const { result, time } = timeProcess(command, args);
  if (result.error) throw new Refusal('unavailable', `${command} is not on this host`);
  if (result.status !== 0) throw new Refusal('failed', `the root task failed on ${what} (${result.status})`);
  return time;
}

export const runOnMicrovisor: TaskRunner = (elf) => {
  const main = join(ownPackage().folder, 'dist/tools/cli/main.js');
  return timed('microvisor', process.execPath, [main, 'boot', elf, '--domains', '1', '--ram', '64M', '--quiet']);
};

/** RAM that seL4 is built for on this board, unless its build says otherwise; more does no harm. */
const sel4Ram = '3G';

/** `kernel` is the path of seL4's kernel.elf. */
export function runOnSel4(kernel: string): TaskRunner {
  const image = accept(kernel, readElf(readImageFile(kernel)));
  return (elf) => {
    const loader = `${elf}.loader`;
    writeFileSync(loader, sel4Loader(image, accept(elf, readElf(readImageFile(elf)))));
    const board = ['-M', 'virt', '-cpu', 'rv64', '-m', sel4Ram, '-nographic'];
    const images = ['-bios', 'default', '-kernel', loader, '-device', `loader,file=${kernel}`];
    return timed('seL4', 'qemu-system-riscv64', [...board, ...images]);
  };
}
