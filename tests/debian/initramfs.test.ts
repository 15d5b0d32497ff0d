// The initramfs: its entries, the tables of modules, the applets of busybox, licences.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { findDebianFiles } from '../../tools/debian/files.ts';
import { initScript, namePortsScript, profileScript } from '../../tools/debian/init-script.ts';
import { appletNames, initramfsEntries } from '../../tools/debian/initramfs.ts';
import { type KernelModule, moduleInfo, modulesAlias, modulesDep } from '../../tools/debian/kernel-modules.ts';
import { licencesOf } from '../../tools/debian/unpack.ts';
import { readCpio } from '../../tools/image/cpio.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const busybox = bytes('\0code\0*[\0[[\0ash\0busybox\0sh\0\0more');
const module = (name: string, depends: string[], aliases: string[] = []): KernelModule => ({
  name,
  path: `kernel/${name}.ko`,
  bytes: bytes(name),
  depends,
  aliases,
});
const modules = [
  module('failover', []),
  module('net_failover', ['failover']),
  module('virtio_net', ['net_failover'], ['virtio:d00000001v*']),
];

describe('kernel modules', () => {
  it('are described by the strings of their .modinfo section', () => {
    const info = bytes('\0license=GPL\0alias=fs-9p\0depends=9pnet,netfs\0alias=x y\0name=9p\0');
    expect(moduleInfo(info)).toEqual({ depends: ['9pnet', 'netfs'], aliases: ['fs-9p', 'x y'] });
  });

  it('stand in modules.dep with all that they need, the first to load last', () => {
    expect(modulesDep(modules)).toBe(
      'kernel/failover.ko:\n' +
        'kernel/net_failover.ko: kernel/failover.ko\n' +
        'kernel/virtio_net.ko: kernel/net_failover.ko kernel/failover.ko\n',
    );
  });

  it('stand in modules.alias under the devices that they drive', () => {
    expect(modulesAlias(modules)).toBe('alias virtio:d00000001v* virtio_net\n');
  });
});

describe('the initramfs', () => {
  const entries = initramfsEntries({ busybox, kernelVersion: '6.12', modules });
  const paths = entries.map(({ path }) => path);

  it('names each path once, and each folder before what is in it', () => {
    expect(new Set(paths).size).toBe(paths.length);
    const links = new Set(entries.filter(({ kind }) => kind === 'link').map(({ path }) => path));
    paths.forEach((path, index) => {
      const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')));
      if (parent === '') return;
      expect(links.has(parent)).toBe(false);
      expect(paths.slice(0, index)).toContain(parent);
    });
  });

  it('holds an executable /init, the console and a link per applet', () => {
    expect(entries.find(({ path }) => path === 'init')).toMatchObject({ kind: 'file', mode: 0o755 });
    expect(entries).toContainEqual({ kind: 'character', path: 'dev/console', mode: 0o600, major: 5, minor: 1 });
    expect(appletNames(busybox)).toEqual(['[', '[[', 'ash', 'busybox', 'sh']);
    expect(entries).toContainEqual({ kind: 'link', path: 'bin/ash', target: 'busybox' });
    expect(entries.find(({ path }) => path === 'bin/busybox')).toMatchObject({ kind: 'file' });
  });

  it('refuses a busybox whose applets cannot be found', () => {
    expect(() => appletNames(bytes('nothing'))).toThrow('no list of applets');
  });

  it.skipIf(process.platform === 'win32')('has scripts that a shell can parse', () => {
    for (const script of [initScript, namePortsScript, profileScript]) {
      expect(spawnSync('sh', ['-n'], { input: script, encoding: 'utf8' }).stderr).toBe('');
    }
  });

  const debian = findDebianFiles();
  it.skipIf(!debian.found)('fetched from Debian has a driver for every virtio device of the machine', () => {
    if (!debian.found) return;
    const read = readCpio(readFileSync(debian.files.initrd));
    const names = read.ok ? read.value.map(({ path }) => path) : [];
    for (const driver of ['virtio_mmio', 'virtio_blk', 'virtio_net', 'virtio-rng']) {
      expect(names.some((name) => name.endsWith(`/${driver}.ko`))).toBe(true);
    }
  });
});

describe('licences', () => {
  it('are taken from the fields of a machine-readable copyright file', () => {
    expect(licencesOf('Files: *\nLicense: GPL-2\n text\n\nFiles: a\nLicense: ISC\nLicense: GPL-2\n')).toEqual([
      'ISC',
      'GPL-2',
    ]);
  });

  it('are taken from the texts that a plain copyright file refers to', () => {
    expect(licencesOf('see /usr/share/common-licenses/GPL-2.')).toEqual(['GPL-2']);
  });
});
