// Takes files out of .deb packages, with the tools that every machine with apt has.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Unpacks the members that match tar's `patterns` ("./boot/vmlinux-*") into `folder`. Rejects if none does. */
export async function unpackPackage(path: string, folder: string, patterns: readonly string[]): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const reader = spawn('dpkg-deb', ['--fsys-tarfile', path], { stdio: ['ignore', 'pipe', 'pipe'] });
  const selected = ['--wildcards', ...patterns];
  const tar = spawn('tar', ['-x', '-f', '-', '-C', folder, '--no-same-owner', ...selected], {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  const said: string[] = [];
  reader.stderr.on('data', (bytes: Buffer) => said.push(bytes.toString()));
  tar.stderr.on('data', (bytes: Buffer) => said.push(bytes.toString()));
  // tar may stop before the end of the stream; what it made of it is told by its status.
  tar.stdin.on('error', () => {});
  reader.stdout.pipe(tar.stdin);
  const [[readerStatus], [tarStatus]] = await Promise.all([once(reader, 'close'), once(tar, 'close')]);
  if (readerStatus !== 0 || tarStatus !== 0) throw new Error(`cannot unpack ${path}: ${said.join('').trim()}`);
}

/** The one entry of `folder` that matches. */
export function onlyEntry(folder: string, pattern: RegExp): string {
  const names = readdirSync(folder).filter((name) => pattern.test(name));
  if (names.length !== 1) throw new Error(`${folder} has ${names.length} entries like ${pattern}`);
  return join(folder, names[0] as string);
}

/** The licences that a package's copyright file names (machine-readable form, DEP 5), shortest first. */
export function licencesOf(copyright: string): string[] {
  const names = [...copyright.matchAll(/^License:[ \t]*(\S.*)$/gm)].map((match) => (match[1] as string).trim());
  if (names.length === 0) {
    for (const match of copyright.matchAll(/\/usr\/share\/common-licenses\/([A-Za-z]+-[0-9.]*[0-9])/g)) {
      names.push(match[1] as string);
    }
  }
  return [...new Set(names)].sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
}

/** Licences of the unpacked package `name` under `folder`. */
export function packageLicences(folder: string, name: string): string[] {
  return licencesOf(readFileSync(join(folder, 'usr/share/doc', name, 'copyright'), 'utf8'));
}
