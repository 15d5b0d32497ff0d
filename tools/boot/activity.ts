// What each cell does: instructions, messages, state.

import type { Hart } from '../../hw/hart/hart.ts';
import type { Machine } from '../../hw/machine/machine.ts';
import type { Kernel, Microvisor } from '../../microvisor/index.ts';
import { capType, type Tcb, tcbSlot, threadState } from '../../microvisor/objects.ts';
import type { Plan, Thread } from '../plan/plan.ts';
import type { Script } from './boot-script.ts';

/** Instructions by name of the thread. */
export type SavedActivity = Record<string, number>;

export class Activity {
  /** Threads that guests have made and deleted are forgotten with them. */
  private instructions = new WeakMap<Tcb, number>();
  /** What runs on each hart, and the hart's instructions when that was last looked at. */
  private running: Tcb[];
  private last: number[];
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
    this.settle(hart);
    this.running[id] = kernel.nodes[id]!.current;
  }

  /** Gives what a hart has done since the last look to the thread that ran. */
  private settle(hart: Hart): void {
    const now = this.machine.instructionsOf(hart);
    const before = this.running[hart.id]!;
    this.instructions.set(before, (this.instructions.get(before) ?? 0) + now - this.last[hart.id]!);
    this.last[hart.id] = now;
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

  save(): SavedActivity {
    for (const hart of this.machine.harts) this.settle(hart);
    return Object.fromEntries([...this.threads].map(([{ tcb: name }, tcb]) => [name, this.instructions.get(tcb) ?? 0]));
  }
  /** Goes on with a machine and a kernel that have been loaded, once the threads are learnt. */
  load(saved: SavedActivity): void {
    this.instructions = new WeakMap();
    for (const [{ tcb: name }, tcb] of this.threads) this.instructions.set(tcb, saved[name] ?? 0);
    this.running = this.kernel.nodes.map((node) => node.current);
    this.last = this.machine.harts.map((hart) => this.machine.instructionsOf(hart));
  }

  /** The cell whose thread runs on a hart. */
  cellOn(hart: number): string | undefined {
    const { current } = this.kernel.nodes[hart]!;
    for (const [thread, tcb] of this.threads) if (tcb === current) return thread.cell;
    return undefined;
  }

  /** The sum over a cell's threads. */
  of(plan: Plan, cell: string): { instructions: number; messages: number; state: 'running' | 'waiting' | 'stopped' } {
    for (const hart of this.machine.harts) this.settle(hart);
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
