// System calls of the current thread: sending, receiving, both, yielding; and the debug calls of a printing debug build.

import { faultType, lookupFailure } from '../abi/faults.ts';
import { ipcBuffer } from '../abi/ipc-buffer.ts';
import { msgMaxLength, msgRegisterCount } from '../abi/limits.ts';
import { callRegister, systemCall } from '../abi/system-calls.ts';
import { replyFromKernel } from '../answer.ts';
import { mcsPreemptionPoint, yieldSlice } from '../budget.ts';
import { lookupRegister } from '../cspace/lookup.ts';
import { receiveIPC, type SendOptions } from '../endpoint.ts';
import { handleFault } from '../fault-handler.ts';
import type { Fault } from '../fault-values.ts';
import type { Kernel } from '../kernel.ts';
import { bufferWord, infoInRegisters, infoLabel, infoLength, lookupIPCBuffer } from '../message.ts';
import { receiveSignal } from '../notification.ts';
import { capType, type Reply, type Slot, threadState } from '../objects.ts';
import { preempted } from '../outcome.ts';
import { setThreadState } from '../scheduler.ts';
import { lookupExtraCaps } from '../transfer.ts';
import { decodeInvocation, sendMessage } from './decode-invocation.ts';
import { Invocation } from './invocation.ts';
import { setTlsBase } from './tcb-invocation.ts';

const send: SendOptions = { isBlocking: true, isCall: false, canDonate: false };
const nbSend: SendOptions = { isBlocking: false, isCall: false, canDonate: false };
const call: SendOptions = { isBlocking: true, isCall: true, canDonate: true };
/** The send phase of a call that goes on to receive. */
const firstPhase: SendOptions = { isBlocking: false, isCall: false, canDonate: true };

/** `canReply`: the reply object for the answer is in a register. */
const recv = { isBlocking: true, canReply: true };
const nbRecv = { isBlocking: false, canReply: true };
const wait = { isBlocking: true, canReply: false };
const nbWait = { isBlocking: false, canReply: false };

const { capability, reply, nbSendRecvDestination } = callRegister;

/** What calls send along the capability in the register `to`, and what they receive then. By number, without the sign. */
const calls: Readonly<Record<number, { sends: SendOptions | null; to: number; receives: typeof recv | null }>> = {
  [-systemCall.call]: { sends: call, to: capability, receives: null },
  [-systemCall.send]: { sends: send, to: capability, receives: null },
  [-systemCall.nbSend]: { sends: nbSend, to: capability, receives: null },
  [-systemCall.replyRecv]: { sends: firstPhase, to: reply, receives: recv },
  [-systemCall.nbSendRecv]: { sends: firstPhase, to: nbSendRecvDestination, receives: recv },
  [-systemCall.nbSendWait]: { sends: firstPhase, to: reply, receives: wait },
  [-systemCall.recv]: { sends: null, to: capability, receives: recv },
  [-systemCall.nbRecv]: { sends: null, to: capability, receives: nbRecv },
  [-systemCall.wait]: { sends: null, to: capability, receives: wait },
  [-systemCall.nbWait]: { sends: null, to: capability, receives: nbWait },
};

/** A system call of the API: −1 to −11. */
export function handleSyscall(kernel: Kernel, number: number): void {
  if (number === systemCall.yield) {
    yieldSlice(kernel);
    return;
  }
  const { sends, to, receives } = calls[-number]!;
  if (sends !== null && !handleInvocation(kernel, sends, to)) {
    mcsPreemptionPoint(kernel);
  } else if (receives !== null) {
    const fault = receive(kernel, receives);
    if (fault !== null) handleFault(kernel, kernel.node.current, fault);
  }
}

/** Invokes the capability whose address is in a register. false: preempted; the system call starts again later. */
function handleInvocation(kernel: Kernel, options: SendOptions, register: number): boolean {
  const thread = kernel.node.current;
  const { context } = thread;
  kernel.charge(kernel.costs.invocation);
  const slot = lookupRegister(kernel, register);
  if (slot === null) return failLookup(kernel, options, BigInt.asUintN(64, context.x(register)));
  const low = context.xLow(callRegister.messageInfo);
  const high = context.xHigh(callRegister.messageInfo);
  const buffer = infoInRegisters(low) ? -1 : lookupIPCBuffer(kernel, false, thread);
  const failed = lookupExtraCaps(kernel, thread, buffer, low);
  if (failed >= 0) return failLookup(kernel, options, bufferWord(kernel, buffer, failed));
  const length = Math.min(infoLength(low), buffer < 0 ? msgRegisterCount : msgMaxLength);
  // Whoever changes this state meanwhile (suspends the caller, blocks it) means it.
  setThreadState(kernel, thread, threadState.restart);
  const outcome =
    sendMessage(kernel, thread, slot.cap, options) ??
    decodeInvocation(
      kernel,
      new Invocation(kernel, infoLabel(low, high), length, slot, buffer),
      options === firstPhase,
    );
  if (outcome === preempted) return false;
  if (thread.state !== threadState.restart) return true;
  if (options.isCall) replyFromKernel(kernel, thread, outcome);
  setThreadState(kernel, thread, threadState.running);
  return true;
}

/** An address leads nowhere: who would have waited faults. */
function failLookup(kernel: Kernel, { isBlocking }: SendOptions, address: bigint): true {
  const fault: Fault = { type: faultType.capFault, address, inReceivePhase: false };
  if (isBlocking) handleFault(kernel, kernel.node.current, fault);
  return true;
}

/** Receives from the endpoint or notification in a0. The caller's fault, if it names something else. */
function receive(kernel: Kernel, { isBlocking, canReply }: typeof recv): Fault | null {
  const thread = kernel.node.current;
  const slot = lookupRegister(kernel, capability);
  const cap = slot?.cap;
  if (cap?.type === capType.endpoint && cap.canReceive) {
    let replyObject: Reply | null = null;
    if (canReply) {
      const replySlot = lookupRegister(kernel, reply);
      if (replySlot?.cap.type !== capType.reply) return wrongCapability(kernel, replySlot, reply);
      replyObject = replySlot.cap.reply;
    }
    receiveIPC(kernel, thread, cap, isBlocking, replyObject);
    return null;
  }
  // A notification that is bound is its thread's alone.
  if (cap?.type === capType.notification && cap.canReceive && (cap.notification.boundTcb ?? thread) === thread) {
    receiveSignal(kernel, thread, cap, isBlocking);
    return null;
  }
  return wrongCapability(kernel, slot, capability);
}

/** The address in a register leads nowhere (no slot), or to what can't be received from. */
function wrongCapability(kernel: Kernel, slot: Slot | null, register: number): Fault {
  if (slot !== null) kernel.lookupFailure = { type: lookupFailure.missingCapability, bitsLeft: 0 };
  const address = BigInt.asUintN(64, kernel.node.current.context.x(register));
  return { type: faultType.capFault, address, inReceivePhase: true };
}

/** A debug call that ends everything; with windows nobody may, and it counts as unknown. */
function halt(kernel: Kernel, reason: string): boolean {
  if (!kernel.config.windows) kernel.machine.port.halt(reason);
  return !kernel.config.windows;
}

/** Debug calls, which take no budget. false: it isn't one. */
export function handleDebugCall(kernel: Kernel, number: number): boolean {
  const thread = kernel.node.current;
  const { context } = thread;
  const { port } = kernel.machine;
  switch (number) {
    case systemCall.debugPutChar:
      port.putChar(context.xLow(capability) & 0xff);
      return true;
    case systemCall.debugDumpScheduler:
      for (const line of describeThreads(kernel)) port.log(line);
      return true;
    case systemCall.debugHalt:
      return halt(kernel, `Debug halt syscall from user thread "${thread.name}"`);
    case systemCall.debugSnapshot:
      port.log(`Debug snapshot syscall from user thread "${thread.name}"`);
      return true;
    case systemCall.debugCapIdentify:
      context.setX(capability, BigInt(lookupRegister(kernel, capability)?.cap.type ?? capType.null));
      return true;
    case systemCall.debugNameThread:
      nameThread(kernel);
      return true;
    case systemCall.debugSendIpi:
      return halt(kernel, 'SysDebugSendIPI: not supported on this architecture');
    case systemCall.debugGetThreadAffinity: {
      const cap = lookupRegister(kernel, capability)?.cap;
      if (cap?.type === capType.thread) context.setX(capability, BigInt(cap.tcb.affinity));
      else return halt(kernel, 'SysDebugGetThreadAffinity: not a TCB');
      return true;
    }
    default:
      return false;
  }
}

const maxNameLength = 127;

function nameThread(kernel: Kernel): void {
  const { memory } = kernel.machine;
  const cap = lookupRegister(kernel, capability)?.cap;
  const buffer = lookupIPCBuffer(kernel, true, kernel.node.current);
  if (cap?.type !== capType.thread || buffer < 0) {
    halt(kernel, 'SysDebugNameThread: not a TCB, or no IPC buffer');
    return;
  }
  const at = buffer + ipcBuffer.message * 8;
  const bytes = memory.u8.subarray(at, at + msgMaxLength * 8);
  const end = bytes.indexOf(0);
  if (end < 0) {
    halt(kernel, 'SysDebugNameThread: name too long');
    return;
  }
  cap.tcb.name = String.fromCharCode(...bytes.subarray(0, Math.min(end, maxNameLength)));
}

function* describeThreads(kernel: Kernel): IterableIterator<string> {
  const states = Object.keys(threadState);
  for (const node of kernel.nodes) {
    const { name, state, priority } = node.current;
    yield `hart ${node.id}: "${name}" ${states[state]} priority ${priority}`;
    for (const queue of node.ready) {
      for (let tcb = queue.head; tcb !== null; tcb = tcb.next) {
        yield `hart ${node.id}: "${tcb.name}" ${states[tcb.state]} priority ${tcb.priority}, ready`;
      }
    }
  }
}

/** A system call that isn't of the API nor a debug call; to a foreign thread all are unknown. */
export function handleUnknownSyscall(kernel: Kernel, number: bigint, foreign: boolean): void {
  const thread = kernel.node.current;
  if (!foreign && number === BigInt(systemCall.setTlsBase)) {
    setTlsBase(thread, thread.context.x(capability));
  } else {
    handleFault(kernel, thread, { type: faultType.unknownSyscall, number: BigInt.asUintN(64, number) });
  }
}
