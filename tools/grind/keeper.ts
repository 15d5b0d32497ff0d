// The keeper: when no thread runs any more, an interrupt wakes it, and it resumes, mends and replaces the others. So a round goes on.

import { initialCap } from '../../microvisor/abi/boot-info.ts';
import { type InvocationLabel, label } from '../../microvisor/abi/invocation-labels.ts';
import { wordBits } from '../../microvisor/abi/limits.ts';
import { objectType } from '../../microvisor/abi/object-types.ts';
import { systemCall } from '../../microvisor/abi/system-calls.ts';
import { capType, type Tcb } from '../../microvisor/objects.ts';
import { type Attempt, makers } from './invocations.ts';
import type { Picker } from './picker.ts';
import { callStep, type Kept } from './population.ts';
import type { CallStep } from './step.ts';
import { slotCount } from './system.ts';

const enoughThreads = 6;

export class Keeper {
  /** What is still to be done before it waits again. */
  private work: (() => Attempt | null)[] = [];
  private idle = true;

  constructor(
    private readonly pick: Picker,
    private readonly kept: Kept,
  ) {}

  isKeeper(tcb: Tcb): boolean {
    const cap = this.pick.cap(this.kept.keeper);
    return cap.type === capType.thread && cap.tcb === tcb;
  }

  /** What the keeper does next, on this hart. */
  next(hart: number): CallStep {
    if (this.idle) this.work = this.plan(hart);
    this.idle = false;
    for (let next = this.work.shift(); next !== undefined; next = this.work.shift()) {
      const attempt = next();
      if (attempt !== null) return callStep(hart, attempt);
    }
    this.idle = true;
    const { notification } = this.kept;
    return callStep(hart, { capability: notification, label: 0, words: [], caps: [] }, systemCall.wait);
  }

  private plan(hart: number): (() => Attempt | null)[] {
    const { pick } = this;
    const work = [() => this.call('IRQAckIRQ', this.kept.handler)];
    const threads = new Set<Tcb>();
    for (let index = 0; index < slotCount; index++) {
      const cap = pick.cap(index);
      if (cap.type !== capType.thread || threads.has(cap.tcb) || this.isKeeper(cap.tcb)) continue;
      threads.add(cap.tcb);
      work.push(...this.mending(index, cap.tcb));
    }
    // Room first: slots, then memory.
    const room: (() => Attempt | null)[] = [];
    if (pick.fill > 0.6) for (let i = 0; i < slotCount / 8; i++) room.push(() => makers.CNodeDelete(pick, hart));
    if (threads.size < enoughThreads) room.push(() => this.revocation());
    for (let i = threads.size; i < enoughThreads; i++) work.push(...this.replacement(hart));
    return [...room, ...work];
  }

  private call(name: InvocationLabel, capability: number, words: number[] = [], caps: number[] = []): Attempt | null {
    return capability < 0 || caps.some((cap) => cap < 0) ? null : { capability, label: label[name], words, caps };
  }

  private mending(index: number, tcb: Tcb): (() => Attempt | null)[] {
    const { pick } = this;
    const freeContext = (): number =>
      pick.ofType(capType.schedContext, ({ schedContext }) => schedContext.tcb === null && schedContext.refillMax > 0);
    return [
      () => (tcb.schedContext === null ? this.call('SchedContextBind', freeContext(), [], [index]) : null),
      () => (tcb.domain !== 0 ? this.call('DomainSetSet', initialCap.domain, [0], [index]) : null),
      () => this.call('TCBResume', index),
    ];
  }

  /** All that was made of some untyped memory goes. */
  private revocation(): Attempt | null {
    const { pick, kept } = this;
    const index = pick.ofType(
      capType.untyped,
      ({ device }, slot) => !device && slot.index >= kept.firstOwn && slot.next !== null,
    );
    return this.call('CNodeRevoke', initialCap.cNode, [index, wordBits]);
  }

  private replacement(hart: number): (() => Attempt | null)[] {
    const { pick, kept } = this;
    let tcb = -1;
    let sc = -1;
    const make = (type: number, size: number, slot: number): Attempt | null => {
      const untyped = pick.ofType(
        capType.untyped,
        (cap, { index }) => !cap.device && index >= kept.firstOwn && 2 ** cap.sizeBits - cap.watermark > 4096,
      );
      return slot < 0 ? null : this.call('UntypedRetype', untyped, [type, size, 0, 0, slot, 1], [initialCap.cNode]);
    };
    return [
      () => {
        tcb = pick.empty();
        return make(objectType.tcb, 0, tcb);
      },
      () => {
        sc = pick.empty();
        return make(objectType.schedContext, 8, sc);
      },
      () => this.call('SchedControlConfigureFlags', pick.ofType(capType.schedControl), [500, 1000, 1, 0, 0], [sc]),
      () => makers.TCBConfigure(pick, hart),
      () => this.call('TCBSetSchedParams', tcb, [255, 100], [initialCap.tcb, sc, initialCap.null]),
      () => this.call('TCBResume', tcb),
    ];
  }
}
