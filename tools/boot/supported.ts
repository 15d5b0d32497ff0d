// What a manifest may say and this version does not run yet: named all at once, instead of being ignored.

import { type Cell, hartsOf, type Manifest } from '../manifest/model.ts';
import { Refusal } from '../refusal.ts';

/** Throws a Refusal that lists everything of the manifest that `run` cannot do in this version. */
export function refuseUnsupported(manifest: Manifest): void {
  const { schedule, health, faults, devices, cells } = manifest;
  const missing = [
    ...((schedule?.modes.length ?? 0) > 1 ? ['schedule.modes: more than one, and switches between them'] : []),
    ...cells
      .filter((cell) => isSpread(cell, schedule))
      .map(({ name }) => `cells.${name}: virtual harts on several harts, with windows`),
    ...(health.length === 0 ? [] : ['health: the table of errors and actions']),
    ...(faults?.armed ? ['faults: armed fault plans'] : []),
    ...devices
      .filter(({ model }) => model === 'pendulum' || model === 'nic')
      .map(({ name, model }) => `devices.${name}: the model ${model}`),
    ...devices.filter(({ mode }) => mode === 'write').map(({ name }) => `devices.${name}: mode write (use snapshot)`),
    ...cells.flatMap(unsupportedOf),
  ];
  if (missing.length === 0) return;
  const list = missing.map((each) => `  ${each}`).join('\n');
  throw new Refusal(
    'unavailable',
    `${manifest.file} is right, and asks for what this version does not run:\n${list}`,
    'take it out to run the rest; `check` accepts it as it is',
  );
}

/** A VM whose monitor would have to run in the windows of several harts. */
const isSpread = (cell: Cell, schedule: Manifest['schedule']): boolean => {
  const harts = new Set(hartsOf(cell));
  return harts.size > 1 && (schedule?.modes ?? []).some((mode) => mode.harts.some(({ hart }) => harts.has(hart)));
};

const isServer = (cell: Cell): boolean => cell.kind === 'native' && cell.program.format === 'typescript';

function unsupportedOf(cell: Cell): string[] {
  const { name, kind, restart, heartbeat } = cell;
  return [
    ...(kind === 'posix' || kind === 'rtos' ? [`cells.${name}: cells of kind ${kind}`] : []),
    ...(heartbeat === undefined ? [] : [`cells.${name}.heartbeat`]),
    ...(restart === undefined || isServer(cell)
      ? []
      : [`cells.${name}.restart: cells that are not servers in TypeScript (their memory cannot be loaded again)`]),
    ...(restart?.policy === 'backoff' ? [`cells.${name}.restart: policy backoff`] : []),
    ...(restart?.limit === undefined ? [] : [`cells.${name}.restart.limit`]),
    ...(restart?.when ?? []).filter((when) => when !== 'fault').map((when) => `cells.${name}.restart: when ${when}`),
  ];
}
