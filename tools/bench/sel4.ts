// The kernels that a root task can run on as a process of its own: ours, and a seL4 on QEMU.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { accept, readImageFile } from '../host/image-file.ts';
import { readElf } from '../image/elf.ts';
import { ownPackage } from '../manifest/package-root.ts';
import { Refusal } from '../refusal.ts';
import { type ProcessTime, type TimedRun, timeProcess } from './process-time.ts';
import { firstSegment, sel4Loader, suitableKernel } from './sel4-loader.ts';

/** Runs a root task to its end. Throws a Refusal if it fails. */
export type TaskRunner = (elf: string) => Promise<ProcessTime>;

/** What the task writes before it ends the machine. A kernel that gives up may end it as well, without a word of the task. */
const result = /[0-9a-f]{16}\s*$/;

/** Far more than the longest run needs, on a host that is busy with other things. */
const limitMs = 120_000;

type Ended = Pick<TimedRun, 'ending' | 'status' | 'output'>;

/** Why a run of a root task on `kernel` is no measurement; undefined: it is one. */
export function complaintOf(kernel: string, { ending, status, output }: Ended, remedy?: string): Refusal | undefined {
  const failed = (how: string): Refusal => new Refusal('failed', `the root task ${how} on ${kernel}`, remedy);
  if (ending === 'missing')
    return new Refusal('unavailable', 'the program that runs the root task is not on this host');
  if (ending === 'interrupted') return new Refusal('interrupted', 'interrupted');
  if (ending === 'limit') return failed(`did not end within ${limitMs / 1000} s`);
  if (status !== 0) return failed(`failed (${status})`);
  return result.test(output) ? undefined : failed('did not run to its end');
}

async function timed(kernel: string, command: string, args: readonly string[], remedy?: string): Promise<ProcessTime> {
  const run = await timeProcess(command, args, { limitMs });
  const complaint = complaintOf(kernel, run, remedy);
  if (complaint) throw complaint;
  return run.time;
}

export const runOnMicrovisor: TaskRunner = (elf) => {
  const main = join(ownPackage().folder, 'dist/tools/cli/main.js');
  return timed('microvisor', process.execPath, [main, 'boot', elf, '--domains', '1', '--ram', '64M', '--quiet']);
};

/** RAM that seL4 is built for on this board, unless its build says otherwise; more does no harm. */
const sel4Ram = '3G';

/** `kernel` is the path of seL4's kernel.elf. Throws a Refusal for another file. */
export function runOnSel4(kernel: string): TaskRunner {
  const image = accept(kernel, readElf(readImageFile(kernel)));
  firstSegment(image);
  return (elf) => {
    const loader = `${elf}.loader`;
    writeFileSync(loader, sel4Loader(image, accept(elf, readElf(readImageFile(elf)))));
    const board = ['-M', 'virt', '-cpu', 'rv64', '-m', sel4Ram, '-nographic'];
    const images = ['-bios', 'default', '-kernel', loader, '-device', `loader,file=${kernel}`];
    return timed(kernel, 'qemu-system-riscv64', [...board, ...images], suitableKernel);
  };
}
