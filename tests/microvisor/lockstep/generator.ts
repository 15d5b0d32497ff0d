// Random actions, most of which make sense in the state that the system is in.

import { type InvocationLabel, invocationNames } from '../../../microvisor/abi/invocation-labels.ts';
import { objectType, objectTypeCount } from '../../../microvisor/abi/object-types.ts';
import { systemCall } from '../../../microvisor/abi/system-calls.ts';
import { type Capability, type SlotId, type State, slotId, tcbSlots } from '../../../microvisor/specification/state.ts';
import type { Dice } from '../dice.ts';
import { exceptions, initialCap, label } from '../world.ts';
import type { Action, Call } from './action.ts';
import { spareSlots } from './population.ts';

type Kind = Capability['kind'];
type Words = (number | bigint)[];
interface Arguments {
  words?: Words;
  caps?: number[];
}

const oddWords = [0, 1, 2, 3, 4, 5, 7, 12, 15, 64, 65, 100, 255, 256, 4096, 0x40_0000, 2n ** 63n, 2n ** 64n - 1n];
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
    ...(['CNodeCopy', 'CNodeMint', 'CNodeMint', 'CNodeMove', 'CNodeMutate', 'CNodeRotate'] as const),
    ...(['CNodeDelete', 'CNodeRevoke', 'CNodeCancelBadgedSends'] as const),
  ],
  'irq-control': ['IRQIssueIRQHandler', 'RISCVIRQIssueIRQHandlerTrigger'],
  'irq-handler': ['IRQAckIRQ', 'IRQSetIRQHandler', 'IRQSetIRQHandler', 'IRQClearIRQHandler'],
  domain: ['DomainSetSet', 'DomainScheduleConfigure', 'DomainScheduleSetStart'],
  'sched-control': ['SchedControlConfigureFlags'],
  'sched-context': [
    ...(['SchedContextBind', 'SchedContextBind', 'SchedContextUnbind', 'SchedContextUnbindObject'] as const),
    ...(['SchedContextConsumed', 'SchedContextYieldTo'] as const),
  ],
  'page-table': ['RISCVPageTableMap', 'RISCVPageTableMap', 'RISCVPageTableUnmap'],
  frame: ['RISCVPageMap', 'RISCVPageMap', 'RISCVPageUnmap', 'RISCVPageGetAddress'],
  'asid-control': ['RISCVASIDControlMakePool'],
  'asid-pool': ['RISCVASIDPoolAssign'],
};
/** How often an object of each kind is invoked. */
const weights: [Kind, number][] = [
  ['tcb', 9],
  ['cnode', 10],
  ['untyped', 5],
  ['sched-context', 4],
  ['sched-control', 2],
  ['irq-control', 1],
  ['irq-handler', 1],
  ['domain', 1],
  ['page-table', 2],
  ['frame', 3],
  ['asid-control', 1],
  ['asid-pool', 1],
];
const kinds = weights.flatMap(([kind, weight]) => new Array<Kind>(weight).fill(kind));

const retypes: readonly (readonly [number, number])[] = [
  [objectType.untyped, 12],
  [objectType.untyped, 10],
  [objectType.tcb, 0],
  [objectType.tcb, 0],
  [objectType.endpoint, 0],
  [objectType.notification, 0],
  [objectType.reply, 0],
  [objectType.capTable, 1],
  [objectType.capTable, 2],
  [objectType.schedContext, 7],
  [objectType.schedContext, 8],
  [objectType.page, 0],
  [objectType.pageTable, 0],
];

const { call, send, nbSend, recv, nbRecv, wait, nbWait, replyRecv, nbSendRecv, nbSendWait } = systemCall;
const sends: readonly number[] = [call, send, nbSend];
const communications = [
  ...[call, call, call, call, send, send, nbSend, recv, recv, nbRecv, wait, nbWait],
  ...[replyRecv, replyRecv, nbSendRecv, nbSendWait],
];
/** What a sequence is mostly about: of ten calls, how many are communication; and which kinds of objects are invoked. */
const themes: readonly { communication: number; kinds: readonly Kind[] }[] = [
  { communication: 4, kinds },
  { communication: 8, kinds: ['tcb', 'cnode'] },
  { communication: 6, kinds: ['tcb', 'sched-context', 'sched-control'] },
  { communication: 2, kinds: ['cnode', 'cnode', 'untyped', 'tcb'] },
  { communication: 1, kinds: ['frame', 'page-table', 'asid-control', 'asid-pool', 'cnode', 'untyped'] },
];

export class Generator {
  private readonly theme: (typeof themes)[number];
  private readonly domains: number;
  /** Capability addresses by what they lead to, for threads that have the root CNode. */
  private byKind = new Map<Kind, number[]>();
  private caps = new Map<number, Capability>();
  private present: number[] = [];
  private slots: State['slots'] | null = null;
  private readonly ids: readonly SlotId[];

  /** `state`: where sequences begin. */
  constructor(
    private readonly dice: Dice,
    state: State,
  ) {
    this.domains = state.config.numDomains;
    this.theme = dice.of(themes);
    const cap = state.slots[slotId(state.current!, tcbSlots.cspace)]!.cap;
    if (cap.kind !== 'cnode') throw new Error('no CNode');
    this.ids = Array.from({ length: 2 ** cap.radix }, (_, index) => slotId(cap.object, index));
  }

  next(state: State): Action {
    const action = this.choose(state);
    // Our own object types, which are not specified, become one that does not exist.
    if (action.kind === 'call' && action.label === label.UntypedRetype && action.words !== undefined) {
      const [type, ...others] = action.words;
      if (type === objectType.vcpu || type === objectType.guestRoot) action.words = [objectTypeCount, ...others];
    }
    return action;
  }
  private choose(state: State): Action {
    this.look(state);
    const { dice } = this;
    if (state.current === null) return this.wakeUp(state);
    // The last that run had better not stop.
    const alone = Object.values(state.ready).flat().length < 2;
    if (alone && dice.oneIn(3)) return this.revival();
    switch (dice.below(24)) {
      case 0:
        return { kind: 'compute', us: dice.of([1, 5, 20, 100, 300, 1000]) };
      case 1:
        return alone || dice.oneIn(2) ? this.interrupt(state) : this.fault();
      case 2:
        return dice.oneIn(3)
          ? { kind: 'pending', pending: dice.oneIn(3) }
          : { kind: 'call', number: dice.oneIn(4) ? systemCall.setTlsBase : systemCall.yield, cap: this.any() };
      case 3:
        return alone ? this.invocation() : this.nonsense();
      default:
        return dice.below(10) < this.theme.communication ? this.conversation(state, alone) : this.invocation();
    }
  }
  /** Sets a thread going. */
  private revival(): Call {
    const [cap, method] = [this.cap('tcb'), label.TCBResume];
    return { kind: 'call', number: systemCall.call, cap, label: method };
  }
  private conversation(state: State, alone: boolean): Call {
    let call = this.communication();
    for (let tries = 0; tries < 8 && alone && this.mayBlock(state, call); tries++) call = this.communication();
    return call;
  }
  /** Whether nobody seems to wait for what the call does. */
  private mayBlock(state: State, { number, cap }: Call): boolean {
    if (number === systemCall.nbSend || number === systemCall.nbRecv || number === systemCall.nbWait) return false;
    const target = this.caps.get(cap);
    const sends = number === systemCall.send || number === systemCall.call;
    if (target?.kind === 'notification') return !sends && state.notifications[target.object]!.signalled === null;
    if (target?.kind !== 'endpoint') return target?.kind !== 'reply';
    const { senders, receivers } = state.endpoints[target.object]!;
    return (sends ? receivers : senders).length === 0;
  }

  /** Nobody runs: time passes, or something happens outside. */
  private wakeUp(state: State): Action {
    if (state.deadline < Infinity && !this.dice.oneIn(3)) {
      return { kind: 'compute', us: Math.ceil((state.deadline - state.now) / 10) + this.dice.below(50) };
    }
    return this.interrupt(state);
  }
  private interrupt(state: State): Action {
    const irqs = Object.keys(state.irqs).map(Number);
    return {
      kind: 'interrupt',
      irq: irqs.length > 0 && !this.dice.oneIn(5) ? this.dice.of(irqs) : 1 + this.dice.below(95),
    };
  }
  private fault(): Action {
    const cause = this.dice.of([
      exceptions.loadPageFault,
      exceptions.storeAccessFault,
      exceptions.instructionPageFault,
      exceptions.illegalInstruction,
    ]);
    return { kind: 'fault', cause, address: 8 * this.dice.below(1000) };
  }

  /** What is in the root CNode. */
  private look(state: State): void {
    if (this.slots === state.slots) return;
    this.slots = state.slots;
    this.byKind = new Map();
    this.caps = new Map();
    this.ids.forEach((id, index) => {
      const cap = state.slots[id]?.cap;
      if (cap === undefined) return;
      this.caps.set(index, cap);
      const known = this.byKind.get(cap.kind);
      if (known === undefined) this.byKind.set(cap.kind, [index]);
      else known.push(index);
    });
    this.present = [...this.caps.keys()];
  }
  private cap(kind: Kind): number {
    const known = this.byKind.get(kind);
    return known === undefined || this.dice.oneIn(25) ? this.any() : this.dice.of(known);
  }
  private any(): number {
    return this.present.length === 0 || this.dice.oneIn(8) ? this.spare() : this.dice.of(this.present);
  }
  private spare(): number {
    return spareSlots.first + this.dice.below(spareSlots.count);
  }

  private nonsense(): Call {
    const { dice } = this;
    const method = dice.of(invocationNames.slice(0, label.RISCVIRQIssueIRQHandlerTrigger + 1));
    return {
      kind: 'call',
      number: dice.of([systemCall.call, systemCall.send, systemCall.nbSendWait, systemCall.replyRecv, 1234]),
      cap: this.any(),
      reply: this.any(),
      label: label[method],
      words: this.someWords(9),
      caps: this.someCaps(),
    };
  }
  private someWords(most: number): Words {
    return Array.from({ length: this.dice.below(most) }, () =>
      this.dice.oneIn(2) ? this.dice.of(oddWords) : this.any(),
    );
  }
  private someCaps(): number[] {
    return Array.from({ length: this.dice.below(4) }, () => this.any());
  }

  /** A capability with the right that a call needs, mostly. */
  private partner(kind: 'endpoint' | 'notification', right: 'send' | 'receive'): number {
    const known = (this.byKind.get(kind) ?? []).filter((index) => {
      const cap = this.caps.get(index);
      return cap?.kind === kind && cap[right];
    });
    return known.length === 0 || this.dice.oneIn(15) ? this.cap(kind) : this.dice.of(known);
  }
  private communication(): Call {
    const { dice } = this;
    const number = dice.of(communications);
    const { nbSendRecv, nbSendWait, replyRecv, send } = systemCall;
    const kind = dice.oneIn(4) ? 'notification' : 'endpoint';
    const cap = this.partner(kind, sends.includes(number) ? 'send' : 'receive');
    const words = dice.oneIn(30) ? Array.from({ length: 100 }, (_, i) => i + 1) : this.someWords(7);
    const message: Call = { kind: 'call', number, cap, reply: this.cap('reply'), words };
    const target = (): number => (dice.oneIn(3) ? this.cap('reply') : this.partner(kind, 'send'));
    if (number === nbSendRecv) message.sendTo = target();
    if (number === nbSendWait) message.reply = target();
    if (number === replyRecv && dice.oneIn(8)) message.reply = target();
    if (number === send && dice.oneIn(2)) message.cap = this.cap('reply');
    if (dice.oneIn(3)) message.label = 1000 + dice.below(3);
    if (dice.oneIn(3)) {
      message.caps = Array.from({ length: 1 + dice.below(3) }, () => (dice.oneIn(2) ? cap : this.any()));
    }
    if (dice.oneIn(2)) message.slot = [initialCap.cNode, this.spare(), dice.oneIn(10) ? dice.below(70) : 64];
    return message;
  }

  private invocation(): Call {
    const { dice } = this;
    const kind = dice.of(dice.oneIn(10) ? kinds : this.theme.kinds);
    const method = dice.of(methods[kind]!);
    const cap = this.cap(kind);
    const { words = [], caps = [] } = this.argumentsOf(method);
    // Sometimes a message is cut short, or a word of it is odd.
    if (words.length > 0 && dice.oneIn(15)) words.length = dice.below(words.length);
    if (words.length > 0 && dice.oneIn(12)) words[dice.below(words.length)] = dice.of(oddWords);
    if (caps.length > 0 && dice.oneIn(20)) caps.length = dice.below(caps.length);
    const number = dice.oneIn(15) ? dice.of([systemCall.send, systemCall.nbSend]) : systemCall.call;
    return { kind: 'call', number, cap, label: label[method], words, caps };
  }

  /** A slot by CNode, index and depth: mostly in the root CNode. */
  private place(): { root: number; index: number; depth: number } {
    const root = this.dice.oneIn(5) ? this.cap('cnode') : initialCap.cNode;
    const cap = this.caps.get(root);
    if (root === initialCap.cNode || cap?.kind !== 'cnode') return { root, index: this.any(), depth: 64 };
    return { root, index: this.dice.below(2 ** cap.radix), depth: cap.radix + cap.guardBits };
  }

  private argumentsOf(method: InvocationLabel): Arguments {
    const { dice } = this;
    const { cNode, vspace, tcb } = initialCap;
    const buffer = (): number => dice.of([0x40_0000, 0x40_1000, 0x40_2000, 0x40_3000, 0x40_4000, 0]);
    const address = (): number => dice.of([0x40_0000, 0x60_0000, 0x100_0000, 0x4000_0000]) + 4096 * dice.below(20);
    const priority = (): number => dice.of([100, 150, 150, 150, 160, 200, 256, 140]);
    const rights = (): number => (dice.oneIn(2) ? 15 : dice.below(16));
    const badge = (): number | bigint => dice.of([0, 1, 7, 7, 9, 54, 4, 58]);
    switch (method) {
      case 'UntypedRetype': {
        const [type, size] = dice.of(retypes);
        return { words: [type, size, 0, 0, this.spare(), dice.oneIn(4) ? 1 + dice.below(4) : 1], caps: [cNode] };
      }
      case 'CNodeCopy':
      case 'CNodeMint':
      case 'CNodeMove':
      case 'CNodeMutate': {
        const from = this.place();
        const words: Words = [this.spare(), 64, from.index, from.depth];
        if (method === 'CNodeMint' || method === 'CNodeCopy') words.push(rights());
        if (method === 'CNodeMint' || method === 'CNodeMutate') words.push(badge());
        return { words, caps: [from.root] };
      }
      case 'CNodeDelete':
      case 'CNodeRevoke':
      case 'CNodeCancelBadgedSends': {
        // What everything hangs on goes seldom.
        const index = dice.oneIn(30)
          ? this.any()
          : dice.oneIn(3)
            ? this.spare()
            : this.cap(dice.of(['endpoint', 'notification', 'reply', 'tcb', 'cnode', 'sched-context', 'frame']));
        return { words: [index <= 16 && !dice.oneIn(20) ? this.spare() : index, 64] };
      }
      case 'CNodeRotate': {
        const [pivot, source] = [this.place(), this.place()];
        const destination = dice.oneIn(3) ? source.index : this.spare();
        const data = (): number => (dice.oneIn(3) ? 56 : 0);
        return {
          words: [destination, 64, data(), pivot.index, pivot.depth, data(), source.index, source.depth],
          caps: [pivot.root, source.root],
        };
      }
      case 'TCBReadRegisters':
        return { words: [dice.oneIn(4) ? 1 : 0, dice.oneIn(3) ? dice.below(35) : 32] };
      case 'TCBWriteRegisters': {
        const count = dice.below(33);
        return { words: [dice.below(2), count, ...Array.from({ length: count }, (_, i) => 0x1000 + 16 * i)] };
      }
      case 'TCBCopyRegisters':
        return { words: [dice.below(16)], caps: [this.cap('tcb')] };
      case 'TCBConfigure':
        return { words: [dice.oneIn(3) ? 56 : 0, 0, buffer()], caps: [this.cap('cnode'), vspace, this.cap('frame')] };
      case 'TCBSetSpace':
        return {
          words: [dice.oneIn(3) ? 56 : 0, 0],
          caps: [this.handler(), dice.oneIn(3) ? this.cap('cnode') : cNode, vspace],
        };
      case 'TCBSetPriority':
      case 'TCBSetMCPriority':
        return { words: [priority()], caps: [dice.oneIn(3) ? this.cap('tcb') : tcb] };
      case 'TCBSetSchedParams':
        return {
          words: [dice.of([255, 200, 100]), priority()],
          caps: [tcb, dice.oneIn(5) ? 0 : this.cap('sched-context'), this.handler()],
        };
      case 'TCBSetTimeoutEndpoint':
        return { caps: [this.handler()] };
      case 'TCBSetIPCBuffer':
        return { words: [buffer()], caps: [this.cap('frame')] };
      case 'TCBBindNotification':
        return { caps: [this.cap('notification')] };
      case 'TCBSetTLSBase':
        return { words: [0x1234] };
      case 'TCBSetFlags':
        return { words: [dice.below(4), dice.oneIn(6) ? dice.below(8) : dice.below(2)] };
      case 'IRQIssueIRQHandler':
        return { words: [1 + dice.below(6), this.spare(), 64], caps: [cNode] };
      case 'RISCVIRQIssueIRQHandlerTrigger':
        return { words: [dice.oneIn(5) ? 90 + dice.below(10) : 1 + dice.below(6), 1, this.spare(), 64], caps: [cNode] };
      case 'IRQSetIRQHandler':
        return { caps: [this.cap('notification')] };
      case 'DomainSetSet':
        return { words: [dice.below(this.domains + 1)], caps: [this.cap('tcb')] };
      case 'DomainScheduleConfigure':
        return { words: [dice.below(4), dice.below(this.domains), dice.of([0, 1000, 20000])] };
      case 'DomainScheduleSetStart':
        return { words: [dice.below(4)] };
      case 'SchedControlConfigureFlags': {
        const budget = dice.of([20, 100, 400, 1000]);
        const period = dice.oneIn(4) ? budget : budget * dice.of([2, 5, 10]);
        return {
          words: [budget, period, dice.below(3), dice.below(100), dice.below(2)],
          caps: [this.cap('sched-context')],
        };
      }
      case 'SchedContextBind':
      case 'SchedContextUnbindObject':
        return { caps: [this.cap(dice.oneIn(3) ? 'notification' : 'tcb')] };
      case 'RISCVPageTableMap':
        return { words: [address(), 0], caps: [dice.oneIn(4) ? this.cap('page-table') : vspace] };
      case 'RISCVPageMap':
        return {
          words: [address(), dice.oneIn(3) ? dice.below(16) : 3, dice.below(2)],
          caps: [dice.oneIn(4) ? this.cap('page-table') : vspace],
        };
      case 'RISCVASIDControlMakePool':
        return { words: [this.spare(), 64], caps: [this.cap('untyped'), cNode] };
      case 'RISCVASIDPoolAssign':
        return { caps: [this.cap('page-table')] };
      default:
        return {};
    }
  }
  private handler(): number {
    return this.dice.oneIn(3) ? 0 : this.cap('endpoint');
  }
}
