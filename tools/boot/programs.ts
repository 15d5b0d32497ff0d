// The programs of a plan's realm threads: servers' own modules, and the built-in monitor.

import { loadServer } from '../host/server-source.ts';
import type { Plan, Thread } from '../plan/plan.ts';
import { formatDiagnostic, type SourceDiagnostic } from '../realm/diagnostic.ts';
import type { LoadResult, RealmProgram } from '../realm/loader.ts';
import { Refusal } from '../refusal.ts';
import { entryOf, type Programs } from './built-programs.ts';

/** What is wrong with the source of a cell's program. */
export interface ProgramDiagnostic extends SourceDiagnostic {
  cell: string;
}

/** Loads them all, or finds everything that is wrong with their sources. */
export function tryPrograms(
  plan: Plan,
): { ok: true; programs: Programs } | { ok: false; diagnostics: ProgramDiagnostic[] } {
  const programs = new Map<Thread, RealmProgram>();
  const diagnostics: ProgramDiagnostic[] = [];
  const byEntry = new Map<string, LoadResult>();
  for (const thread of plan.threads) {
    const entry = entryOf(thread.program);
    if (entry === undefined) continue;
    const known = byEntry.get(entry);
    const result = known ?? loadServer(entry);
    byEntry.set(entry, result);
    if (result.ok) programs.set(thread, result.program);
    else if (!known) diagnostics.push(...result.diagnostics.map((each) => ({ ...each, cell: thread.cell })));
  }
  return diagnostics.length === 0 ? { ok: true, programs } : { ok: false, diagnostics };
}

/** Loads them all. Throws a Refusal that lists what is wrong with the sources. */
export function loadPrograms(plan: Plan): Programs {
  const loaded = tryPrograms(plan);
  if (loaded.ok) return loaded.programs;
  const lines = loaded.diagnostics.map(formatDiagnostic);
  throw new Refusal('refused', `not every program can be a server:\n${lines.join('\n')}`);
}
