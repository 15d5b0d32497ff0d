// A folder for the files of one piece of work. It is removed whatever ends the process, even while that is too busy for signals.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileError } from '../refusal.ts';

/** Removes the folders that it was told of, line by line, when its input ends: with the process that holds the other end. */
const removal = `
let folders = '';
process.stdin.on('data', (chunk) => (folders += chunk));
process.stdin.on('end', () => {
  for (const folder of folders.split('\\n')) if (folder) require('node:fs').rmSync(folder, { recursive: true, force: true });
});`;

let remover: ChildProcess | undefined;

/** Started once, in a session of its own that Ctrl-C does not reach; it keeps nobody waiting. */
function startRemover(): ChildProcess {
  const child = spawn(process.execPath, ['-e', removal], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  child.on('error', () => {});
  child.stdin.on('error', () => {});
  child.unref();
  (child.stdin as typeof child.stdin & { unref(): void }).unref();
  return child;
}

/** Does work in a new folder. Throws a Refusal if the folder, or a file in it, cannot be written. */
export function inTemporaryFolder<T>(purpose: string, work: (folder: string) => T): T {
  const folder = makeFolder(purpose);
  try {
    return work(folder);
  } catch (error) {
    throw explained(error, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** As `inTemporaryFolder`, for work that waits. */
export async function inTemporaryFolderAsync<T>(purpose: string, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = makeFolder(purpose);
  try {
    return await work(folder);
  } catch (error) {
    throw explained(error, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function makeFolder(purpose: string): string {
  let folder: string;
  try {
    folder = mkdtempSync(join(tmpdir(), `microvisor-${purpose}-`));
  } catch (error) {
    throw fileError(error, 'make a folder in', tmpdir());
  }
  remover ??= startRemover();
  remover.stdin?.write(`${folder}\n`);
  return folder;
}

/** What a file of the folder that could not be written is told as. */
function explained(error: unknown, folder: string): unknown {
  const { path, syscall } = error as NodeJS.ErrnoException;
  return syscall !== undefined && path?.startsWith(folder) ? fileError(error, 'write', path) : error;
}
