// Where `npm run fetch:debian` leaves Debian's files for riscv64, and whether they are there.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ownPackage } from '../manifest/package-root.ts';

export interface DebianFiles {
  /** The kernel, a RISC-V `Image`. */
  readonly kernel: string;
  /** A root file system for it (cpio): busybox, drivers for virtio, an interactive shell on the console. */
  readonly initrd: string;
  /** busybox, a static program. */
  readonly busybox: string;
  /**
   * OpenSBI for QEMU's `virt`, to be loaded at the start of RAM: `dynamic` finds the next stage through a2, `jump` goes
   * to 0x80200000. `dynamicElf` is the former as a position-independent ELF, linked to address 0.
   */
  readonly firmware: { readonly dynamic: string; readonly jump: string; readonly dynamicElf: string };
  /** What was fetched: record.json, as data. */
  readonly record: DebianRecord;
}

export interface DebianRecord {
  /** Raised when this program makes something else of the same packages. */
  readonly format: number;
  readonly suite: string;
  readonly packages: readonly DebianPackage[];
  /** SHA-256 per file of the cache, by file name. */
  readonly files: Readonly<Record<string, string>>;
}

export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  /** Names of licences, as the package's copyright file gives them. */
  readonly licences: readonly string[];
}

export const recordFormat = 1;
export const recordName = 'record.json';

/** The names in the cache. */
export const fileNames = {
  kernel: 'Image',
  initrd: 'initrd',
  busybox: 'busybox',
  dynamic: 'fw_dynamic.bin',
  jump: 'fw_jump.bin',
  dynamicElf: 'fw_dynamic.elf',
} as const;

/** The folder of the project that git ignores. */
export function debianCache(): string {
  return join(ownPackage().folder, '.cache', 'debian');
}

/** The files, or a sentence on why there are none. Their hashes are not computed again. */
export function findDebianFiles(
  cache: string = debianCache(),
): { readonly found: true; readonly files: DebianFiles } | { readonly found: false; readonly reason: string } {
  const missing = (what: string) => ({
    found: false as const,
    reason: `Debian's riscv64 files are ${what}: run \`npm run fetch:debian\` (needs a machine with apt)`,
  });
  let record: DebianRecord;
  try {
    record = JSON.parse(readFileSync(join(cache, recordName), 'utf8')) as DebianRecord;
  } catch {
    return missing('not there');
  }
  if (record.format !== recordFormat) return missing('of an older version of this project');
  if (!Object.values(fileNames).every((name) => existsSync(join(cache, name)))) return missing('incomplete');
  const path = (name: keyof typeof fileNames): string => join(cache, fileNames[name]);
  return {
    found: true,
    files: {
      kernel: path('kernel'),
      initrd: path('initrd'),
      busybox: path('busybox'),
      firmware: { dynamic: path('dynamic'), jump: path('jump'), dynamicElf: path('dynamicElf') },
      record,
    },
  };
}
