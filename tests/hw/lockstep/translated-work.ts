// How much of random programs ran translated, as far as it shows between their steps.

import type { Machine } from '../../../hw/machine/machine.ts';
import { entriesOf, type KnownRegion, regionsOf } from '../engine/known-regions.ts';

export class TranslatedWork {
  /** Regions that were compiled. */
  regions = 0;
  /** How often regions were entered; what went or was looked at anew meanwhile counts as far as it is known. */
  entries = 0;
  private readonly compiled = new WeakMap<Machine, number>();
  private readonly entered = new WeakMap<KnownRegion, number>();

  note(machine: Machine): void {
    const { regions } = machine.engine.translator!.statistics;
    this.regions += regions - (this.compiled.get(machine) ?? 0);
    this.compiled.set(machine, regions);
    for (const one of regionsOf(machine).made) {
      if (!one.installed) continue;
      const entries = entriesOf(machine, one);
      const before = this.entered.get(one) ?? 0;
      this.entries += entries < before ? entries : entries - before;
      this.entered.set(one, entries);
    }
  }
}
