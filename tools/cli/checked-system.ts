// What `check` and `run` begin with: the manifest named on the command line, checked, and its plan.

import { compareDiagnostics, type Diagnostic } from '../manifest/diagnostic.ts';
import { loadManifest } from '../manifest/load.ts';
import type { Manifest } from '../manifest/model.ts';
import { formatSize } from '../manifest/units.ts';
import { memoryAccount } from '../plan/account.ts';
import { buildPlan } from '../plan/build.ts';
import type { Plan } from '../plan/plan.ts';
import { CommandError } from './command-error.ts';
import { styleFor, wantsColor, widthOf } from './output.ts';
import { showDiagnostics } from './show-diagnostics.ts';

export type System = { ok: true; manifest: Manifest; plan: Plan } | { ok: false; diagnostics: Diagnostic[] };

/** Reads, checks and plans; `overrides` are the `--set`s of the command line. */
export function checkedSystem(path: string, overrides: readonly string[]): System {
  const loaded = loadManifest(path, { overrides });
  if (!loaded.ok) return loaded;
  const plan = buildPlan(loaded.manifest);
  const memory = memoryAccount(plan);
  if (memory.usedBytes <= memory.ramBytes) return { ok: true, manifest: loaded.manifest, plan };
  // Tables and kernel objects tip a system over that its cells alone would not.
  const diagnostic: Diagnostic = {
    code: 'ram-exceeded',
    place: loaded.placeOf(['machine', 'ram']),
    message: `with page tables and kernel objects ${memory.usedBytes} bytes are needed, and the machine has ${memory.ramBytes}`,
    hint: `write ram: ${formatSize(Math.ceil(memory.usedBytes / 2 ** 24) * 2 ** 24)}`,
    related: [],
  };
  return { ok: false, diagnostics: [diagnostic].sort(compareDiagnostics) };
}

/** The same, for commands that cannot go on: prints what is wrong to standard error and ends the command. */
export function systemOrRefuse(path: string, overrides: readonly string[]): { manifest: Manifest; plan: Plan } {
  const system = checkedSystem(path, overrides);
  if (system.ok) return system;
  refuse(system.diagnostics);
}

export function refuse(diagnostics: readonly Diagnostic[]): never {
  process.stderr.write(showDiagnostics(diagnostics, styleFor(wantsColor(process.stderr)), widthOf(process.stderr)));
  const unreadable = diagnostics.some((each) => each.code === 'manifest-unreadable');
  throw new CommandError(unreadable ? 'file' : 'refused', '');
}
