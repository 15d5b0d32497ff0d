// The system calls of the current thread: sending, receiving, both, yielding.
// Source: seL4 manual, "System Calls"; syscall.xml (MCS).

import { msgRegisterCount } from '../abi/limits.ts';
import { callRegister, systemCall } from '../abi/system-calls.ts';
import { invokeCNode } from './cnode-invocations.ts';
import { invokeDomain, invokeIrqControl, invokeIrqHandler } from './control-invocations.ts';
import { capAt } from './derivation.ts';
import { type Fault, invalidCapability, type LookupFailure, type Outcome, Refused } from './fault.ts';
import { Invocation } from './invocation.ts';
import { answerCaller, cancel, lookupBeside, raise, receive, type Sending, send } from './ipc.ts';
import { lookup } from './lookup.ts';
import { answer, bufferOf, infoOf, register } from './message.ts';
import { signal, waitFor } from './notifications.ts';
import { invokeSchedContext, invokeSchedControl } from './sched-invocations.ts';
import { become } from './schedule.ts';
import { type Capability, type ObjectId, restart, running, type State, thread } from './state.ts';
import { invokeTcb } from './tcb-invocations.ts';
import { yieldTurn } from './turns.ts';
import { invokeUntyped } from './untyped-invocations.ts';
import { invokeAsidControl, invokeAsidPool, invokePage, invokePageTable } from './vspace-invocations.ts';

interface Phase extends Sending {
  /** A system call that receives afterwards: it may not do what could keep the thread from that. */
  first: boolean;
}
const sending: Phase = { blocking: true, call: false, donates: false, first: false };
const trying: Phase = { ...sending, blocking: false };
const calling: Phase = { ...sending, call: true, donates: true };
const beforeReceiving: Phase = { blocking: false, call: false, donates: true, first: true };

/** 'preempted': a long operation stopped in the middle. */
export function systemCallOf(s: State, id: ObjectId, number: number): 'done' | 'preempted' {
  const { capability, reply, nbSendRecvDestination } = callRegister;
  switch (number) {
    case systemCall.send:
      return invoke(s, id, capability, sending);
    case systemCall.nbSend:
      return invoke(s, id, capability, trying);
    case systemCall.call:
      return invoke(s, id, capability, calling);
    case systemCall.recv:
      return receiveFrom(s, id, { blocking: true, replying: true });
    case systemCall.nbRecv:
      return receiveFrom(s, id, { blocking: false, replying: true });
    case systemCall.wait:
      return receiveFrom(s, id, { blocking: true, replying: false });
    case systemCall.nbWait:
      return receiveFrom(s, id, { blocking: false, replying: false });
    case systemCall.replyRecv:
      return sendThenReceive(s, id, reply, true);
    case systemCall.nbSendRecv:
      return sendThenReceive(s, id, nbSendRecvDestination, true);
    case systemCall.nbSendWait:
      return sendThenReceive(s, id, reply, false);
    default:
      yieldTurn(s);
      return 'done';
  }
}
function sendThenReceive(s: State, id: ObjectId, destination: number, replying: boolean): 'done' | 'preempted' {
  const sent = invoke(s, id, destination, beforeReceiving);
  return sent === 'preempted' ? sent : receiveFrom(s, id, { blocking: true, replying });
}

// Sending.

/** Does what the capability whose address is in a register is asked for. */
function invoke(s: State, id: ObjectId, from: number, phase: Phase): 'done' | 'preempted' {
  const t = thread(s, id);
  const fault = (address: bigint, why: LookupFailure): 'done' => {
    if (phase.blocking) raise(s, id, { kind: 'cap fault', address, receiving: false, why });
    return 'done';
  };
  const address = register(t, from);
  const found = lookup(s, id, address);
  if ('failure' in found) return fault(address, found.failure);
  const buffer = bufferOf(s, id, false);
  const beside = lookupBeside(s, id, buffer);
  if ('failure' in beside) return fault(beside.address, beside.failure);

  const info = infoOf(t);
  const length = buffer === null ? Math.min(info.length, msgRegisterCount) : info.length;
  const invocation = new Invocation(s, id, info.label, length, found.slot, beside.slots, buffer);
  // Until it is over it would start again.
  t.activity = restart;
  const outcome = perform(invocation, capAt(s, found.slot), phase);
  if (outcome === 'preempted') return 'preempted';
  // Unless the invocation has stopped the thread, or taken it away, it goes on.
  if (s.threads[id]?.activity.kind !== 'restart') return 'done';
  if (phase.call) {
    const refused = outcome instanceof Refused;
    answer(s, id, refused ? outcome.error : 0, outcome === 'done' ? [] : outcome.words);
  }
  become(s, id, running);
  return 'done';
}

function perform(invocation: Invocation, cap: Capability | undefined, phase: Phase): Outcome {
  const { s, thread: id } = invocation;
  switch (cap?.kind) {
    case 'endpoint':
      if (!cap.send) return invalidCapability(0);
      send(s, id, cap, phase);
      return 'done';
    case 'notification':
      if (!cap.send) return invalidCapability(0);
      signal(s, cap.object, cap.badge, (bound) => cancel(s, bound));
      return 'done';
    case 'reply':
      answerCaller(s, id, cap);
      return 'done';
    case 'untyped':
      return invokeUntyped(invocation, cap);
    case 'page-table':
      return invokePageTable(invocation, cap);
    case 'frame':
      return invokePage(invocation, cap);
    case 'asid-control':
      return invokeAsidControl(invocation);
    case 'asid-pool':
      return invokeAsidPool(invocation, cap);
    case 'irq-control':
      return invokeIrqControl(invocation);
    case 'irq-handler':
      return invokeIrqHandler(invocation, cap.irq);
    default:
      return phase.first ? invalidCapability(0) : performAlone(invocation, cap);
  }
}
/** Invocations that no system call can be combined with. */
function performAlone(invocation: Invocation, cap: Capability | undefined): Outcome {
  switch (cap?.kind) {
    case 'tcb':
      return invokeTcb(invocation, cap.object);
    case 'cnode':
      return invokeCNode(invocation, cap);
    case 'domain':
      return invokeDomain(invocation);
    case 'sched-control':
      return invokeSchedControl(invocation);
    case 'sched-context':
      return invokeSchedContext(invocation, cap.object);
    default:
      return invalidCapability(0);
  }
}

// Receiving.

interface Receiving {
  blocking: boolean;
  /** Whether the thread names a reply object for a caller to wait with. */
  replying: boolean;
}
function receiveFrom(s: State, id: ObjectId, how: Receiving): 'done' {
  const fault = tryReceive(s, id, how);
  if (fault !== null) raise(s, id, fault);
  return 'done';
}
function tryReceive(s: State, id: ObjectId, { blocking, replying }: Receiving): Fault | null {
  const find = (from: number): { cap: Capability | undefined; fault: () => Fault } => {
    const address = register(thread(s, id), from);
    const found = lookup(s, id, address);
    const failure: LookupFailure = 'failure' in found ? found.failure : { kind: 'missing capability', bitsLeft: 0 };
    const cap = 'failure' in found ? undefined : capAt(s, found.slot);
    return { cap, fault: () => ({ kind: 'cap fault', address, receiving: true, why: failure }) };
  };
  const { cap, fault } = find(callRegister.capability);
  if (cap?.kind === 'endpoint' && cap.receive) {
    if (!replying) {
      receive(s, id, cap.object, null, blocking);
      return null;
    }
    const reply = find(callRegister.reply);
    if (reply.cap?.kind !== 'reply') return reply.fault();
    receive(s, id, cap.object, reply.cap.object, blocking);
    return null;
  }
  if (cap?.kind !== 'notification' || !cap.receive) return fault();
  const bound = s.notifications[cap.object]!.thread;
  if (bound !== null && bound !== id) return fault();
  waitFor(s, cap.object, id, blocking);
  return null;
}
