// The translator's regions, of which it tells nobody, for tests that must know whether what they are about took place.

import { regionEntry } from '../../../hw/engine/layout.ts';
import type { Machine } from '../../../hw/machine/machine.ts';

/** What the translator keeps to itself. */
export interface KnownRegions {
  made: ReadonlySet<KnownRegion>;
  heads: ReadonlyMap<number, KnownRegion>;
}
export interface KnownRegion {
  head: number;
  number: number;
  installed: boolean;
  open: boolean;
  period: number;
  extents: readonly number[];
}

export function regionsOf({ engine }: Machine): KnownRegions {
  return engine.translator as unknown as KnownRegions;
}

/** How often an installed region has been entered since it was looked at last. */
export function entriesOf({ memory: { u32, layout } }: Machine, { number, period }: KnownRegion): number {
  // It may have been entered more often than until then.
  return (period - u32[(layout.regions + number * regionEntry.size + regionEntry.entriesLeft) >>> 2]!) >>> 0;
}
