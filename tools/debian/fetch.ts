// `npm run fetch:debian`: Debian's kernel, busybox and OpenSBI for riscv64 into the cache, and a root file system made
// of them. What is there and whole is not fetched again; `--refresh` looks for newer versions.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodes } from '../cli/exit-codes.ts';
import { writeCpio } from '../image/cpio.ts';
import { describeImageError } from '../image/image-error.ts';
import { readLinuxImage } from '../image/linux-image.ts';
import { AptUnavailable, type PackageFile, PrivateApt } from './apt.ts';
import {
  type DebianPackage,
  type DebianRecord,
  debianCache,
  fileNames,
  findDebianFiles,
  recordFormat,
  recordName,
} from './files.ts';
import { initramfsEntries } from './initramfs.ts';
import { moduleFolders, selectModules } from './kernel-modules.ts';
import { onlyEntry, packageLicences, unpackPackage } from './unpack.ts';

const cache = debianCache();
const work = join(cache, 'work');
const packagesFolder = join(work, 'packages');
const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function fetchDebian(refresh: boolean): Promise<void> {
  if (!refresh && isWhole()) {
    say('Debian files are there already (--refresh looks for newer ones)');
    report();
    return;
  }
  const apt = new PrivateApt(work);
  apt.update(say);
  const kernelName = /linux-image-[^\s,(|]+/.exec(apt.fields('linux-image-riscv64').get('Depends') ?? '')?.[0];
  if (kernelName === undefined) throw new AptUnavailable('linux-image-riscv64 depends on no kernel', 'report this');

  const packages: DebianPackage[] = [];
  const get = async (name: string, patterns: readonly string[]): Promise<string> => {
    const file = apt.locate(name);
    const path = obtain(apt, file);
    const folder = join(work, 'unpacked', name);
    rmSync(folder, { recursive: true, force: true });
    await unpackPackage(path, folder, [...patterns, './usr/share/doc/*/copyright']);
    packages.push({ name, version: file.version, sha256: file.sha256, licences: packageLicences(folder, name) });
    return folder;
  };
  const kernel = await get(kernelName, [
    './boot/vmlinu*',
    ...moduleFolders.map((path) => `./usr/lib/modules/*/kernel/${path}`),
  ]);
  const busybox = await get('busybox-static', ['./usr/bin/busybox']);
  const opensbi = await get('opensbi', ['./usr/lib/riscv64-linux-gnu/opensbi/generic/*']);

  const image = readFileSync(onlyEntry(join(kernel, 'boot'), /^vmlinu[xz]-/));
  const read = readLinuxImage(image);
  if (!read.ok) throw new Error(`the kernel of ${kernelName}: ${describeImageError(read.error)}`);
  const modulesFolder = onlyEntry(join(kernel, 'usr/lib/modules'), /./);
  const busyboxBytes = readFileSync(join(busybox, 'usr/bin/busybox'));
  const firmware = join(opensbi, 'usr/lib/riscv64-linux-gnu/opensbi/generic');
  const entries = initramfsEntries({
    busybox: busyboxBytes,
    kernelVersion: kernelName.replace(/^linux-image-/, ''),
    modules: selectModules(modulesFolder),
  });
  const contents: Record<string, Uint8Array> = {
    [fileNames.kernel]: read.value.bytes,
    [fileNames.initrd]: writeCpio(entries),
    [fileNames.busybox]: busyboxBytes,
  };
  for (const name of [fileNames.dynamic, fileNames.jump, fileNames.dynamicElf]) {
    contents[name] = readFileSync(join(firmware, name));
  }
  // The record names only what is whole: it goes first and comes last.
  rmSync(join(cache, recordName), { force: true });
  const files: Record<string, string> = {};
  for (const [name, bytes] of Object.entries(contents)) {
    replaceFile(name, bytes);
    files[name] = sha256(bytes);
  }
  const record: DebianRecord = { format: recordFormat, suite: apt.suite, packages, files };
  replaceFile(recordName, `${JSON.stringify(record, null, 2)}\n`);
  rmSync(work, { recursive: true, force: true });
  report();
}

/** The package's file, from an earlier attempt if it is whole. */
function obtain(apt: PrivateApt, file: PackageFile): string {
  mkdirSync(packagesFolder, { recursive: true });
  // apt writes a colon of the version as %3a, in the archive's name it is left out.
  const find = (): string | undefined =>
    readdirSync(packagesFolder)
      .filter((name) => name.startsWith(`${file.name}_`) && name.endsWith('.deb'))
      .map((name) => join(packagesFolder, name))
      .find((path) => statSync(path).size === file.size && sha256(readFileSync(path)) === file.sha256);
  const there = find();
  if (there !== undefined) return there;
  say(`fetching ${file.fileName} (${(file.size / 1e6).toFixed(1)} MB)`);
  const failure = apt.download(file, packagesFolder);
  const path = find();
  if (path === undefined) {
    throw new AptUnavailable(
      `${file.fileName} did not arrive as the signed index describes it\n${failure ?? ''}`,
      'try again later',
    );
  }
  return path;
}

function isWhole(): boolean {
  const found = findDebianFiles(cache);
  if (!found.found) return false;
  const { files } = found.files.record;
  return Object.values(fileNames).every((name) => files[name] === sha256(readFileSync(join(cache, name))));
}

function report(): void {
  const found = findDebianFiles(cache);
  if (!found.found) throw new Error(found.reason);
  const { suite, packages, files } = found.files.record;
  say(`\nDebian ${suite}, riscv64; signatures and hashes verified`);
  for (const { name, version, sha256: hash, licences } of packages) {
    say(`  ${name} ${version}\n    sha256 ${hash}\n    licences: ${licences.join(', ')}`);
  }
  say(`\n${cache}`);
  for (const [name, hash] of Object.entries(files)) {
    say(`  ${name.padEnd(16)}${(statSync(join(cache, name)).size / 1e6).toFixed(1).padStart(6)} MB  sha256 ${hash}`);
  }
}

/** Readers see the old file or the new one, never half of one. */
function replaceFile(name: string, content: Uint8Array | string): void {
  const partial = join(cache, `${name}.partial`);
  writeFileSync(partial, content);
  renameSync(partial, join(cache, name));
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

// A reader that closes the pipe early (`| head`) is not an error.
process.stdout.on('error', () => process.exit(exitCodes.brokenPipe.code));

try {
  await fetchDebian(process.argv.includes('--refresh'));
} catch (error) {
  if (!(error instanceof AptUnavailable)) throw error;
  process.stderr.write(`skipped: ${error.message}\nhint: ${error.hint}\n`);
  if (existsSync(packagesFolder)) process.stderr.write('What arrived is kept and used by the next attempt.\n');
  process.exitCode = exitCodes.unavailable.code;
}
