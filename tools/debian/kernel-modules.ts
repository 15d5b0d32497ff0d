// Kernel modules: which ones a virtual machine of ours needs, in which order, and the tables that modprobe reads.

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';

/** Loaded at every boot where the device is there: packed without compression, which is slow when emulated. */
export const driverModules = ['virtio_mmio', 'virtio_blk', 'virtio_net', 'virtio_rng'] as const;
/** Loaded when a user mounts something: packed as Debian ships them. */
export const fileSystemModules = ['9p', '9pnet_virtio', 'ext4', 'crc32c_generic'] as const;

/** tar patterns of the folders that hold these and all that they depend on. */
export const moduleFolders = [
  'drivers/virtio',
  'drivers/block',
  'drivers/net/virtio_net*',
  'drivers/net/net_failover*',
  'drivers/char/hw_random',
  'net/core',
  'net/9p',
  'fs/9p',
  'fs/netfs',
  'fs/ext4',
  'fs/jbd2',
  'fs/mbcache*',
  'lib',
  'crypto',
] as const;

export interface KernelModule {
  /** As `modprobe` calls it. */
  readonly name: string;
  /** Relative to /lib/modules/VERSION. */
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly depends: readonly string[];
  readonly aliases: readonly string[];
}

/** The modules named above and what they depend on, from an unpacked /lib/modules/VERSION. */
export function selectModules(folder: string): KernelModule[] {
  const files = moduleFiles(folder);
  const selected = new Map<string, KernelModule>();
  const add = (name: string, compressed: boolean): void => {
    if (selected.has(name)) return;
    const file = files.get(name);
    if (file === undefined) return; // built into this kernel
    const packed = readFileSync(file);
    const bytes = file.endsWith('.xz') ? unxz(file) : packed;
    const info = moduleInfo(bytes);
    for (const dependency of info.depends) add(dependency, compressed);
    const keep = compressed && file.endsWith('.xz');
    const path = relative(folder, keep ? file : file.replace(/\.xz$/, ''));
    selected.set(name, { name, path, bytes: keep ? packed : bytes, ...info });
  };
  for (const name of driverModules) add(name, false);
  for (const name of fileSystemModules) add(name, true);
  return [...selected.values()];
}

/** modules.dep: a module, then what must be loaded before it, the first one last (modules.dep(5)). */
export function modulesDep(modules: readonly KernelModule[]): string {
  const byName = new Map(modules.map((module) => [module.name, module]));
  const closure = (module: KernelModule, seen: Set<KernelModule>): Set<KernelModule> => {
    for (const name of module.depends) {
      const dependency = byName.get(name);
      if (dependency === undefined || seen.has(dependency)) continue;
      seen.add(dependency);
      closure(dependency, seen);
    }
    return seen;
  };
  return modules
    .map((module) => `${[`${module.path}:`, ...[...closure(module, new Set())].map((m) => m.path)].join(' ')}\n`)
    .join('');
}

/** modules.alias: the pattern of a device's or file system's name, and the module that serves it. */
export function modulesAlias(modules: readonly KernelModule[]): string {
  return modules.flatMap(({ name, aliases }) => aliases.map((alias) => `alias ${alias} ${name}\n`)).join('');
}

/** The strings of a module's .modinfo section: key=value, each with a zero byte. */
export function moduleInfo(bytes: Uint8Array): { depends: string[]; aliases: string[] } {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  const values = (key: string): string[] =>
    [...text.matchAll(new RegExp(`(?<=\\0)${key}=([\\x20-\\x7e]*)(?=\\0)`, 'g'))].map((match) => match[1] as string);
  return { depends: (values('depends')[0] ?? '').split(',').filter((name) => name !== ''), aliases: values('alias') };
}

/** Path by module name; a dash in a file's name is an underscore in the module's. */
function moduleFiles(folder: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.ko(\.xz)?$/.test(entry.name)) continue;
    const path = join(entry.parentPath, entry.name);
    found.set(
      basename(path)
        .replace(/\.ko(\.xz)?$/, '')
        .replaceAll('-', '_'),
      path,
    );
  }
  return found;
}

function unxz(path: string): Uint8Array {
  const { status, stdout, stderr } = spawnSync('xz', ['-d', '-c', path], { maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`cannot unpack ${path}: ${stderr.toString().trim()}`);
  return stdout;
}
