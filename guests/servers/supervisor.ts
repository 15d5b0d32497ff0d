// The supervisor: gets the faults of the cells that it supervises, and starts them again as the manifest's `restart` says.

import { faultType } from '../../microvisor/abi/faults.ts';
import { label } from '../../microvisor/abi/invocation-labels.ts';
import { userContext } from '../../microvisor/abi/user-context.ts';
import { type Cell, type ChildFault, call, peerDied, send, server } from '../sdk/index.ts';
import { afterFault, slot } from '../sdk/layout.ts';

interface State {
  /** Restarts so far, by cell. */
  restarts: Record<string, number>;
}

/** a0 tells a realm how to go on (guests/sdk/layout.ts); up to it, a thread's registers are read and written. */
const a0 = userContext.indexOf(10);
const throughA0 = a0 + 1;
const resumes = 1n;

const kinds: Readonly<Record<number, string>> = {
  [faultType.capFault]: 'a capability fault',
  [faultType.unknownSyscall]: 'an unknown system call',
  [faultType.userException]: 'an exception',
  [faultType.timeout]: 'an exhausted budget',
  [faultType.vmFault]: 'a memory fault',
};

/** Lets the child's thread go on, as `how` of `afterFault` says. */
function goOn(child: number, how: number): void {
  const thread = slot.childThread + child;
  const { words } = call(thread, { label: label.TCBReadRegisters, words: [0n, BigInt(throughA0)] });
  const registers = words.map((word, index) => (index === a0 ? BigInt(how) : word));
  call(thread, { label: label.TCBWriteRegisters, words: [resumes, BigInt(throughA0), ...registers] });
}

/** Callers of the child learn that no answer will come; on nobody's behalf the answer is lost. */
function answerCallers(child: number): void {
  send(slot.childReply + child, { label: peerDied, words: [] });
}

/** A passive child has no time of its own to begin again with. Who still has it refuses it, and that is as good. */
function giveTime(child: number): void {
  const thread = slot.childThread + child;
  call(slot.childContext + child, { label: label.SchedContextBind, words: [] }, [thread]);
}

function handle(cell: Cell<State>, { child, name, label: kind }: ChildFault): void {
  answerCallers(child);
  const policy = cell.restartPolicy(name);
  const what = kinds[kind] ?? `a fault of kind ${kind}`;
  if (policy === undefined) {
    cell.log(`${name} has stopped with ${what}`);
    return;
  }
  const { restarts } = cell.draft();
  restarts[name] = (restarts[name] ?? 0) + 1;
  cell.log(`${name} has had ${what}: ${policy === 'resume' ? 'it goes on' : `restart ${restarts[name]}`}`);
  giveTime(child);
  goOn(child, policy === 'resume' ? afterFault.resume : afterFault.restart);
}

export default server<State>({
  state: () => ({ restarts: {} }),

  fault(cell, fault) {
    handle(cell, fault);
    // No answer: the thread goes on by the registers that were written, or stays stopped.
    return undefined;
  },
});
