// What happens next: mostly calls that make sense, many of them spoilt in one place, and everything else that enters the kernel.

import { exceptions } from '../../hw/hart/causes.ts';
import { initialCap } from '../../microvisor/abi/boot-info.ts';
import { type InvocationLabel, invocationNames, label } from '../../microvisor/abi/invocation-labels.ts';
import { wordBits } from '../../microvisor/abi/limits.ts';
import { systemCall } from '../../microvisor/abi/system-calls.ts';
import { irqState } from '../../microvisor/kernel.ts';
import { capType, endpointState, type Tcb, threadState } from '../../microvisor/objects.ts';
import { type Attempt, makers } from './invocations.ts';
import { Keeper } from './keeper.ts';
import type { Picker } from './picker.ts';
import { callStep, type Kept } from './population.ts';
import type { Step } from './step.ts';

/** How often each label is drawn: once, and these in addition. */
const extra: readonly InvocationLabel[] = [
  ...Array.from({ length: 6 }, () => 'UntypedRetype' as const),
  ...Array.from({ length: 4 }, () => 'TCBResume' as const),
  ...(['TCBConfigure', 'TCBSetSchedParams', 'TCBSetSchedParams', 'SchedContextBind'] as const),
  ...(['SchedControlConfigureFlags', 'CNodeMint', 'CNodeDelete', 'RISCVPageTableMap', 'RISCVPageMap'] as const),
];
const labels = [...invocationNames.filter((name) => name !== 'Invalid'), ...extra] as Exclude<
  InvocationLabel,
  'Invalid'
>[];

const oddWords: readonly bigint[] = [
  ...[0n, 1n, 2n, 3n, 4n, 7n, 11n, 12n, 13n, 38n, 39n, 63n, 64n, 65n, 95n, 96n, 97n, 128n, 255n, 256n, 257n, 4095n],
  ...[0x1000n, 0x1_0001n, 0x40_0000n, 0x3f_ffff_f000n, 2n ** 41n, 2n ** 56n, 2n ** 63n, 2n ** 64n - 1n],
];
/** Nobody is answered then; and the last two go on to receive from what can't be received from. */
const unanswered = [
  ...[systemCall.send, systemCall.nbSend, systemCall.send, systemCall.nbSend],
  ...[systemCall.nbSendRecv, systemCall.nbSendWait],
];
const blocking = [
  ...[systemCall.call, systemCall.call, systemCall.send, systemCall.recv, systemCall.wait],
  ...[systemCall.replyRecv, systemCall.replyRecv, systemCall.nbSendRecv, systemCall.nbSendWait],
];
const nonBlocking = [systemCall.nbSend, systemCall.nbRecv, systemCall.nbWait];
const otherCalls = [
  systemCall.yield,
  systemCall.debugCapIdentify,
  systemCall.debugDumpScheduler,
  systemCall.setTlsBase,
];
const traps = [
  ...[exceptions.loadPageFault, exceptions.storePageFault, exceptions.instructionPageFault],
  ...[exceptions.illegalInstruction, exceptions.loadMisaligned, exceptions.breakpoint],
];
const guestTraps = [
  ...[exceptions.instructionGuestPageFault, exceptions.loadGuestPageFault, exceptions.storeGuestPageFault],
  ...[exceptions.virtualSupervisorEcall, exceptions.virtualInstruction, exceptions.virtualInstruction],
];
const wfi = 0x1050_0073n;
const cycles = [50, 500, 5000, 40_000, 400_000] as const;

export class Chooser {
  private readonly keeper: Keeper;

  constructor(
    private readonly pick: Picker,
    private readonly kept: Kept,
  ) {
    this.keeper = new Keeper(pick, kept);
  }

  /** null: nothing runs, and nothing that could happen would change that. */
  next(): Step | null {
    const { pick } = this;
    const { dice, system } = pick;
    const hart = system.nextHart();
    if (!pick.refresh()) return null;
    if (hart < 0) return this.wakingInterrupt();
    this.wakes = 0;
    if (dice.once(3000)) return { kind: 'save' };
    const tcb = system.current(hart);
    if (this.keeper.isKeeper(tcb)) return this.keeper.next(hart);
    if (tcb.vcpu !== null && !dice.once(3)) return this.guestStep(hart);
    const what = dice.below(100);
    if (what < 6) return { kind: 'pass', hart, cycles: 1 + dice.below(dice.of(cycles)) };
    if (what < 9) return { kind: dice.of(['read', 'write', 'execute'] as const), hart, address: pick.address(12) };
    if (what < 10) return { kind: 'trap', hart, cause: dice.of(traps), tval: BigInt(pick.address(12)) };
    if (what < 11) return this.interrupt();
    if (what < 12) return this.otherCall(hart);
    if (what < 30) return this.message(hart, tcb);
    return this.invocation(hart);
  }

  private interrupt(): Step {
    const { dice, system } = this.pick;
    if (dice.once(10)) return { kind: 'interrupt', irq: dice.below(100) };
    return { kind: 'interrupt', irq: this.handled() ?? dice.below(system.kernel.irqStates.length) };
  }
  private handled(): number | undefined {
    const { dice, system } = this.pick;
    const { irqStates, irqSlots } = system.kernel;
    const signalled = irqStates.flatMap((state, irq) =>
      state === irqState.signal && irqSlots.slot(irq).cap.type !== capType.null ? [irq] : [],
    );
    return signalled.length === 0 ? undefined : dice.of(signalled);
  }
  private wakes = 0;
  private wakingInterrupt(): Step | null {
    return ++this.wakes > 20 ? null : { kind: 'interrupt', irq: this.kept.irq };
  }

  private guestStep(hart: number): Step {
    const { dice } = this.pick;
    if (dice.once(5)) return { kind: 'pass', hart, cycles: 1 + dice.below(dice.of(cycles)) };
    if (dice.once(5)) return { kind: 'execute', hart, address: this.pick.address(12) };
    const cause = dice.of(guestTraps);
    const tval = cause === exceptions.virtualInstruction && !dice.once(4) ? wfi : BigInt(this.pick.address(12));
    return { kind: 'trap', hart, cause, tval };
  }

  private otherCall(hart: number): Step {
    const { dice } = this.pick;
    const number = dice.once(4) ? 12_345 + dice.below(10) : dice.of(otherCalls);
    return callStep(hart, { capability: this.pick.any(), label: 0, words: [], caps: [] }, number);
  }

  /** Sends, receives, or both: half the time to whom it matters. The root thread and the last that run seldom block. */
  private message(hart: number, tcb: Tcb): Step {
    const { pick } = this;
    const { dice, system } = pick;
    const running = system.kernel.threads.filter(({ queued, inReleaseQueue }) => queued || inReleaseQueue).length;
    const mayBlock = running > 1 && tcb.name !== 'rootserver';
    const helpful = dice.once(2) ? this.helpful() : null;
    const number = helpful?.number ?? dice.of((mayBlock && !dice.once(3)) || dice.once(100) ? blocking : nonBlocking);
    const target = (): bigint => this.target();
    const reply = BigInt(
      dice.once(20)
        ? pick.any()
        : Math.max(
            0,
            pick.ofType(capType.reply, ({ reply: { tcb: waits } }) => waits === null),
          ),
    );
    return {
      kind: 'call',
      hart,
      number,
      capability: helpful?.capability ?? target(),
      reply: number === systemCall.nbSendWait ? target() : reply,
      destination: dice.once(2) ? reply : target(),
      label: dice.once(4) ? dice.below(8) : 0,
      words: Array.from({ length: dice.below(dice.once(4) ? 40 : 6) }, (_, i) => BigInt(i * 3)),
      caps: Array.from({ length: dice.once(2) ? 0 : dice.below(4) }, () => BigInt(pick.any())),
      receive: dice.once(3) ? [BigInt(initialCap.cNode), BigInt(Math.max(0, pick.empty())), BigInt(wordBits)] : null,
    };
  }
  private target(): bigint {
    const { pick } = this;
    const { dice } = pick;
    if (dice.once(30)) return BigInt(pick.any());
    return BigInt(Math.max(0, dice.once(3) ? pick.ofType(capType.notification) : pick.ofType(capType.endpoint)));
  }
  /** Something to do for a thread that waits: answer it, receive its message, send it one, signal it. */
  private helpful(): { number: number; capability: bigint } | null {
    const { pick } = this;
    const found = pick.find((cap) => {
      switch (cap.type) {
        case capType.reply:
          return cap.reply.tcb?.state === threadState.blockedOnReply;
        case capType.endpoint:
          return cap.endpoint.queue.head !== null;
        case capType.notification:
          return cap.notification.queue.head !== null;
        default:
          return false;
      }
    });
    if (found < 0) return null;
    const cap = pick.cap(found);
    const receives = cap.type === capType.endpoint && cap.endpoint.state === endpointState.send;
    return { number: receives ? systemCall.nbRecv : systemCall.nbSend, capability: BigInt(found) };
  }

  private invocation(hart: number): Step {
    const { dice } = this.pick;
    const attempt = this.attempt(hart);
    if (dice.below(100) < 40) this.spoil(attempt);
    // In a domain without time for one entry into the kernel nothing is ever done.
    const [, , ticks] = attempt.words;
    if (attempt.label === label.DomainScheduleConfigure && ticks && ticks < 1000) attempt.words[2] = 1000;
    return callStep(hart, attempt, dice.once(15) ? dice.of(unanswered) : systemCall.call);
  }
  private attempt(hart: number): Attempt {
    const { dice } = this.pick;
    const isFull = this.pick.fill > 0.8;
    for (let tries = 0; tries < 4; tries++) {
      const name = isFull && dice.once(2) ? dice.of(['CNodeDelete', 'CNodeRevoke'] as const) : dice.of(labels);
      const attempt = makers[name](this.pick, hart);
      if (attempt !== null) return attempt;
    }
    return { capability: this.pick.any(), label: dice.below(invocationNames.length), words: [], caps: [] };
  }

  /** Makes one thing wrong, or at least different. */
  private spoil(attempt: Attempt): void {
    const { dice } = this.pick;
    const { words, caps } = attempt;
    switch (dice.below(8)) {
      case 0:
        words.length = dice.below(words.length + 1);
        return;
      case 1:
        caps.length = dice.below(caps.length + 1);
        return;
      case 2:
      case 3:
        if (words.length > 0) words[dice.below(words.length)] = dice.of(oddWords);
        return;
      case 4:
      case 5:
        if (caps.length > 0)
          caps[dice.below(caps.length)] = dice.once(2) ? this.pick.any() : dice.below(this.pick.firstOwn);
        else if (words.length > 0) words[dice.below(words.length)] = this.pick.any();
        return;
      case 6:
        attempt.capability = this.similar(attempt.capability);
        return;
      default:
        attempt.label = dice.once(3) ? dice.below(invocationNames.length + 2) : this.sibling(attempt.label);
    }
  }
  /** Another capability of the same kind. */
  private similar(capability: number): number {
    const { type } = this.pick.cap(capability);
    return this.pick.dice.once(4) ? this.pick.any() : this.pick.find((cap) => cap.type === type);
  }
  private sibling(of: number): number {
    return Math.max(1, Math.min(label.RealmControlBind, of + this.pick.dice.below(5) - 2));
  }
}
