// The programs of a plan's realm threads: where their sources are, and those that the build has compiled.

import { join } from 'node:path';
import { BuiltServers } from '../host/built-servers.ts';
import { ownPackage } from '../manifest/package-root.ts';
import type { Plan, Program, Thread } from '../plan/plan.ts';
import type { RealmProgram } from '../realm/loader.ts';

export type Programs = ReadonlyMap<Thread, RealmProgram>;

/** The programs of a plan whose servers are all compiled already. undefined: `loadPrograms` must compile (programs.ts). */
export function builtPrograms(plan: Plan): Programs | undefined {
  const servers = new BuiltServers();
  const byEntry = new Map<string, RealmProgram>();
  const programs = new Map<Thread, RealmProgram>();
  for (const thread of plan.threads) {
    const entry = entryOf(thread.program);
    if (entry === undefined) continue;
    const program = byEntry.get(entry) ?? servers.find(entry);
    if (program === undefined) return undefined;
    byEntry.set(entry, program);
    programs.set(thread, program);
  }
  return programs;
}

/** The source of a program that runs in a realm; undefined: it runs elsewhere. */
export function entryOf(program: Program): string | undefined {
  switch (program.kind) {
    case 'realm':
      return program.image.path;
    case 'monitor':
      return join(ownPackage().folder, 'guests/vmm/server.ts');
    // System has refused POSIX cells, and `check` accepts them.
    case 'personality':
    case 'elf':
    case 'vcpu':
      return undefined;
    default:
      return program satisfies never;
  }
}
