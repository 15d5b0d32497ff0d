// What each cell does: instructions, messages, state; and every kernel entry in the trace hash.

import type { Machine } from '../../hw/machine/machine.ts';
import type { Kernel, Microvisor } from '../../microvisor/index.ts';
import { capType, type Tcb, tcbSlot, threadState } from '../../microvisor/objects.ts';
import type { Plan, Thread } from '../plan/plan.ts';
import type { Script } from './boot-script.ts';

/** What a kernel entry has in the place of a trap's cause in the trace hash. */
const kernelEntry = 0x4000_0000;

export class Activity {
  private readonly instructions = new Map<Tcb, number>();
  private readonly running: Tcb[];
  private readonly last: number[];
  private readonly threads = new Map<Thread, Tcb>();

  constructor(
    private readonly machine: Machine,
    private readonly kernel: Kernel,
    microvisor: Microvisor,
  ) {
    this.running = kernel.nodes.map((node) => node.current);
    this.last = machine.harts.map(() => 0);
    microvisor.afterEntry = (hart) => this.entered(hart);
  }

  private entered(id: number): void {
    const { machine, kernel } = this;
    const hart = machine.harts[id]!;
    const now = machine.instructionsOf(hart);
    const before = this.running[id]!;
    this.instructions.set(before, (this.instructions.get(before) ?? 0) + now - this.last[id]!);
    this.last[id] = now;
    this.running[id] = kernel.nodes[id]!.current;
    machine.hash.trap(hart, machine.cycles(hart), kernelEntry);
  }

  /** Learns which TCB is which thread of the plan, from the capabilities of the boot task. */
  learn(plan: Plan, script: Script, bootTask: Tcb): void {
    const { cap } = bootTask.slots.slot(tcbSlot.cTable);
    if (cap.type !== capType.cNode) return;
    for (const thread of plan.threads) {
      const found = cap.node.slot(script.slots.get(thread.tcb)!).cap;
      if (found.type !== capType.thread) continue;
      found.tcb.name = thread.tcb;
      this.threads.set(thread, found.tcb);
    }
  }

  /** The cell whose thread runs on a hart. */
  cellOn(hart: number): string | undefined {
    const { current } = this.kernel.nodes[hart]!;
    for (const [thread, tcb] of this.threads) if (tcb === current) return thread.cell;
    return undefined;
  }

  /** The sum over a cell's threads. */
  of(plan: Plan, cell: string): { instructions: number; messages: number; state: 'running' | 'waiting' | 'stopped' } {
    const tcbs = plan.threads.filter((thread) => thread.cell === cell).map((thread) => this.threads.get(thread));
    const known = tcbs.filter((tcb) => tcb !== undefined);
    const instructions = known.reduce((sum, tcb) => sum + (this.instructions.get(tcb) ?? 0), 0);
    const messages = known.reduce((sum, tcb) => sum + tcb.messages, 0);
    // A virtual hart whose exit is being handled has a fault, too, and is not stopped.
    const stopped = known.every(
      (tcb) => tcb.state === threadState.inactive || (tcb.fault !== null && tcb.vcpu === null),
    );
    const runs = known.some((tcb) => tcb.state === threadState.running || tcb.state === threadState.restart);
    return { instructions, messages, state: stopped ? 'stopped' : runs ? 'running' : 'waiting' };
  }
}
