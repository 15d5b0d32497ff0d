// The root file system that a Linux guest starts from: busybox, the drivers, and an interactive shell.

import type { CpioEntry } from '../image/cpio.ts';
import { initScript, namePortsScript, profileScript } from './init-script.ts';
import { type KernelModule, modulesAlias, modulesDep } from './kernel-modules.ts';

export interface InitramfsParts {
  readonly busybox: Uint8Array;
  /** As `uname -r` says it. */
  readonly kernelVersion: string;
  readonly modules: readonly KernelModule[];
}

/** The entries, in an order in which each folder comes before what is in it. */
export function initramfsEntries({ busybox, kernelVersion, modules }: InitramfsParts): CpioEntry[] {
  const entries: CpioEntry[] = [];
  const folders = new Set<string>();
  const folder = (path: string): void => {
    if (path === '' || folders.has(path)) return;
    folder(path.slice(0, Math.max(0, path.lastIndexOf('/'))));
    folders.add(path);
    entries.push({ kind: 'directory', path, mode: path === 'tmp' ? 0o1777 : 0o755 });
  };
  const file = (path: string, content: string | Uint8Array, mode = 0o644): void => {
    folder(path.slice(0, Math.max(0, path.lastIndexOf('/'))));
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
    entries.push({ kind: 'file', path, mode, bytes });
  };

  for (const path of ['bin', 'dev', 'etc', 'lib', 'mnt', 'proc', 'root', 'run', 'sys', 'tmp', 'var']) folder(path);
  for (const path of ['sbin', 'usr']) entries.push({ kind: 'link', path, target: path === 'sbin' ? 'bin' : '.' });
  // The kernel opens the console before /init has mounted anything.
  entries.push({ kind: 'character', path: 'dev/console', mode: 0o600, major: 5, minor: 1 });
  entries.push({ kind: 'character', path: 'dev/null', mode: 0o666, major: 1, minor: 3 });
  file('init', initScript, 0o755);
  file('bin/busybox', busybox, 0o755);
  for (const applet of appletNames(busybox)) {
    if (applet !== 'busybox') entries.push({ kind: 'link', path: `bin/${applet}`, target: 'busybox' });
  }
  file('bin/name-ports', namePortsScript, 0o755);
  file('etc/profile', profileScript);
  file('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n');
  file('etc/group', 'root:x:0:\n');
  file('etc/hosts', '127.0.0.1 localhost\n');
  const root = `lib/modules/${kernelVersion}`;
  for (const { path, bytes } of modules) file(`${root}/${path}`, bytes);
  file(`${root}/modules.dep`, modulesDep(modules));
  file(`${root}/modules.alias`, modulesAlias(modules));
  return entries;
}

/** The names that a busybox answers to. They stand in it one after another, sorted, "[" and "[[" first. */
export function appletNames(busybox: Uint8Array): string[] {
  const text = Buffer.from(busybox.buffer, busybox.byteOffset, busybox.byteLength).toString('latin1');
  const start = text.search(/\[\0\[\[\0[a-z]/);
  const end = text.indexOf('\0\0', start);
  if (start < 0 || end < 0) throw new Error('this busybox has no list of applets where it is expected');
  const names = text.slice(start, end).split('\0');
  const strange = names.find((name) => !/^[[a-z0-9_.-]+$/.test(name));
  if (strange !== undefined) throw new Error(`this busybox has a strange applet: ${JSON.stringify(strange)}`);
  return names;
}
