// Every invocation as it ought to be made: of an object that there is, with arguments that make sense now.

import { initialCap } from '../../microvisor/abi/boot-info.ts';
import { vcpuRegisters } from '../../microvisor/abi/extensions.ts';
import { type InvocationLabel, label } from '../../microvisor/abi/invocation-labels.ts';
import { maxIrq, wordBits } from '../../microvisor/abi/limits.ts';
import { objectType } from '../../microvisor/abi/object-types.ts';
import { allRights, cNodeCapData } from '../../microvisor/abi/rights.ts';
import { isValid, lookupPTSlot } from '../../microvisor/address-space.ts';
import { getObjectSize } from '../../microvisor/creation.ts';
import { hasChildren, isFinalCapability } from '../../microvisor/cspace/derivation.ts';
import { irqState } from '../../microvisor/kernel.ts';
import {
  type Capability,
  capType,
  type FrameCap,
  type PageTableCap,
  type UntypedCap,
} from '../../microvisor/objects.ts';
import { refillAbsoluteMax } from '../../microvisor/sporadic.ts';
import type { Picker } from './picker.ts';

/** An invocation before it becomes a message. */
export interface Attempt {
  capability: number;
  label: number;
  words: (number | bigint)[];
  caps: number[];
}
/** `hart`: whose thread makes it. null: there is nothing now on which it would succeed. */
type Maker = (pick: Picker, hart: number) => Attempt | null;

/** The object that understands each invocation. */
export const objectOf = (name: InvocationLabel): Capability['type'] => {
  for (const [prefix, type] of prefixes) if (name.startsWith(prefix)) return type;
  throw new Error(`no object has ${name}`);
};
const prefixes: readonly (readonly [string, Capability['type']])[] = [
  ['Untyped', capType.untyped],
  ['TCB', capType.thread],
  ['CNode', capType.cNode],
  ['IRQIssue', capType.irqControl],
  ['RISCVIRQ', capType.irqControl],
  ['IRQ', capType.irqHandler],
  ['Domain', capType.domain],
  ['SchedControl', capType.schedControl],
  ['SchedContext', capType.schedContext],
  ['RISCVPageTable', capType.pageTable],
  ['RISCVPage', capType.frame],
  ['RISCVASIDControl', capType.asidControl],
  ['RISCVASIDPool', capType.asidPool],
  ['VCPU', capType.vcpu],
  ['RealmControl', capType.realmControl],
];

const priorities = [60, 100, 100, 150, 150, 200] as const;
const microseconds = [20, 40, 100, 300, 1000, 5000] as const;

/** null if any slot is missing. */
function make(
  name: InvocationLabel,
  capability: number,
  words: (number | bigint)[] = [],
  caps: number[] = [],
): Attempt | null {
  if (capability < 0 || caps.some((cap) => cap < 0) || words.some((word) => typeof word === 'number' && word < 0)) {
    return null;
  }
  return { capability, label: label[name], words, caps };
}
const root = initialCap.cNode;

/** Types in the mix in which they are made, and the size that the user gives. */
const products: readonly (readonly [type: number, sizes: readonly number[], weight: number])[] = [
  [objectType.untyped, [4, 8, 12, 12, 12, 14], 4],
  [objectType.tcb, [0], 5],
  [objectType.endpoint, [0], 4],
  [objectType.notification, [0], 4],
  [objectType.capTable, [1, 4], 3],
  [objectType.schedContext, [7, 8, 9], 5],
  [objectType.reply, [0], 4],
  [objectType.page, [0], 5],
  [objectType.megaPage, [0], 1],
  [objectType.pageTable, [0], 4],
  [objectType.vcpu, [0], 2],
  [objectType.guestRoot, [0, 39, 48], 2],
];
const productBag = products.flatMap((product) => Array.from({ length: product[2] }, () => product));

const retype: Maker = (pick) => {
  const { dice } = pick;
  const isDevice = dice.once(12);
  const [type, sizes] = isDevice
    ? ([dice.of([objectType.page, objectType.megaPage, objectType.gigaPage]), [0]] as const)
    : dice.of(productBag);
  const size = dice.of(sizes);
  const bytes = 2 ** getObjectSize(type, size);
  const { first, count } = pick.emptyRun(dice.once(6) ? 1 + dice.below(4) : 1);
  const untyped = pick.ofType(
    capType.untyped,
    (cap, slot) => cap.device === isDevice && roomIn(cap, slot, bytes * count),
  );
  return make('UntypedRetype', untyped, [type, size, 0, 0, first, count], [root]);
};
function roomIn(cap: UntypedCap, slot: Parameters<typeof hasChildren>[0], bytes: number): boolean {
  const used = hasChildren(slot) ? cap.watermark : 0;
  return 2 ** cap.sizeBits - used >= bytes;
}

const buffer = (pick: Picker): number => pick.ofType(capType.frame, (cap) => !cap.device && cap.sizeBits === 12);
const handler = (pick: Picker): number =>
  pick.dice.once(4)
    ? initialCap.null
    : pick.ofType(capType.endpoint, (cap) => cap.canSend && (cap.canGrant || cap.canGrantReply));
const bufferAddress = (pick: Picker): number => 0x40_0000 + 1024 * pick.dice.below(8);

/** A scheduling context that SetSchedParams and Bind would accept for some thread, and that thread. */
function contextAndThread(pick: Picker): [sc: number, thread: number] {
  const sc = pick.ofType(capType.schedContext, ({ schedContext }) => schedContext.tcb === null);
  return [sc, pick.thread((tcb) => tcb.schedContext === null)];
}

/** An empty slot; seldom any other. */
const destination = (pick: Picker): number => (pick.dice.once(20) ? pick.any() : pick.empty());

const copyTo =
  (name: InvocationLabel, more: (pick: Picker, source: number) => (number | bigint)[]): Maker =>
  (pick) => {
    const source = name === 'CNodeMove' || name === 'CNodeMutate' ? pick.victim() : pick.any();
    if (source < 0 || pick.cap(source).type === capType.null) return null;
    return make(name, root, [destination(pick), wordBits, source, wordBits, ...more(pick, source)], [root]);
  };
const someRights = ({ dice }: Picker): number => (dice.once(3) ? dice.below(allRights + 1) : allRights);
const guard = ({ dice }: Picker): bigint => cNodeCapData(BigInt(dice.below(4)), dice.below(60));

/** An interrupt that nobody has; seldom one that somebody has. */
const freeIrq = (pick: Picker): number => {
  const { irqStates } = pick.system.kernel;
  if (pick.dice.once(20)) return irqStates.indexOf(irqState.signal);
  const irq = 1 + pick.dice.below(maxIrq);
  return irqStates[irq] === irqState.inactive ? irq : -1;
};

const tableMap: Maker = (pick) => {
  const table = pick.ofType(capType.pageTable, (cap) => !cap.mapped && cap.guestLevels === 0);
  const space = pick.space(pick.dice.once(20));
  if (table < 0 || space < 0) return null;
  const address = pick.address(21);
  const found = lookupPTSlot(pick.system.kernel, pick.cap(space) as PageTableCap, address);
  if (found.bitsLeft === 12 || isValid(found.entry)) return null;
  return make('RISCVPageTableMap', table, [address, 0], [space]);
};
const pageMap: Maker = (pick) => {
  const frame = pick.ofType(capType.frame);
  const space = pick.space(pick.dice.once(30));
  if (frame < 0 || space < 0) return null;
  const cap = pick.cap(frame) as FrameCap;
  const root = pick.cap(space) as PageTableCap;
  const isMapped = cap.asid !== 0 && !pick.dice.once(8);
  const address = isMapped ? cap.mappedAddress : pick.address(cap.sizeBits);
  const attempt = make('RISCVPageMap', frame, [address, pick.dice.of([3, 3, 2, 1, 0]), pick.dice.below(2)], [space]);
  if (pick.dice.once(8)) return attempt;
  const found = lookupPTSlot(pick.system.kernel, root, address);
  if (found.bitsLeft !== cap.sizeBits || (cap.asid !== 0 ? cap.asid !== root.asid : isValid(found.entry))) return null;
  return attempt;
};

const boundVcpu = (pick: Picker): number => {
  const any = pick.dice.once(15);
  return pick.ofType(capType.vcpu, ({ vcpu }) => any || vcpu.tcb !== null);
};
const plainThread = (pick: Picker, hart: number): number => {
  const current = pick.system.current(hart);
  return pick.thread((tcb) => tcb !== current && tcb.vcpu === null && tcb.realm === null);
};
const self = (pick: Picker, hart: number): number => pick.thread((tcb) => tcb === pick.system.current(hart));
const someWord = ({ dice }: Picker): bigint => BigInt(dice.below(2 ** 31)) << BigInt(dice.below(33));

/** Where the schedule of some hart begins: with windows, all are in one numbering. */
const scheduleOf = (pick: Picker): number => {
  const { windows, domainScheduleLength } = pick.system.kernel.config;
  return windows ? pick.dice.below(pick.system.kernel.nodes.length) * domainScheduleLength : 0;
};

export const makers: Readonly<Record<Exclude<InvocationLabel, 'Invalid'>, Maker>> = {
  UntypedRetype: retype,
  TCBReadRegisters: (pick, hart) =>
    make('TCBReadRegisters', pick.dice.once(20) ? self(pick, hart) : pick.otherThread(hart), [
      pick.dice.once(8) ? 1 : 0,
      1 + pick.dice.below(32),
    ]),
  TCBWriteRegisters: (pick, hart) => {
    const count = pick.dice.below(6);
    const words = Array.from({ length: count }, () => someWord(pick));
    const thread = pick.dice.once(20) ? self(pick, hart) : pick.otherThread(hart);
    return make('TCBWriteRegisters', thread, [pick.dice.below(2), count, ...words]);
  },
  TCBCopyRegisters: (pick) => {
    // Suspending the source is rare: nothing wakes it but chance.
    const flags = pick.dice.below(16) & (pick.dice.once(4) ? 15 : 14);
    return make('TCBCopyRegisters', pick.thread(), [flags], [pick.thread()]);
  },
  TCBConfigure: (pick) =>
    make(
      'TCBConfigure',
      pick.thread(),
      [0, 0, pick.dice.once(8) ? 0 : bufferAddress(pick)],
      [root, initialCap.vspace, buffer(pick)],
    ),
  TCBSetPriority: (pick) => make('TCBSetPriority', pick.thread(), [pick.dice.of(priorities)], [initialCap.tcb]),
  TCBSetMCPriority: (pick) => make('TCBSetMCPriority', pick.thread(), [pick.dice.of(priorities)], [initialCap.tcb]),
  TCBSetSchedParams: (pick) => {
    const [sc, thread] = contextAndThread(pick);
    return make('TCBSetSchedParams', thread, [255, pick.dice.of(priorities)], [initialCap.tcb, sc, handler(pick)]);
  },
  TCBSetTimeoutEndpoint: (pick) => make('TCBSetTimeoutEndpoint', pick.thread(), [], [handler(pick)]),
  TCBSetIPCBuffer: (pick) =>
    make('TCBSetIPCBuffer', pick.thread(), [pick.dice.once(8) ? 0 : bufferAddress(pick)], [buffer(pick)]),
  TCBSetSpace: (pick) => make('TCBSetSpace', pick.thread(), [0, 0], [handler(pick), root, initialCap.vspace]),
  TCBSuspend: (pick, hart) => make('TCBSuspend', pick.otherThread(hart)),
  TCBResume: (pick) => make('TCBResume', pick.thread()),
  TCBBindNotification: (pick) =>
    make(
      'TCBBindNotification',
      pick.thread((tcb) => tcb.boundNotification === null),
      [],
      [
        pick.ofType(
          capType.notification,
          ({ notification, canReceive }) =>
            canReceive && notification.boundTcb === null && notification.queue.head === null,
        ),
      ],
    ),
  TCBUnbindNotification: (pick) =>
    make(
      'TCBUnbindNotification',
      pick.thread((tcb) => tcb.boundNotification !== null),
    ),
  TCBSetTLSBase: (pick) => make('TCBSetTLSBase', pick.thread(), [someWord(pick)]),
  TCBSetFlags: (pick) =>
    make('TCBSetFlags', pick.thread(), [pick.dice.below(4), pick.dice.once(20) ? 2 : pick.dice.below(2)]),
  CNodeRevoke: (pick) => make('CNodeRevoke', root, [pick.victim(), wordBits]),
  CNodeDelete: (pick) => make('CNodeDelete', root, [pick.victim(), wordBits]),
  CNodeCancelBadgedSends: (pick) =>
    make('CNodeCancelBadgedSends', root, [
      pick.ofType(capType.endpoint, (cap) => cap.canSend && cap.canReceive && cap.canGrant && cap.canGrantReply),
      wordBits,
    ]),
  CNodeCopy: copyTo('CNodeCopy', (pick) => [someRights(pick)]),
  CNodeMint: copyTo('CNodeMint', (pick, source) => [
    someRights(pick),
    pick.cap(source).type === capType.cNode ? guard(pick) : 1 + pick.dice.below(5),
  ]),
  CNodeMove: copyTo('CNodeMove', () => []),
  CNodeMutate: copyTo('CNodeMutate', (pick) => [guard(pick)]),
  CNodeRotate: (pick) => {
    const to = pick.dice.once(3) ? pick.victim() : destination(pick);
    const isSwap = to >= 0 && pick.cap(to).type !== capType.null && !pick.dice.once(8);
    const source = isSwap ? to : pick.victim();
    return make('CNodeRotate', root, [to, wordBits, 0, pick.victim(), wordBits, 0, source, wordBits], [root, root]);
  },
  IRQIssueIRQHandler: (pick) =>
    make('IRQIssueIRQHandler', initialCap.irqControl, [freeIrq(pick), destination(pick), wordBits], [root]),
  RISCVIRQIssueIRQHandlerTrigger: (pick) =>
    make(
      'RISCVIRQIssueIRQHandlerTrigger',
      initialCap.irqControl,
      [freeIrq(pick), pick.dice.below(2), destination(pick), wordBits],
      [root],
    ),
  IRQAckIRQ: (pick) => make('IRQAckIRQ', pick.ofType(capType.irqHandler)),
  IRQSetIRQHandler: (pick) =>
    make(
      'IRQSetIRQHandler',
      pick.ofType(capType.irqHandler),
      [],
      [pick.ofType(capType.notification, (cap) => cap.canSend)],
    ),
  IRQClearIRQHandler: (pick) => make('IRQClearIRQHandler', pick.ofType(capType.irqHandler)),
  DomainSetSet: (pick) =>
    make('DomainSetSet', initialCap.domain, [pick.dice.below(pick.system.kernel.config.numDomains)], [pick.thread()]),
  // Every second entry is of domain 0, and schedules start there: else nothing that lies in domain 0 ever runs again.
  DomainScheduleConfigure: (pick) => {
    const { numDomains, domainScheduleLength } = pick.system.kernel.config;
    const index = pick.dice.below(domainScheduleLength - 1);
    const domain = index % 2 === 0 ? 0 : pick.dice.below(numDomains);
    const ticks = index > 0 && domain === 0 && pick.dice.once(3) ? 0 : pick.dice.of([1000, 5000, 20_000, 100_000]);
    return make('DomainScheduleConfigure', initialCap.domain, [scheduleOf(pick) + index, domain, ticks]);
  },
  DomainScheduleSetStart: (pick) => {
    const index = 2 * pick.dice.below(Math.ceil(pick.system.kernel.config.domainScheduleLength / 2));
    return make('DomainScheduleSetStart', initialCap.domain, [scheduleOf(pick) + index]);
  },
  SchedControlConfigureFlags: (pick) => {
    const sc = pick.ofType(capType.schedContext);
    const cap = sc < 0 ? null : pick.cap(sc);
    if (cap?.type !== capType.schedContext) return null;
    const budget = pick.dice.of(microseconds);
    const period = pick.dice.once(3) ? budget : budget * (1 + pick.dice.below(10));
    const refills = pick.dice.below(refillAbsoluteMax(cap.schedContext) - 1);
    return make(
      'SchedControlConfigureFlags',
      pick.ofType(capType.schedControl),
      [budget, period, refills, pick.dice.below(100), pick.dice.below(2)],
      [sc],
    );
  },
  SchedContextBind: (pick) => {
    if (pick.dice.once(3)) {
      const sc = pick.ofType(capType.schedContext, ({ schedContext }) => schedContext.notification === null);
      const free = pick.ofType(capType.notification, ({ notification }) => notification.schedContext === null);
      return make('SchedContextBind', sc, [], [free]);
    }
    const [sc, thread] = contextAndThread(pick);
    return make('SchedContextBind', sc, [], [thread]);
  },
  SchedContextUnbind: (pick, hart) => {
    const current = pick.system.current(hart);
    const own = pick.dice.once(20);
    return make(
      'SchedContextUnbind',
      pick.ofType(capType.schedContext, ({ schedContext }) => (schedContext.tcb === current) === own),
    );
  },
  SchedContextUnbindObject: (pick, hart) => {
    const current = pick.system.current(hart);
    const index = pick.ofType(
      capType.schedContext,
      ({ schedContext: { tcb, notification } }) => (tcb !== null && tcb !== current) || notification !== null,
    );
    const cap = index < 0 ? null : pick.cap(index);
    if (cap?.type !== capType.schedContext) return null;
    const { tcb, notification } = cap.schedContext;
    const bound =
      notification === null || (tcb !== null && tcb !== current && pick.dice.once(2))
        ? pick.thread((thread) => thread === tcb)
        : pick.ofType(capType.notification, (other) => other.notification === notification);
    return make('SchedContextUnbindObject', index, [], [bound]);
  },
  SchedContextConsumed: (pick) => make('SchedContextConsumed', pick.ofType(capType.schedContext)),
  SchedContextYieldTo: (pick, hart) => {
    const current = pick.system.current(hart);
    return make(
      'SchedContextYieldTo',
      pick.ofType(
        capType.schedContext,
        ({ schedContext: { tcb } }) => tcb !== null && tcb !== current && tcb.priority <= current.maxControlledPriority,
      ),
    );
  },
  RISCVPageTableMap: tableMap,
  RISCVPageTableUnmap: (pick) =>
    make(
      'RISCVPageTableUnmap',
      pick.ofType(
        capType.pageTable,
        (cap, slot) =>
          slot.index >= pick.firstOwn && isFinalCapability(slot) && (!cap.mapped || cap.mappedAddress !== 0),
      ),
    ),
  RISCVPageMap: pageMap,
  RISCVPageUnmap: (pick) =>
    make(
      'RISCVPageUnmap',
      pick.ofType(capType.frame, (_, { index }) => index >= pick.firstOwn),
    ),
  RISCVPageGetAddress: (pick) => make('RISCVPageGetAddress', pick.ofType(capType.frame)),
  RISCVASIDControlMakePool: (pick) =>
    make(
      'RISCVASIDControlMakePool',
      initialCap.asidControl,
      [destination(pick), wordBits],
      [
        pick.ofType(
          capType.untyped,
          (cap, slot) => cap.sizeBits === 12 && !cap.device && (!hasChildren(slot) || pick.dice.once(8)),
        ),
        root,
      ],
    ),
  RISCVASIDPoolAssign: (pick) =>
    make(
      'RISCVASIDPoolAssign',
      pick.ofType(capType.asidPool),
      [],
      [pick.ofType(capType.pageTable, (cap) => !cap.mapped)],
    ),
  VCPUBind: (pick, hart) =>
    make(
      'VCPUBind',
      pick.ofType(capType.vcpu, ({ vcpu }) => vcpu.tcb === null || pick.dice.once(8)),
      [],
      [plainThread(pick, hart), pick.ofType(capType.pageTable, (cap) => cap.guestLevels !== 0 && cap.mapped)],
    ),
  VCPUReadRegister: (pick) => make('VCPUReadRegister', boundVcpu(pick), [pick.dice.below(vcpuRegisters.length)]),
  VCPUWriteRegister: (pick) =>
    make('VCPUWriteRegister', boundVcpu(pick), [
      pick.dice.below(vcpuRegisters.length),
      pick.dice.once(2) ? 0x444 : someWord(pick),
    ]),
  VCPUInject: (pick) => make('VCPUInject', boundVcpu(pick), [pick.dice.of([2, 4, 0x44, 0x400]), pick.dice.below(2)]),
  VCPUFence: (pick) => make('VCPUFence', boundVcpu(pick), [pick.dice.below(3), pick.address(12), 2n ** 64n - 1n]),
  RealmControlBind: (pick, hart) =>
    make(
      'RealmControlBind',
      initialCap.realmControl,
      [pick.dice.below(2)],
      [pick.dice.once(8) ? pick.thread() : plainThread(pick, hart)],
    ),
};
