// Where sequences begin, again and again.

import { produce } from 'immer';
import { ramBase } from '../../../hw/engine/memory.ts';
import { loadKernel, type SavedKernel, saveKernel } from '../../../microvisor/save.ts';
import type { Config, State } from '../../../microvisor/specification/state.ts';
import { imageStart, type World } from '../world.ts';
import { Abstraction } from './abstraction.ts';
import { Lockstep, ticksPerUs } from './lockstep.ts';

/** At most as many threads live at the same time. */
const contextsUsed = 64;

/** A kernel as it was, and what that means. */
export class Beginning {
  private readonly kernel: SavedKernel;
  private readonly parts: { at: number; bytes: Uint8Array }[];
  private readonly clock: number;
  private readonly deadline: number;
  private constructor(
    private readonly world: World,
    private readonly abstraction: Abstraction,
    readonly state: State,
  ) {
    const { kernel, clocks, deadlines } = world;
    const { layout, u8 } = kernel.machine.memory;
    this.kernel = saveKernel(kernel);
    const free = layout.ram + imageStart - ramBase;
    this.parts = [
      { at: layout.contexts, length: contextsUsed * 4096 },
      { at: free, length: layout.ram + layout.ramSize - free },
    ].map(({ at, length }) => ({ at, bytes: u8.slice(at, at + length) }));
    this.clock = clocks[0]!;
    this.deadline = deadlines[0]!;
  }

  /** What the kernel's state means is where the specification begins. */
  static of(world: World): Beginning {
    const config: Config = {
      numDomains: world.kernel.config.numDomains,
      ticksPerUs,
      minBudget: 20 * ticksPerUs,
      maxPeriodUs: (2n ** 64n - 1n) / BigInt(ticksPerUs) / 8n,
      maxIrq: 96,
    };
    const abstraction = new Abstraction(world.kernel, config);
    return new Beginning(
      world,
      abstraction,
      produce(abstraction.state(world.kernel.node.time), () => {}),
    );
  }
  /** Where both are now. */
  after({ state }: Lockstep): Beginning {
    return new Beginning(this.world, this.abstraction, state);
  }

  begin(): Lockstep {
    const { kernel, clocks, deadlines } = this.world;
    for (const { at, bytes } of this.parts) kernel.machine.memory.u8.set(bytes, at);
    loadKernel(kernel, this.kernel);
    this.abstraction.forget();
    clocks[0] = this.clock;
    deadlines[0] = this.deadline;
    return new Lockstep(this.world, this.abstraction, this.state);
  }
}
