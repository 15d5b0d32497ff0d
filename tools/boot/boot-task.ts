// The first thread: makes the system by its script, then waits for faults of cells that have no supervisor of their own.
// It is trusted host code with the face of a realm; what it does to the system, it does by system calls.

import { peerDied } from '../../guests/sdk/message.ts';
import { callRegister } from '../../microvisor/abi/system-calls.ts';
import type { Realm, RealmThread } from '../../microvisor/realm.ts';
import { type BootFacts, readBootInfo, type Script } from './boot-script.ts';
import { Caller, errorOf, type Invocation, type Message } from './invocation.ts';

export interface BootTaskOwner {
  /** The script, from what the kernel handed over. The same facts give the same script. */
  writeScript(facts: BootFacts): Script;
  /** The system is made, and runs. */
  booted(): void;
  /** A message on the fault endpoint. The thread stays stopped. */
  fault(message: Message): void;
  /** Replies to callers of the thread that faulted: slots of its reply objects. */
  repliesOf(message: Message): readonly number[];
  /** The kernel refused a step: a bug, the plan should have been impossible. */
  refused(step: Invocation, reason: string): never;
}

interface State {
  /** Address of BootInfo; 0 before the first turn. */
  bootInfoAddress: number;
  /** The next step of the script. */
  next: number;
  /** What it waits for: the answer to a step of the script or to a later invocation, an event, or nothing. */
  waiting: 'nothing' | 'step' | 'answer' | 'event';
  /** What is still to be done, first to last: answers for threads that died, invocations. */
  tasks: ({ capability: number; answer: number } | Invocation)[];
}

const bootInfoBytes = 4096;
const faultMark = 1n << 63n;

export class BootTask implements Realm {
  private state: State = { bootInfoAddress: 0, next: 0, waiting: 'nothing', tasks: [] };
  private script: Script | undefined;
  private facts: BootFacts | undefined;

  constructor(private readonly owner: BootTaskOwner) {}

  resume(thread: RealmThread): void {
    const { state, owner } = this;
    state.bootInfoAddress ||= Number(thread.register(callRegister.capability));
    this.facts ??= readBootInfo(thread.loadBytes(state.bootInfoAddress, bootInfoBytes)!);
    this.script ??= owner.writeScript(this.facts);
    const { steps, faultEndpoint, faultReply } = this.script;
    const caller = new Caller(thread, this.facts.ipcBufferAddress);
    for (;;) {
      if (state.waiting === 'step') this.checkAnswer(caller.message());
      else if (state.waiting === 'event') this.takeEvent(caller.message());
      state.waiting = 'nothing';

      const task = state.tasks.shift();
      if (task) {
        if (!('answer' in task)) state.waiting = 'answer';
        if (!('answer' in task ? caller.send(task.capability, task.answer) : caller.invoke(task))) return;
        continue;
      }
      if (state.next === steps.length) {
        state.waiting = 'event';
        if (!caller.receive(faultEndpoint, faultReply)) return;
        continue;
      }
      const step = steps[state.next]!;
      if ('store' in step) {
        state.next++;
        if (!thread.storeBytes(step.at, step.store))
          throw new Error(`the boot task cannot write 0x${step.at.toString(16)}`);
        continue;
      }
      state.waiting = 'step';
      if (!caller.invoke(step)) return;
    }
  }

  private checkAnswer(message: Message): void {
    const { state, owner } = this;
    const { steps } = this.script!;
    const reason = errorOf(message);
    if (reason !== undefined) owner.refused(steps[state.next] as Invocation, reason);
    state.next++;
    if (state.next === steps.length) owner.booted();
  }

  /** A fault, or passive servers whose `init` is over. */
  private takeEvent(message: Message): void {
    const { tasks } = this.state;
    if (message.badge & faultMark) {
      this.owner.fault(message);
      for (const capability of this.owner.repliesOf(message)) tasks.push({ capability, answer: peerDied });
      return;
    }
    for (const [bit, { tcb, schedContext }] of this.script!.passive.entries()) {
      if (!((message.badge >> BigInt(bit)) & 1n)) continue;
      tasks.push({ label: 'SchedContextUnbindObject', capability: schedContext, words: [], capabilities: [tcb] });
    }
  }

  skip(): void {
    throw new Error('nobody can send the boot task elsewhere');
  }
  restart(): void {
    throw new Error('nobody can send the boot task elsewhere');
  }

  save(): unknown {
    return structuredClone(this.state);
  }
  load(saved: unknown): void {
    this.state = structuredClone(saved) as State;
    this.script = undefined;
    this.facts = undefined;
  }
}
