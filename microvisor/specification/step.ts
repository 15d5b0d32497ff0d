// One entry into the kernel, from an event to who runs next: all that users of the specification need.

import { produce } from 'immer';
import { tcbFlag } from '../abi/rights.ts';
import { callRegister, lowestApiCall, systemCall } from '../abi/system-calls.ts';
import { completeYield } from './contexts.ts';
import { capAt } from './derivation.ts';
import type { Fault } from './fault.ts';
import { cancel, raise } from './ipc.ts';
import { register, setRegister, store } from './message.ts';
import { signal } from './notifications.ts';
import { advance, become, schedule } from './schedule.ts';
import { type ObjectId, running, type State, slotId, thread } from './state.ts';
import { systemCallOf } from './system-calls.ts';
import { setTlsBase } from './tcb-invocations.ts';
import { hasTime, hasTimeToAsk, stopInBetween } from './turns.ts';

/** What brings the kernel in. */
export type Trap =
  | { kind: 'system call' }
  /** `cause` as scause has it. */
  | { kind: 'exception'; cause: number; address: bigint }
  | { kind: 'interrupt'; irq: number }
  | { kind: 'timer' };

export interface Event {
  /** Ticks; never less than in the event before. */
  now: number;
  /** What the current thread has put into its registers, and into memory, since it last ran. */
  registers?: Readonly<Record<number, bigint>>;
  memory?: Readonly<Record<number, bigint>>;
  /** Whether a further interrupt waits meanwhile. */
  interrupted?: boolean;
  trap: Trap;
}

/** The state after an event. The current thread is the one that a system call or exception comes from. */
export const step = (state: State, event: Event): State => produce(state, (s) => enter(s, event));

function enter(s: State, { now, registers = {}, memory = {}, interrupted = false, trap }: Event): void {
  s.interrupted = interrupted;
  const id = s.current;
  if (id !== null) {
    const t = thread(s, id);
    for (const [index, value] of Object.entries(registers)) setRegister(t, Number(index), value);
    t.restartPc = t.pc;
  }
  for (const [address, word] of Object.entries(memory)) store(s, Number(address), word);
  advance(s, now);
  handle(s, id, trap);
  schedule(s);
  if (s.current !== null) goOn(s, s.current);
}

/** The thread that was chosen goes on: a yield is over, and what was interrupted starts again. */
function goOn(s: State, id: ObjectId): void {
  completeYield(s, id);
  const t = thread(s, id);
  if (t.activity.kind !== 'restart') return;
  t.pc = t.restartPc;
  become(s, id, running);
}

function handle(s: State, id: ObjectId | null, trap: Trap): void {
  switch (trap.kind) {
    case 'timer':
      hasTime(s);
      s.rearm = true;
      return;
    case 'interrupt': {
      hasTime(s);
      const cap = capAt(s, slotId('irq', trap.irq));
      if (cap?.kind === 'notification' && cap.send) signal(s, cap.object, cap.badge, (bound) => cancel(s, bound));
      return;
    }
    case 'exception':
      if (hasTimeToAsk(s, id!)) raise(s, id!, exceptionFault(trap.cause, trap.address));
      return;
    case 'system call':
      ecall(s, id!);
      return;
  }
}

function ecall(s: State, id: ObjectId): void {
  const t = thread(s, id);
  t.pc = BigInt.asUintN(64, t.pc + 4n);
  if (!hasTimeToAsk(s, id)) return;
  const number = Number(BigInt.asIntN(64, register(t, callRegister.number)));
  const isForeign = (t.flags & tcbFlag.foreign) !== 0;
  if (!isForeign && number < 0 && number >= lowestApiCall) {
    if (systemCallOf(s, id, number) === 'preempted') stopInBetween(s);
  } else if (!isForeign && number === systemCall.setTlsBase) {
    setTlsBase(t, register(t, callRegister.capability));
  } else {
    raise(s, id, { kind: 'unknown syscall', number: register(t, callRegister.number) });
  }
}

/** Page and access faults by scause, as a VMFault tells them apart. */
const fetching = [1, 12];
const loading = [5, 13];
const storing = [7, 15];
function exceptionFault(cause: number, address: bigint): Fault {
  for (const causes of [fetching, loading, storing]) {
    if (causes.includes(cause)) {
      return { kind: 'vm fault', address, fsr: causes[0]!, fetching: causes === fetching };
    }
  }
  return { kind: 'user exception', number: cause, code: 0 };
}
