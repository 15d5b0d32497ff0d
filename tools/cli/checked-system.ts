// What `check` and `run` begin with: the manifest named on the command line, checked, and its plan.

import type { ProgramDiagnostic } from '../boot/programs.ts';
import { type Diagnostic, sortDiagnostics } from '../manifest/diagnostic.ts';
import type { ManifestFiles } from '../manifest/files.ts';
import { loadManifest } from '../manifest/load.ts';
import type { Manifest } from '../manifest/model.ts';
import { ramHint } from '../manifest/rules/memory.ts';
import { memoryAccount } from '../plan/account.ts';
import { buildPlan } from '../plan/build.ts';
import type { Plan } from '../plan/plan.ts';
import { Refusal } from '../refusal.ts';
import { styleFor, wantsColor, widthOf } from './output.ts';
import { showDiagnostics } from './show-diagnostics.ts';

export type System = { ok: true; manifest: Manifest; plan: Plan } | { ok: false; diagnostics: Diagnostic[] };

/**
 * Reads, checks and plans; `overrides` are the `--set`s of the command line. Whoever does so twice gives the same `files`, which look
 * at each file once.
 */
export function checkedSystem(path: string, overrides: readonly string[], files?: ManifestFiles): System {
  const loaded = loadManifest(path, { overrides, ...(files && { files }) });
  if (!loaded.ok) return loaded;
  const plan = buildPlan(loaded.manifest);
  const memory = memoryAccount(plan);
  if (memory.usedBytes <= memory.ramBytes) return { ok: true, manifest: loaded.manifest, plan };
  // Tables and kernel objects tip a system over that its cells alone would not.
  const diagnostic: Diagnostic = {
    code: 'ram-exceeded',
    place: loaded.placeOf(['machine', 'ram']),
    message: `with page tables and kernel objects ${memory.usedBytes} bytes are needed, and the machine has ${memory.ramBytes}`,
    hint: ramHint(memory.usedBytes),
    related: [],
  };
  return { ok: false, diagnostics: [diagnostic] };
}

/** What is wrong with the servers of a plan; nothing, if all of them load. */
export async function programMistakes(plan: Plan): Promise<Diagnostic<string>[]> {
  // The compiler behind it takes longer to load than the rest of the command.
  const { tryPrograms } = await import('../boot/programs.ts');
  const programs = tryPrograms(plan);
  return programs.ok ? [] : sortDiagnostics(programs.diagnostics.map(ofProgram));
}

/** A mistake in the source of a server, as the manifest's own are. */
function ofProgram({ file, line, column, code, message, hint, cell }: ProgramDiagnostic): Diagnostic<string> {
  return {
    code,
    place: { file, line, column, path: `cells.${cell}.program` },
    message,
    hint: hint ?? `it is part of the program of cell ${cell}`,
    related: [],
  };
}

/** As checkedSystem, for commands that cannot go on: prints what is wrong to standard error and ends the command. */
export function systemOrRefuse(
  path: string,
  overrides: readonly string[],
  files?: ManifestFiles,
): { manifest: Manifest; plan: Plan } {
  const system = checkedSystem(path, overrides, files);
  if (system.ok) return system;
  refuse(system.diagnostics);
}

/** Prints diagnostics to standard error and ends the command. */
export function refuse(diagnostics: readonly Diagnostic<string>[]): never {
  process.stderr.write(showDiagnostics(diagnostics, styleFor(wantsColor(process.stderr)), widthOf(process.stderr)));
  const unreadable = diagnostics.some((each) => each.code === 'manifest-unreadable');
  throw new Refusal(unreadable ? 'file' : 'refused', '');
}
