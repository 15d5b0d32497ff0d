// The programs of a plan's realm threads: servers' own modules, and the built-in monitor.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { CommandError } from '../cli/command-error.ts';
import { ownPackage } from '../manifest/package-root.ts';
import type { Plan, Program, Thread } from '../plan/plan.ts';
import { loadProgram, type RealmProgram } from '../realm/loader.ts';

export type Programs = ReadonlyMap<Thread, RealmProgram>;

const slashed = (path: string): string => path.split(sep).join('/');

/** Loads them all. Throws a CommandError that lists what is wrong with the sources. */
export function loadPrograms(plan: Plan): Programs {
  const programs = new Map<Thread, RealmProgram>();
  const byEntry = new Map<string, RealmProgram>();
  for (const thread of plan.threads) {
    const entry = entryOf(thread.program);
    if (entry === undefined) continue;
    let program = byEntry.get(entry);
    if (!program) {
      program = load(entry);
      byEntry.set(entry, program);
    }
    programs.set(thread, program);
  }
  return programs;
}

function entryOf(program: Program): string | undefined {
  switch (program.kind) {
    case 'realm':
      return program.image.path;
    case 'monitor':
      return join(ownPackage().folder, 'guests/vmm/server.ts');
    case 'personality':
      throw new CommandError('unavailable', `cell ${program.of}: POSIX cells are not in this version`);
    case 'elf':
    case 'vcpu':
      return undefined;
    default:
      return program satisfies never;
  }
}

function load(entry: string): RealmProgram {
  const root = ownPackage().folder;
  const immer = join(dirname(createRequire(import.meta.url).resolve('immer')), '../immer.production.mjs');
  const result = loadProgram({
    entry: slashed(entry),
    read: (path) => {
      try {
        return readFileSync(path, 'utf8');
      } catch {
        return undefined;
      }
    },
    guests: slashed(join(root, 'guests')),
    immer: slashed(immer),
    importable: ['guests', 'vdev', 'hw', 'microvisor/abi'].map((folder) => slashed(join(root, folder))),
    display: (path) => slashed(relative(process.cwd(), path)),
  });
  if (result.ok) return result.program;
  const lines = result.diagnostics.map(
    ({ file, line, column, message, hint }) => `${file}:${line}:${column}: ${message}${hint ? ` (${hint})` : ''}`,
  );
  throw new CommandError(
    'refused',
    `${slashed(relative(process.cwd(), entry))} cannot be a server:\n${lines.join('\n')}`,
  );
}
