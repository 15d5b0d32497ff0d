// What threads do in lockstep tests: the current thread calls, faults or computes; an interrupt comes.

import { invocationNames } from '../../../microvisor/abi/invocation-labels.ts';
import { systemCall } from '../../../microvisor/abi/system-calls.ts';

/** A system call with everything that the thread puts into its registers and its IPC buffer for it. */
export interface Call {
  kind: 'call';
  number: number;
  /** Capability addresses; `reply` is also where ReplyRecv and NBSendWait send, `sendTo` where NBSendRecv does. */
  cap: number;
  reply?: number;
  sendTo?: number;
  label?: number;
  words?: readonly (number | bigint)[];
  caps?: readonly number[];
  /** Where a capability may be received: CNode, index, depth. */
  slot?: readonly [number, number, number];
}
export type Action =
  | Call
  | { kind: 'fault'; cause: number; address: number }
  | { kind: 'interrupt'; irq: number }
  /** µs, during which the timer may go off. */
  | { kind: 'compute'; us: number }
  /** From now on an interrupt waits, as long operations see it; or no longer. */
  | { kind: 'pending'; pending: boolean };

const nameOf = (number: number): string =>
  Object.entries(systemCall).find(([, value]) => value === number)?.[0] ?? `system call ${number}`;
const hex = (word: number | bigint): string => (word >= 4096 ? `0x${word.toString(16)}` : String(word));

export function describeAction(action: Action): string {
  switch (action.kind) {
    case 'call': {
      const { number, cap, reply, sendTo, label = 0, words = [], caps = [], slot } = action;
      const method = label === 0 ? '' : ` ${invocationNames[label] ?? `label ${label}`}`;
      const parts = [`${nameOf(number)} ${cap}${method}(${words.map(hex).join(', ')})`];
      if (caps.length > 0) parts.push(`with ${caps.join(', ')}`);
      if (reply !== undefined) parts.push(`reply ${reply}`);
      if (sendTo !== undefined) parts.push(`to ${sendTo}`);
      if (slot !== undefined) parts.push(`receiving in ${slot.join('/')}`);
      return parts.join(' ');
    }
    case 'fault':
      return `exception ${action.cause} at ${hex(action.address)}`;
    case 'interrupt':
      return `interrupt ${action.irq}`;
    case 'compute':
      return `compute for ${action.us} us`;
    case 'pending':
      return action.pending ? 'an interrupt waits' : 'no interrupt waits';
  }
}
