// Random invocations that mostly make sense.

import type { InvocationLabel } from '../../../microvisor/abi/invocation-labels.ts';
import { objectType } from '../../../microvisor/abi/object-types.ts';
import { systemCall } from '../../../microvisor/abi/system-calls.ts';
import type { Dice } from '../../../tools/dice.ts';
import { initialCap, label } from '../world.ts';
import type { Call } from './action.ts';
import { smallUntypeds } from './population.ts';
import type { Kind, View } from './view.ts';

type Words = (number | bigint)[];
/** Without a capability to invoke: one of the kind. */
interface Arguments {
  cap?: number;
  words?: Words;
  caps?: number[];
}

export const oddWords = [
  0,
  1,
  2,
  3,
  4,
  5,
  7,
  12,
  15,
  64,
  65,
  100,
  255,
  256,
  4096,
  0x40_0000,
  2n ** 63n,
  2n ** 64n - 1n,
];

/** Methods of each kind of object, the more frequent ones repeated. */
const methods: Partial<Record<Kind, readonly InvocationLabel[]>> = {
  untyped: ['UntypedRetype'],
  tcb: [
    ...(['TCBReadRegisters', 'TCBWriteRegisters', 'TCBCopyRegisters', 'TCBConfigure', 'TCBSetSpace'] as const),
    ...(['TCBSetPriority', 'TCBSetPriority', 'TCBSetMCPriority', 'TCBSetSchedParams', 'TCBSetSchedParams'] as const),
    ...(['TCBSetTimeoutEndpoint', 'TCBSetIPCBuffer', 'TCBSuspend', 'TCBResume', 'TCBResume', 'TCBResume'] as const),
    ...(['TCBBindNotification', 'TCBUnbindNotification', 'TCBSetTLSBase', 'TCBSetFlags'] as const),
  ],
  cnode: [
    ...(['CNodeCopy', 'CNodeMint', 'CNodeMint', 'CNodeMove', 'CNodeMove', 'CNodeMutate', 'CNodeRotate'] as const),
    ...(['CNodeDelete', 'CNodeDelete', 'CNodeDelete', 'CNodeRevoke', 'CNodeRevoke', 'CNodeCancelBadgedSends'] as const),
  ],
  'irq-control': ['IRQIssueIRQHandler', 'RISCVIRQIssueIRQHandlerTrigger'],
  'irq-handler': ['IRQAckIRQ', 'IRQSetIRQHandler', 'IRQSetIRQHandler', 'IRQClearIRQHandler'],
  domain: ['DomainSetSet', 'DomainScheduleConfigure', 'DomainScheduleSetStart'],
  'sched-control': ['SchedControlConfigureFlags'],
  'sched-context': [
    ...(['SchedContextBind', 'SchedContextBind', 'SchedContextUnbind', 'SchedContextUnbindObject'] as const),
    ...(['SchedContextConsumed', 'SchedContextYieldTo', 'SchedContextYieldTo'] as const),
  ],
  'page-table': ['RISCVPageTableMap', 'RISCVPageTableMap', 'RISCVPageTableUnmap'],
  frame: ['RISCVPageMap', 'RISCVPageMap', 'RISCVPageUnmap', 'RISCVPageGetAddress'],
  'asid-control': ['RISCVASIDControlMakePool'],
  'asid-pool': ['RISCVASIDPoolAssign'],
};

const { untyped, tcb: thread, endpoint, notification, reply, capTable, schedContext, page, pageTable } = objectType;
/** Types and sizes of new objects. */
const retypes: readonly (readonly [number, number])[] = [
  ...[[untyped, 12] as const, [untyped, 11] as const, [untyped, 6] as const],
  ...[[thread, 0] as const, [thread, 0] as const, [endpoint, 0] as const, [endpoint, 0] as const],
  ...[[notification, 0] as const, [reply, 0] as const, [capTable, 1] as const, [capTable, 2] as const],
  ...[[schedContext, 7] as const, [schedContext, 8] as const, [page, 0] as const, [pageTable, 0] as const],
];

export class Invocations {
  constructor(
    private readonly dice: Dice,
    private readonly view: View,
    private readonly domains: number,
  ) {}

  of(kind: Kind): Call {
    const { dice } = this;
    const method = dice.of(methods[kind]!);
    const { cap = this.view.cap(kind), words = [], caps = [] } = this.argumentsOf(method);
    // Sometimes a message is cut short, or a word of it is odd.
    if (words.length > 0 && dice.once(20)) words.length = dice.below(words.length);
    if (words.length > 0 && dice.once(15)) words[dice.below(words.length)] = dice.of(oddWords);
    if (caps.length > 0 && dice.once(25)) caps.length = dice.below(caps.length);
    const number = dice.once(15) ? dice.of([systemCall.send, systemCall.nbSend]) : systemCall.call;
    return { kind: 'call', number, cap, label: label[method], words, caps };
  }

  private argumentsOf(method: InvocationLabel): Arguments {
    const { dice, view } = this;
    const { vspace, tcb } = initialCap;
    switch (method) {
      case 'UntypedRetype':
        return this.retype();
      case 'CNodeCopy':
      case 'CNodeMint':
      case 'CNodeMove':
      case 'CNodeMutate':
      case 'CNodeDelete':
      case 'CNodeRevoke':
      case 'CNodeCancelBadgedSends':
      case 'CNodeRotate':
        return this.ofCNode(method);
      case 'TCBReadRegisters':
        return { words: [dice.once(4) ? 1 : 0, dice.once(3) ? dice.below(35) : 32] };
      case 'TCBWriteRegisters': {
        const count = dice.below(33);
        return { words: [dice.below(2), count, ...Array.from({ length: count }, (_, i) => 0x1000 + 16 * i)] };
      }
      case 'TCBCopyRegisters':
        return { words: [dice.below(16)], caps: [view.cap('tcb')] };
      case 'TCBConfigure':
        return { words: [this.guard(), 0, this.buffer()], caps: [this.space(), vspace, view.cap('frame')] };
      case 'TCBSetSpace':
        return { words: [this.guard(), 0], caps: [this.handler(), this.space(), vspace] };
      case 'TCBSetPriority':
      case 'TCBSetMCPriority':
        return { words: [this.priority()], caps: [dice.once(3) ? view.cap('tcb') : tcb] };
      case 'TCBSetSchedParams': {
        const caps = [tcb, dice.once(5) ? 0 : view.cap('sched-context'), this.handler()];
        return { words: [dice.of([255, 200, 100]), this.priority()], caps };
      }
      case 'TCBSetTimeoutEndpoint':
        return { caps: [this.handler()] };
      case 'TCBSetIPCBuffer':
        return { words: [this.buffer()], caps: [view.cap('frame')] };
      case 'TCBSetTLSBase':
        return { words: [0x1234] };
      case 'TCBSetFlags':
        return { words: [dice.below(4), dice.once(6) ? dice.below(8) : dice.below(2)] };
      case 'TCBBindNotification':
      case 'IRQSetIRQHandler':
        return { caps: [view.cap('notification')] };
      case 'IRQIssueIRQHandler':
        return { words: [1 + dice.below(6), view.spare(), 64], caps: [initialCap.cNode] };
      case 'RISCVIRQIssueIRQHandlerTrigger': {
        const irq = dice.once(5) ? 90 + dice.below(10) : 1 + dice.below(6);
        return { words: [irq, 1, view.spare(), 64], caps: [initialCap.cNode] };
      }
      case 'DomainSetSet':
        return { words: [dice.below(this.domains + 1)], caps: [view.cap('tcb')] };
      case 'DomainScheduleConfigure':
        return { words: [dice.below(4), dice.below(this.domains), dice.of([0, 1000, 20000])] };
      case 'DomainScheduleSetStart':
        return { words: [dice.below(4)] };
      case 'SchedControlConfigureFlags': {
        const budget = dice.of([20, 100, 400, 1000]);
        const period = dice.once(4) ? budget : budget * dice.of([2, 5, 10]);
        const words = [budget, period, dice.below(3), dice.below(100), dice.below(2)];
        return { words, caps: [view.cap('sched-context')] };
      }
      case 'SchedContextBind':
      case 'SchedContextUnbindObject':
        return { caps: [view.cap(dice.once(2) ? 'notification' : 'tcb')] };
      case 'RISCVPageTableMap':
        return { words: [this.address(), 0], caps: [this.vspace()] };
      case 'RISCVPageMap':
        return { words: [this.address(), dice.once(3) ? dice.below(16) : 3, dice.below(2)], caps: [this.vspace()] };
      case 'RISCVASIDControlMakePool':
        return { words: [view.spare(), 64], caps: [view.cap('untyped'), initialCap.cNode] };
      case 'RISCVASIDPoolAssign':
        return { caps: [view.cap('page-table')] };
      default:
        return {};
    }
  }

  /** Mostly from memory that is so scarce that what was made of it has to go again. */
  private retype(): Arguments {
    const { dice, view } = this;
    const [type, size] = dice.of(retypes);
    const count = dice.once(4) ? 1 + dice.below(4) : 1;
    const to = view.place(() => view.spare());
    const cap = dice.once(4) ? view.cap('untyped') : smallUntypeds.first + dice.below(smallUntypeds.count);
    return { cap, words: [type, size, 0, 0, to.index, count], caps: [to.root] };
  }
  private ofCNode(method: InvocationLabel): Arguments {
    const { dice, view } = this;
    const from = view.place(() => (dice.once(3) ? view.last() : view.any()));
    const to = view.place(() => view.spare());
    switch (method) {
      case 'CNodeDelete': {
        const at = view.place(() => (dice.once(2) ? view.last() : view.spare()));
        return { cap: at.root, words: [at.index, at.depth] };
      }
      case 'CNodeRevoke': {
        const small = smallUntypeds.first + dice.below(smallUntypeds.count);
        return { cap: initialCap.cNode, words: [dice.once(3) ? small : view.parent(), 64] };
      }
      case 'CNodeCancelBadgedSends':
        return { cap: initialCap.cNode, words: [view.cap('endpoint'), 64] };
      case 'CNodeRotate': {
        const pivot = view.place(() => view.any());
        const destination = dice.once(3) ? from : to;
        const data = (): number => (dice.once(3) ? 56 : 0);
        return {
          cap: destination.root,
          words: [
            ...[destination.index, destination.depth, data()],
            ...[pivot.index, pivot.depth, data(), from.index, from.depth],
          ],
          caps: [pivot.root, from.root],
        };
      }
      default: {
        const words: Words = [to.index, to.depth, from.index, from.depth];
        if (method === 'CNodeMint' || method === 'CNodeCopy') words.push(dice.once(2) ? 15 : dice.below(16));
        if (method === 'CNodeMint' || method === 'CNodeMutate') words.push(dice.of([0, 1, 7, 7, 9, 54, 4, 58]));
        return { cap: to.root, words, caps: [from.root] };
      }
    }
  }
  private handler(): number {
    return this.dice.once(3) ? 0 : this.view.cap('endpoint');
  }
  private space(): number {
    return this.dice.once(3) ? this.view.cap('cnode') : initialCap.cNode;
  }
  private guard(): number {
    return this.dice.once(3) ? 56 : 0;
  }
  private buffer(): number {
    return this.dice.of([0x40_0000, 0x40_1000, 0x40_2400, 0x40_3000, 0x40_4000, 0]);
  }
  private address(): number {
    return this.dice.of([0x40_0000, 0x60_0000, 0x60_0000, 0x100_0000, 0x4000_0000]) + 4096 * this.dice.below(20);
  }
  private vspace(): number {
    return this.dice.once(3) ? this.view.cap('page-table') : initialCap.vspace;
  }
  private priority(): number {
    return this.dice.of([100, 150, 150, 150, 160, 200, 256, 140]);
  }
}
