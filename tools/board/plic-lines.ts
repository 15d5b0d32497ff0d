// The outputs of a PLIC passed on to the harts, each when it changes. Contexts are numbered as on QEMU's `virt`: M-mode and
// S-mode of each hart in turn.

import type { Machine } from '../../hw/machine/machine.ts';
import { isInterrupting, type PlicState } from '../../vdev/plic.ts';

/** The context of a hart's S-mode. */
export const supervisorContext = (hart: number): number => 2 * hart + 1;
export const supervisorExternal = 1 << 9;

const outputs = {
  machine: { line: 1 << 11, contextOf: (hart: number): number => 2 * hart },
  supervisor: { line: supervisorExternal, contextOf: supervisorContext },
};

export class PlicLines {
  /** By hart: the lines that are raised. */
  private driven: number[];

  /** The modes are those that take interrupts. The state is asked for each time: a saved one may take its place. */
  constructor(
    private readonly machine: Machine,
    private readonly plic: () => PlicState,
    private readonly modes: readonly (keyof typeof outputs)[],
  ) {
    this.driven = machine.harts.map(() => 0);
  }

  private raised(hart: number, mode: keyof typeof outputs): number {
    const { line, contextOf } = outputs[mode];
    return isInterrupting(this.plic(), contextOf(hart)) ? line : 0;
  }

  /** To be called after every access to the PLIC. */
  follow(): void {
    for (const hart of this.machine.harts) {
      for (const mode of this.modes) {
        const { line } = outputs[mode];
        const raised = this.raised(hart.id, mode);
        if ((this.driven[hart.id]! & line) === raised) continue;
        this.driven[hart.id]! ^= line;
        this.machine.setLines(hart, line, raised !== 0);
      }
    }
  }

  /** After the machine was loaded: its harts have the lines that the PLIC drove when it was saved. */
  loaded(): void {
    this.driven = this.machine.harts.map(({ id }) => this.modes.reduce((all, mode) => all | this.raised(id, mode), 0));
  }
}
