// Runs a machine in this process, with the user's terminal on its console, for as long as it goes.

import type { Machine, StopReason } from '../../hw/machine/machine.ts';
import { ModuleGarbage } from '../host/module-garbage.ts';
import { Nap, runPaced } from '../host/pace.ts';
import { attachTerminal } from '../host/terminal.ts';

export interface TerminalRun {
  machine: Machine;
  /** Virtual time from now on; Infinity: no limit. */
  limitNs: number;
  /** Takes bytes typed at the console. */
  input(bytes: Uint8Array): void;
  /** Whether input can wake the guest: an idle machine waits for some. */
  listening(): boolean;
  /** The guest has ended the run, or enough has been seen. */
  over(): boolean;
}

/** How a run came to its end. */
export interface RunEnding {
  reason: StopReason;
  /** By the user: from the terminal, or with SIGINT. */
  left: boolean;
  interrupted: boolean;
  hostMs: number;
}

export const writeConsole = (bytes: Uint8Array): void => void process.stdout.write(bytes);

export async function runAtTerminal({ machine, limitNs, input, listening, over }: TerminalRun): Promise<RunEnding> {
  let left = false;
  let interrupted = false;
  const nap = new Nap();
  const garbage = new ModuleGarbage(machine);
  const terminal = attachTerminal({
    onInput: (bytes) => {
      input(bytes);
      nap.wake();
    },
    onLeave: () => {
      left = true;
      nap.wake();
    },
    onEnd: () => nap.wake(),
  });
  const onInterrupt = (): void => {
    interrupted = true;
    nap.wake();
  };
  process.on('SIGINT', onInterrupt);
  const started = performance.now();
  try {
    const reason = await runPaced(machine, {
      limit: machine.now + (limitNs * machine.clockHz) / 1e9,
      realTime: terminal.interactive,
      inputMayCome: () => !terminal.ended && listening(),
      nap,
      ended: () => {
        garbage.look();
        return left || interrupted || over();
      },
    });
    return { reason, left, interrupted, hostMs: performance.now() - started };
  } finally {
    process.removeListener('SIGINT', onInterrupt);
    terminal.close();
  }
}

/** The line that ends a run, on standard error: `what` happened, and the figures. */
export function writeSummary(machine: Machine, what: string, { hostMs }: RunEnding): void {
  const instructions = machine.harts.reduce((sum, hart) => sum + machine.instructionsOf(hart), 0);
  const figures = [
    `${(machine.nowNs / 1e9).toFixed(6)} s of virtual time`,
    `${instructions} instructions`,
    `${(hostMs / 1e3).toFixed(1)} s of host time (${(instructions / hostMs / 1e3).toFixed(0)} million/s)`,
    `trace hash ${machine.hash.value}`,
  ];
  process.stderr.write(`\nmicrovisor: ${what}; ${figures.join(', ')}\n`);
}
