// What `prove-isolation` is asked for, looked at before anything is run.

import type { Manifest } from '../manifest/model.ts';
import { suggest } from '../manifest/nearest.ts';
import { formatTime } from '../manifest/units.ts';
import { Refusal } from '../refusal.ts';
import { chosenModulations } from './adversary.ts';
import { secretPlaceOf } from './secret.ts';

export interface ProofRequest {
  /** The cell with the secret, and the one that watches. */
  from: string;
  to: string;
  /** How many secrets: at least 2. */
  secrets: number;
  /** Virtual time of each run. */
  forNs: number;
  /** What the adversary modulates; undefined: the cell's own program is run. */
  adversary: readonly string[] | undefined;
  /** A region that the sender finds its secret in. */
  secretRegion: string | undefined;
  /** The same system without its schedule. */
  withoutWindows: boolean;
}

/** Throws a Refusal for cells, modulations and regions that do not exist or do not fit, and for a time in which a cell cannot run. */
export function requireProvable(manifest: Manifest, request: ProofRequest): void {
  const { from, to, adversary, secretRegion, forNs } = request;
  const names = manifest.cells.map(({ name }) => name);
  const unknown = [from, to].find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new Refusal('usage', `there is no cell ${unknown}`, suggest(unknown, names, 'cells'));
  if (from === to) throw new Refusal('usage', 'a cell is not isolated from itself');
  if (adversary === undefined) secretPlaceOf(manifest, from, secretRegion);
  else chosenModulations(manifest.cells.find(({ name }) => name === from)!, adversary);
  const needed = request.withoutWindows ? 0 : Math.max(firstWindow(manifest, from), firstWindow(manifest, to));
  if (forNs > needed) return;
  const hint = needed === 0 ? undefined : `it takes more than ${formatTime(needed)} until both have had a window`;
  throw new Refusal('usage', `--for: ${formatTime(forNs)} is too short to see anything`, hint);
}

/** When a cell's first window begins, at the earliest: in the third frame, as a whole one passes after the boot task. 0: it has none. */
function firstWindow({ schedule }: Manifest, cell: string): number {
  const frames = schedule?.modes.find(({ name }) => name === schedule.initial)?.harts ?? [];
  const begins = frames.flatMap(({ frame: { frame, windows } }) =>
    windows.filter(({ cells }) => cells.includes(cell)).map(({ at }) => 2 * frame + at),
  );
  return begins.length === 0 ? 0 : Math.min(...begins);
}
