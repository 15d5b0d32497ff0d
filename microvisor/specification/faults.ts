// Faults as messages: what the handler is told, and what its answer changes.
// Source: seL4 manual, "Faults"; libsel4's fault message layouts for riscv64.

import { faultType } from '../abi/faults.ts';
import { msgRegisterCount } from '../abi/limits.ts';
import { userContext } from '../abi/user-context.ts';
import { takeConsumed } from './contexts.ts';
import { type Fault, failureWords } from './fault.ts';
import { bufferOf, infoOf, setBadge, setInfo, setRegister, setWords, word } from './message.ts';
import { type ObjectId, type State, type Thread, thread } from './state.ts';

const pc = -1;
/** The registers that a message about a fault shows, and that the answer to it sets. */
const shown = {
  'unknown syscall': [pc, 2, 1, 10, 11, 12, 13, 14, 15, 16],
  'user exception': [pc, 2],
  timeout: userContext,
} as const;

const labels: Record<Fault['kind'], number> = {
  'cap fault': faultType.capFault,
  'unknown syscall': faultType.unknownSyscall,
  'user exception': faultType.userException,
  'vm fault': faultType.vmFault,
  timeout: faultType.timeout,
};

export const userRegister = (t: Thread, index: number): bigint => (index === pc ? t.restartPc : t.registers[index]!);
export function setUserRegister(t: Thread, index: number, value: bigint): void {
  if (index === pc) t.restartPc = BigInt.asUintN(64, value);
  else setRegister(t, index, value);
}

function messageOf(s: State, t: Thread, fault: Fault): bigint[] {
  switch (fault.kind) {
    case 'cap fault':
      return [t.restartPc, fault.address, fault.receiving ? 1n : 0n, ...failureWords(fault.why)];
    case 'unknown syscall':
      return [...shown[fault.kind].map((index) => userRegister(t, index)), fault.number];
    case 'user exception':
      return [...shown[fault.kind].map((index) => userRegister(t, index)), BigInt(fault.number), BigInt(fault.code)];
    case 'vm fault':
      return [t.restartPc, fault.address, fault.fetching ? 1n : 0n, BigInt(fault.fsr)];
    case 'timeout':
      return t.schedContext === null ? [fault.badge] : [fault.badge, takeConsumed(s, t.schedContext)];
  }
}

export function tellFault(s: State, faulted: ObjectId, badge: bigint, handler: ObjectId): void {
  const t = thread(s, faulted);
  const fault = t.fault!;
  const length = setWords(s, handler, messageOf(s, t, fault));
  setInfo(thread(s, handler), { label: labels[fault.kind], length });
  setBadge(thread(s, handler), badge);
}

/** Applies the handler's answer. true: the thread goes on. */
export function applyAnswer(s: State, faulted: ObjectId, handler: ObjectId): boolean {
  const t = thread(s, faulted);
  const { kind } = t.fault!;
  if (kind === 'cap fault' || kind === 'vm fault') return true;
  const { label, length } = infoOf(thread(s, handler));
  const buffer = bufferOf(s, handler, false);
  const count = Math.min(length, shown[kind].length, buffer === null ? msgRegisterCount : length);
  for (let i = 0; i < count; i++) setUserRegister(t, shown[kind][i]!, word(s, handler, buffer, i));
  return label === 0;
}
