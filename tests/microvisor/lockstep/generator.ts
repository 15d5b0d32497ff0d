// Random actions, most of which make sense in the state that the system is in.

import { invocationNames } from '../../../microvisor/abi/invocation-labels.ts';
import { objectType, objectTypeCount } from '../../../microvisor/abi/object-types.ts';
import { systemCall } from '../../../microvisor/abi/system-calls.ts';
import type { State } from '../../../microvisor/specification/state.ts';
import type { Dice } from '../../../tools/dice.ts';
import { exceptions, initialCap, label } from '../world.ts';
import type { Action, Call } from './action.ts';
import { Invocations, oddWords } from './invocations.ts';
import { type Kind, View } from './view.ts';

const { call, send, nbSend, recv, nbRecv, wait, nbWait, replyRecv, nbSendRecv, nbSendWait } = systemCall;
const sends: readonly number[] = [call, send, nbSend];
const communications = [
  ...[call, call, call, call, send, send, nbSend, recv, recv, nbRecv, wait, wait, nbWait],
  ...[replyRecv, replyRecv, nbSendRecv, nbSendWait],
];

const weights: readonly (readonly [Kind, number])[] = [
  ...[['tcb', 9] as const, ['cnode', 12] as const, ['untyped', 6] as const, ['sched-context', 4] as const],
  ...[['sched-control', 2] as const, ['irq-control', 1] as const, ['irq-handler', 2] as const, ['domain', 1] as const],
  ...[['page-table', 2] as const, ['frame', 3] as const, ['asid-control', 1] as const, ['asid-pool', 1] as const],
];
const kinds = weights.flatMap(([kind, weight]) => new Array<Kind>(weight).fill(kind));
/** What a sequence is mostly about: of ten calls, how many communicate; and which kinds of objects are invoked. */
const themes: readonly { communication: number; kinds: readonly Kind[] }[] = [
  { communication: 4, kinds },
  { communication: 8, kinds: ['tcb', 'cnode'] },
  { communication: 6, kinds: ['tcb', 'sched-context', 'sched-control'] },
  { communication: 2, kinds: ['cnode', 'cnode', 'untyped', 'tcb'] },
  { communication: 1, kinds: ['cnode', 'untyped'] },
  {
    communication: 1,
    kinds: ['frame', 'frame', 'page-table', 'page-table', 'asid-control', 'asid-pool', 'cnode', 'untyped'],
  },
];

export class Generator {
  private readonly view: View;
  private readonly invocations: Invocations;
  private readonly theme: (typeof themes)[number];

  /** `start`: where sequences begin. */
  constructor(
    private readonly dice: Dice,
    start: State,
  ) {
    this.view = new View(dice, start);
    this.invocations = new Invocations(dice, this.view, start.config.numDomains);
    this.theme = dice.of(themes);
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
    const { dice, view } = this;
    view.look(state);
    if (state.current === null) return this.wakeUp(state);
    // The last that runs had better not stop.
    const alone = Object.values(state.ready).flat().length < 2;
    if (alone && dice.once(4)) return { kind: 'call', number: call, cap: view.cap('tcb'), label: label.TCBResume };
    switch (dice.below(24)) {
      case 0:
        return { kind: 'compute', us: dice.of([1, 5, 20, 100, 300, 1000]) };
      case 1:
        return alone || dice.once(2) ? this.interrupt(state) : this.fault();
      case 2:
        return dice.once(3)
          ? { kind: 'pending', pending: dice.once(2) }
          : { kind: 'call', number: dice.once(4) ? systemCall.setTlsBase : systemCall.yield, cap: view.any() };
      case 3:
        return alone ? this.invocation() : this.nonsense();
      default:
        return dice.below(10) < this.theme.communication ? this.conversation(state, alone) : this.invocation();
    }
  }
  private invocation(): Call {
    return this.invocations.of(this.dice.of(this.dice.once(10) ? kinds : this.theme.kinds));
  }

  /** Nobody runs: time passes, or something happens outside. */
  private wakeUp(state: State): Action {
    if (state.deadline < Infinity && !this.dice.once(3)) {
      return { kind: 'compute', us: Math.ceil((state.deadline - state.now) / 10) + this.dice.below(50) };
    }
    return this.interrupt(state);
  }
  private interrupt(state: State): Action {
    const known = Object.keys(state.irqs).map(Number);
    const irq = known.length > 0 && !this.dice.once(5) ? this.dice.of(known) : 1 + this.dice.below(95);
    return { kind: 'interrupt', irq };
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
  private nonsense(): Call {
    const { dice, view } = this;
    const method = dice.of(invocationNames.slice(0, label.RISCVIRQIssueIRQHandlerTrigger + 1));
    return {
      kind: 'call',
      number: dice.of([call, send, nbSendWait, replyRecv, 1234]),
      cap: view.any(),
      reply: view.any(),
      label: label[method],
      words: this.someWords(9),
      caps: Array.from({ length: dice.below(4) }, () => view.any()),
    };
  }
  private someWords(most: number): (number | bigint)[] {
    return Array.from({ length: this.dice.below(most) }, () =>
      this.dice.once(2) ? this.dice.of(oddWords) : this.view.any(),
    );
  }

  private conversation(state: State, alone: boolean): Call {
    let message = this.communication();
    for (let tries = 0; tries < 8 && alone && this.mayBlock(state, message); tries++) message = this.communication();
    return message;
  }
  private communication(): Call {
    const { dice, view } = this;
    const number = dice.of(communications);
    const kind = dice.once(4) ? 'notification' : 'endpoint';
    const cap = view.partner(kind, sends.includes(number) ? 'send' : 'receive');
    const words = dice.once(30) ? Array.from({ length: 100 }, (_, i) => i + 1) : this.someWords(7);
    const message: Call = { kind: 'call', number, cap, reply: view.cap('reply'), words };
    const target = (): number => (dice.once(3) ? view.cap('reply') : view.partner(kind, 'send'));
    if (number === nbSendRecv) message.sendTo = target();
    if (number === nbSendWait) message.reply = target();
    if (number === replyRecv && dice.once(8)) message.reply = target();
    if (number === send && dice.once(2)) message.cap = view.cap('reply');
    if (dice.once(3)) message.label = 1000 + dice.below(3);
    if (dice.once(3)) {
      message.caps = Array.from({ length: 1 + dice.below(3) }, () => (dice.once(2) ? cap : view.any()));
    }
    if (dice.once(2)) message.slot = [initialCap.cNode, view.spare(), dice.once(10) ? dice.below(70) : 64];
    return message;
  }
  /** Whether nobody seems to wait for what the call does. */
  private mayBlock(state: State, { number, cap }: Call): boolean {
    if (number === nbSend || number === nbRecv || number === nbWait) return false;
    const target = this.view.at(cap);
    if (target?.kind === 'notification') {
      return !sends.includes(number) && state.notifications[target.object]!.signalled === null;
    }
    if (target?.kind !== 'endpoint') return target?.kind !== 'reply';
    const { senders, receivers } = state.endpoints[target.object]!;
    return (sends.includes(number) ? receivers : senders).length === 0;
  }
}
