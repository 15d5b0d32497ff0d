// Linux as a benchmark: Debian's kernel to its prompt, on the bare machine and in a VM cell, and static programs under it.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DebianFiles, findDebianFiles } from '../debian/files.ts';
import { profileScript, prompt } from '../debian/init-script.ts';
import { accept, readImageFile } from '../host/image-file.ts';
import { writeCpio } from '../image/cpio.ts';
import { readElf } from '../image/elf.ts';
import { Refusal } from '../refusal.ts';

/** The boots among the programs of `bench cpu`. */
export const linuxBoots = [
  { name: 'linux', where: 'machine', describe: 'Debian’s kernel to its prompt on the bare machine' },
  { name: 'linux-cell', where: 'cell', describe: 'the same in a VM cell' },
] as const;

/** On the bare machine, or in a VM cell of `microvisor run`. */
export type Where = (typeof linuxBoots)[number]['where'];

/** A Linux with one hart and 256 MiB, and what of its run is measured. */
export interface LinuxTask {
  readonly kind: 'linux';
  readonly kernel: string;
  readonly initrd: string;
  /** M-mode firmware for QEMU; our machines bring their own. */
  readonly firmware: string;
  /** The manifest of the cell; undefined: on the bare machine. */
  readonly manifest: string | undefined;
  /** What the console shows when the measured part begins; undefined: with the process. */
  readonly from: RegExp | undefined;
  /** And when it ends. A first group in it is the program's exit status. */
  readonly to: RegExp;
}

export const linuxRam = '256M';

const marks = { begin: 'bench: the program begins', end: 'bench: the program ended with' };

/** Throws a Refusal if Debian's files have not been fetched. */
export function requireDebian(): DebianFiles {
  const found = findDebianFiles();
  if (found.found) return found.files;
  throw new Refusal('unavailable', found.reason);
}

/** Debian's kernel from the start of the emulator's process to the prompt of the shell. */
export function bootTask(debian: DebianFiles, where: Where, folder: string): LinuxTask {
  return task(debian, debian.initrd, where, folder, { from: undefined, to: new RegExp(prompt) });
}

/**
 * A static Linux program in a VM cell, from its start to its end. Throws a Refusal for a file that is none.
 * `name` tells it from others in `folder`.
 */
export function programTask(debian: DebianFiles, program: string, name: string, folder: string): LinuxTask {
  const bytes = readImageFile(program);
  const { interpreter } = accept(program, readElf(bytes));
  if (interpreter !== undefined)
    throw new Refusal('refused', `${program}: it needs the dynamic linker ${interpreter}`, 'link it with -static');
  const initrd = join(folder, `${name}.cpio`);
  writeFileSync(initrd, programInitrd(readFileSync(debian.initrd), bytes));
  const to = new RegExp(`${marks.end} (\\d+)\\s`);
  return task(debian, initrd, 'cell', folder, { from: new RegExp(marks.begin), to }, name);
}

function task(
  { kernel, firmware }: DebianFiles,
  initrd: string,
  where: Where,
  folder: string,
  measured: Pick<LinuxTask, 'from' | 'to'>,
  name = 'linux',
): LinuxTask {
  let manifest: string | undefined;
  if (where === 'cell') {
    manifest = join(folder, `${name}.yaml`);
    writeFileSync(manifest, cellManifest(kernel, initrd));
  }
  return { kind: 'linux', kernel, initrd, firmware: firmware.dynamic, manifest, ...measured };
}

/**
 * An archive behind the first: Linux unpacks both, so that its profile, which the login shell reads, replaces the other's.
 * It runs the program between the two marks.
 */
export function programInitrd(initrd: Uint8Array, program: Uint8Array): Uint8Array {
  const script = `${profileScript}
echo '${marks.begin}'
/root/program >/root/output 2>&1
status=$?
[ $status = 0 ] || tail -n 5 /root/output
echo "${marks.end} $status"
`;
  const archive = writeCpio([
    { kind: 'file', path: 'etc/profile', mode: 0o644, bytes: new TextEncoder().encode(script) },
    { kind: 'file', path: 'root/program', mode: 0o755, bytes: program },
  ]);
  const both = new Uint8Array(initrd.length + archive.length);
  both.set(initrd);
  both.set(archive, initrd.length);
  return both;
}

/** A system of one VM cell and the servers behind its console, all on one hart. YAML contains JSON. */
export function cellManifest(kernel: string, initrd: string): string {
  return JSON.stringify({
    schema: 1,
    system: { name: 'bench', seed: 0 },
    machine: { harts: 1, ram: '512M' },
    images: { kernel: { path: kernel }, initrd: { path: initrd } },
    devices: { serial: { model: 'uart' } },
    cells: {
      linux: {
        kind: 'vm',
        kernel: 'kernel',
        initrd: 'initrd',
        bootargs: 'console=hvc0 earlycon=sbi',
        memory: linuxRam,
        priority: 60,
        vcpus: [{ hart: 0 }],
        devices: [{ virtio: 'console', channel: 'tty' }],
      },
      console: { kind: 'native', program: 'servers/console', priority: 100, hart: 0 },
      uart: {
        kind: 'native',
        program: 'servers/uart',
        priority: 120,
        hart: 0,
        owns: ['serial'],
        config: { device: 'serial' },
      },
    },
    channels: [
      { name: 'tty', type: 'stream', ends: ['linux', 'console'], buffer: '64K' },
      { name: 'terminal', type: 'stream', ends: ['console', 'uart'], buffer: '64K' },
    ],
  });
}
