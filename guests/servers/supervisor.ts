// The supervisor: gets the faults of the cells that it supervises, and starts them again as the manifest's `restart` says.

import { realmPc } from '../../microvisor/abi/extensions.ts';
import { label } from '../../microvisor/abi/invocation-labels.ts';
import { userContext } from '../../microvisor/abi/user-context.ts';
import { type Cell, type ChildFault, call, faultName, peerDied, send, server } from '../sdk/index.ts';
import { slot } from '../sdk/layout.ts';

interface State {
  /** Restarts so far, by cell. */
  restarts: Record<string, number>;
}

const pc = userContext.indexOf(-1);
/** Where a realm that begins anew finds the reason. */
const a0 = userContext.indexOf(10);
const resumes = 1n;

/**
 * The child's thread goes on where it is sent, whatever it has been stopped by. What its other registers hold belongs to what it
 * leaves behind. Whether the kernel has done so.
 */
function sendTo(child: number, where: bigint, reason: number): boolean {
  const registers = Array.from({ length: a0 + 1 }, () => 0n);
  registers[pc] = where;
  registers[a0] = BigInt(reason);
  const words = [resumes, BigInt(registers.length), ...registers];
  return call(slot.childThread + child, { label: label.TCBWriteRegisters, words }).label === 0;
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
  const what = faultName(kind);
  if (policy === undefined) {
    cell.log(`${name} has stopped with ${what}`);
    return;
  }
  giveTime(child);
  if (!sendTo(child, policy === 'resume' ? realmPc.skip : realmPc.start, kind)) {
    cell.log(`${name} has had ${what}, and cannot be reached`);
  } else if (policy === 'resume') {
    cell.log(`${name} has had ${what}: it goes on`);
  } else {
    const { restarts } = cell.draft();
    restarts[name] = (restarts[name] ?? 0) + 1;
    cell.log(`${name} has had ${what}: restart ${restarts[name]}`);
  }
}

export default server<State>({
  state: () => ({ restarts: {} }),

  fault(cell, fault) {
    handle(cell, fault);
    // No answer: the thread goes on by the registers that were written, or stays stopped.
    return undefined;
  },
});
