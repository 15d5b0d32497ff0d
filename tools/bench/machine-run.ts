// One program on one fresh machine of ours, until the program ends itself.

import type { MachineConfig } from '../../hw/machine/machine.ts';
import type { Outcome } from '../../vdev/test-finisher.ts';
import { BareMachine } from '../bare/bare-machine.ts';

export interface MachineRun {
  /** undefined: the machine came to rest, or reached the limit. */
  outcome: Outcome | undefined;
  instructions: number;
}

/** Runs an ELF on one hart with 128 MiB, like QEMU without options, for at most `limit` cycles. */
export function runOnMachine(
  path: string,
  { limit = Infinity, translator }: { limit?: number; translator?: MachineConfig['translator'] } = {},
): MachineRun {
  let outcome: Outcome | undefined;
  const bare: BareMachine = new BareMachine({
    harts: 1,
    ramSize: 128 << 20,
    translator,
    disks: [],
    seed: 0,
    builtInFirmware: false,
    onConsole: () => {},
    onOutcome: (ended) => {
      outcome ??= ended;
      bare.machine.stop();
    },
  });
  bare.loadProgram(path);
  bare.machine.run(limit);
  return { outcome, instructions: bare.machine.instructionsOf(bare.machine.harts[0]!) };
}
