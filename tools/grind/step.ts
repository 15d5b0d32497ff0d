// What the grinder does, step by step, as plain data: a recorded sequence can be run again, and parts of it left out.

import { invocationNames } from '../../microvisor/abi/invocation-labels.ts';
import { systemCall } from '../../microvisor/abi/system-calls.ts';

/** A system call of whichever thread runs on the hart: its registers, and its IPC buffer if it has one. */
export interface CallStep {
  readonly kind: 'call';
  readonly hart: number;
  readonly number: number | bigint;
  readonly capability: bigint;
  /** In a6 and t0. */
  readonly reply: bigint;
  readonly destination: bigint;
  readonly label: number;
  readonly words: readonly bigint[];
  readonly caps: readonly bigint[];
  /** Where a capability that arrives is to go: CNode, index, depth. */
  readonly receive: readonly [bigint, bigint, bigint] | null;
}
/** The thread on the hart executes one instruction that reads, writes or lies at an address. */
export interface AccessStep {
  readonly kind: 'read' | 'write' | 'execute';
  readonly hart: number;
  readonly address: number;
}
/** The thread on the hart traps. */
export interface TrapStep {
  readonly kind: 'trap';
  readonly hart: number;
  readonly cause: number;
  readonly tval: bigint;
}
/** The hart computes for some cycles. */
export interface PassStep {
  readonly kind: 'pass';
  readonly hart: number;
  readonly cycles: number;
}
/** A device raises its line; 0: the controller finds nothing to claim. */
export interface InterruptStep {
  readonly kind: 'interrupt';
  readonly irq: number;
}
/** The kernel's state is saved, and goes on from what was saved. */
export interface SaveStep {
  readonly kind: 'save';
}

export type Step = CallStep | AccessStep | TrapStep | PassStep | InterruptStep | SaveStep;

const callNames = new Map<number | bigint, string>(
  Object.entries(systemCall).map(([name, number]) => [number, name.charAt(0).toUpperCase() + name.slice(1)]),
);
const hex = (value: bigint | number): string => (value < 10 ? String(value) : `0x${value.toString(16)}`);

/** A step in one line. */
export function describeStep(step: Step): string {
  switch (step.kind) {
    case 'call':
      return describeCall(step);
    case 'trap':
      return `hart ${step.hart}: trap ${step.cause}, tval ${hex(step.tval)}`;
    case 'pass':
      return `hart ${step.hart}: computes ${step.cycles} cycles`;
    case 'interrupt':
      return `interrupt ${step.irq}`;
    case 'save':
      return 'save and load';
    default:
      return `hart ${step.hart}: ${step.kind} at ${hex(step.address)}`;
  }
}

function describeCall({ hart, number, capability, reply, destination, label, words, caps, receive }: CallStep): string {
  const parts = [`hart ${hart}: ${callNames.get(number) ?? `system call ${number}`} ${hex(capability)}`];
  parts.push(invocationNames[label] ?? `label ${label}`, `(${words.map(hex).join(', ')})`);
  if (caps.length > 0) parts.push(`caps ${caps.map(hex).join(' ')}`);
  if (number === systemCall.replyRecv || number === systemCall.recv || number === systemCall.nbSendWait) {
    parts.push(`reply ${hex(reply)}`);
  }
  if (number === systemCall.nbSendRecv) parts.push(`to ${hex(destination)}, reply ${hex(reply)}`);
  if (receive !== null) parts.push(`receives into ${receive.map(hex).join(' ')}`);
  return parts.join(' ');
}
