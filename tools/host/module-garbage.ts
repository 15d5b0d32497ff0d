// WebAssembly modules that nothing refers to: the engine frees them at a full collection, but does not count them when it decides
// whether to make one. Each takes 0.1 MiB of the host; a guest that changes its code all the time leaves thousands.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Machine } from '../../hw/machine/machine.ts';

/** Abandoned modules that are worth a collection: 50 MiB. */
const worthIt = 512;

/** No context that is made later may see the function: the flag is for this one. */
function fullCollection(): () => void {
  setFlagsFromString('--expose-gc');
  try {
    return runInNewContext('gc') as () => void;
  } finally {
    setFlagsFromString('--no-expose-gc');
  }
}

export class ModuleGarbage {
  private collected = 0;
  private collect: (() => void) | undefined;

  constructor(
    private readonly machine: Machine,
    private readonly makeCollect = fullCollection,
  ) {}

  /** To be called now and then, while the machine does not run. */
  look(): void {
    const { translator } = this.machine.engine;
    if (!translator) return;
    const abandoned = translator.statistics.modules - translator.alive.modules;
    if (abandoned - this.collected < worthIt) return;
    this.collected = abandoned;
    this.collect ??= this.makeCollect();
    this.collect();
  }
}
