// Threads that make kernel calls at random, with more authority than any manifest gives, and a thread of another domain that must
// find the same in each of its windows, to the cycle, whatever they did.

import { describe, expect, it } from 'vitest';
import { invocationNames } from '../../microvisor/abi/invocation-labels.ts';
import { cNodeCapData } from '../../microvisor/abi/rights.ts';
import { type CNode, type CNodeCap, tcbSlot } from '../../microvisor/objects.ts';
import { Dice } from '../../tools/dice.ts';
import { refillsOf } from '../microvisor/refills.ts';
import {
  capType,
  exceptions,
  initialCap,
  label,
  objectType,
  systemCall,
  type Thread,
  World,
} from '../microvisor/world.ts';

const radix = 6;
const slotCount = 2 ** radix;
const irq = 9;
const ticksPerUs = 10;
const frames = 5;
/** Those that may end a thread's part in this come seldom. */
const calls = [
  ...[systemCall.nbSend, systemCall.nbRecv, systemCall.nbWait, systemCall.yield, systemCall.debugCapIdentify],
  ...[systemCall.nbSend, systemCall.nbRecv, systemCall.nbWait, systemCall.yield, systemCall.debugNameThread],
];
const safeCalls = [systemCall.nbSend, systemCall.yield, systemCall.nbSend];
const lastCalls = [
  ...[systemCall.send, systemCall.recv, systemCall.wait, systemCall.replyRecv, systemCall.nbSendRecv],
  ...[systemCall.nbSendWait, systemCall.debugHalt, 4711],
];

interface Scene {
  world: World;
  /** The senders' CSpace. */
  slots: CNode;
  /** A sender that does nothing to end its own part in this. */
  careful: Thread;
  quiet: Thread;
  signal: number;
}

/** Senders in domain 1 of hart 0, one on hart 1 if there is one; the observer in domain 2. */
function scene(harts: number): Scene {
  const world = new World({ harts, config: { numDomains: 3, domainScheduleLength: 5, windows: true } });
  const quiet = world.thread({ priority: 50, budget: 100, period: 300, extraRefills: 2, resume: false });
  const signal = world.notification();

  const own = world.make(objectType.capTable, radix);
  const senders = [0, 1, 2].map((i) =>
    world.thread({ priority: 40 + 10 * i, budget: 60, period: i === 0 ? 60 : 150, extraRefills: 3, resume: false }),
  );
  if (harts > 1) senders.push(world.thread({ priority: 60, budget: 500, core: 1, resume: false }));
  const notification = world.notification();
  const handler = world.freeSlot();
  world.must(initialCap.irqControl, label.IRQIssueIRQHandler, [irq, handler, 64], [initialCap.cNode]);
  world.must(handler, label.IRQSetIRQHandler, [], [notification]);
  world.must(senders[1]!.cap, label.TCBBindNotification, [], [notification]);
  const space = world.make(objectType.pageTable);
  world.must(initialCap.asidPool, label.RISCVASIDPoolAssign, [], [space]);
  const endpoint = world.endpoint();
  const given = [
    ...[own, endpoint, notification, handler, space, world.reply(), world.reply()],
    ...[world.make(objectType.untyped, 16), world.make(objectType.untyped, 12), world.mint(endpoint, 3)],
    ...[world.make(objectType.page), world.make(objectType.pageTable), world.make(objectType.vcpu)],
    ...[world.make(objectType.guestRoot), world.make(objectType.capTable, 4), world.schedControl(0)],
    ...senders.flatMap(({ cap, sc }) => [cap, sc]),
  ];
  for (const { cap } of senders) {
    const guard = cNodeCapData(0n, 64 - radix);
    world.must(cap, label.TCBSetSpace, [guard, 0], [endpoint, own, initialCap.vspace]);
  }
  for (const { cap } of senders.slice(0, 3)) world.must(initialCap.domain, label.DomainSetSet, [1], [cap]);
  world.must(initialCap.domain, label.DomainSetSet, [2], [quiet.cap]);
  for (const [index, [domain, us]] of [
    [1, 200],
    [2, 200],
    [0, 100],
  ].entries()) {
    world.must(initialCap.domain, label.DomainScheduleConfigure, [index, domain!, us! * ticksPerUs]);
  }
  world.must(initialCap.domain, label.DomainScheduleSetStart, [0]);
  for (const { cap } of [...senders, quiet]) world.must(cap, label.TCBResume);
  given.forEach((source, index) => {
    // The root thread keeps what it needs to move the rest.
    const copied = source === own || source === world.schedControl(0);
    const words = [index + 1, radix, source, 64, ...(copied ? [15] : [])];
    world.must(own, copied ? label.CNodeCopy : label.CNodeMove, words, [initialCap.cNode]);
  });
  world.stepAside();
  return { world, slots: (world.cap(own) as CNodeCap).node, careful: senders[0]!, quiet, signal };
}

/** The thread on a hart does something. */
function act({ world, slots, careful }: Scene, dice: Dice, hart: number): void {
  const { context } = world.current(hart);
  const isCareful = world.current(hart) === careful.tcb;
  /** True once in `n`, for what is dangerous. */
  const dares = (n: number): boolean => dice.once(n) && !isCareful;
  const occupied = [...slots.occupied()].map(({ index }) => index);
  const slot = (): number => (occupied.length === 0 || dares(60) ? dice.below(slotCount) : dice.of(occupied));
  const before = world.clocks[hart]!;
  world.clocks[hart] = before + dice.below(3000);
  if (world.deadlines[hart]! <= world.clocks[hart]!) {
    world.clocks[hart] = Math.max(before, world.deadlines[hart]!);
    world.microvisor.timer(world.harts[hart]!);
    return;
  }
  switch (dice.below(8)) {
    case 0:
      if (dares(20)) world.exception(dice.of([exceptions.loadPageFault, exceptions.illegalInstruction]), 8, {}, hart);
      return;
    case 1:
      for (const register of [5, 10, 16]) context.setX(register, BigInt(slot()));
      world.ecall(dice.of(isCareful ? safeCalls : dares(20) ? lastCalls : calls), hart);
      return;
    case 2:
      if (world.masked.get(irq) === false) world.interrupt(irq, 0);
      return;
    default: {
      const name = dice.of(invocationNames);
      const retypes = name === 'UntypedRetype' || dice.once(4);
      const destructive = /Suspend|Delete|Revoke|SetSpace|Configure|Unbind|SetIPCBuffer|SetPriority/.test(name);
      if ((destructive && !dares(6)) || (isCareful && /TCB|Sched/.test(name))) return;
      const words = retypes
        ? [dice.of([1, 2, 4, 8]), dice.of([0, 4]), 0, 0, dice.below(slotCount), dice.of([1, 20])]
        : Array.from({ length: dice.below(7) }, (_, i) => (i % 2 === 1 ? radix : slot()));
      const caps = Array.from({ length: dice.below(4) }, (_, i) => (i === 0 ? 1 : slot()));
      const { cap } = world.current(hart).slots.slot(tcbSlot.buffer);
      const hasBuffer = cap.type === capType.frame && !cap.device;
      const message = hasBuffer ? words : words.slice(0, 4);
      const capability = slot();
      // A call that nobody answers is a thread's last.
      if (slots.slot(capability).cap.type === capType.endpoint && !dares(20)) return;
      world.call(capability, label[retypes ? 'UntypedRetype' : name], message, hasBuffer ? caps : [], hart);
    }
  }
}

/** What the observer finds in its windows. `dice` undefined: the senders compute and do nothing else. */
function observe(harts: number, dice: Dice | undefined): { seen: string[]; acts: number } {
  const staged = scene(harts);
  const { world, quiet, signal } = staged;
  const { kernel, microvisor } = world;
  const node = kernel.nodes[0]!;
  const seen: string[] = [];
  let acts = 0;
  const look = (what: string): void => {
    const registers = Array.from({ length: 31 }, (_, i) => quiet.tcb.context.x(i + 1));
    const refills = [...refillsOf(quiet.tcb.schedContext!)].map(({ time, amount }) => `${amount}@${time}`);
    const { clocks, deadlines } = world;
    seen.push(`${what}: cycle ${clocks[0]}, ${world.current().name}, until ${deadlines[0]}, ${refills} [${registers}]`);
  };
  const tick = (): void => {
    world.clocks[0] = Math.max(world.clocks[0]!, world.deadlines[0]!);
    microvisor.timer(world.harts[0]!);
  };
  const elsewhere = (): void => {
    if (dice === undefined || harts === 1) return;
    for (let i = dice.below(4); i > 0; i--) {
      if (world.current(1) !== kernel.nodes[1]!.idle) act(staged, dice, 1);
      else world.clocks[1] = Math.min(world.deadlines[1]!, world.clocks[1]! + 10_000);
      if (world.deadlines[1]! <= world.clocks[1]!) microvisor.timer(world.harts[1]!);
    }
    // Requests arrive when they arrive, whichever window it is by then.
    if (dice.once(2)) world.deliverReschedules();
  };
  while (node.domain !== 1) tick();
  for (let frame = 0; frame < frames; frame++) {
    while (node.domain === 1) {
      elsewhere();
      if (dice === undefined || world.current() === node.idle) tick();
      else {
        act(staged, dice, 0);
        acts++;
      }
    }
    look('begins');
    for (let step = 0; node.domain === 2; step++) {
      elsewhere();
      look(`step ${step}`);
      if (world.current().name !== quiet.tcb.name || step > 12) {
        tick();
        continue;
      }
      world.clocks[0]! += 4000;
      if (world.deadlines[0]! <= world.clocks[0]!) tick();
      else if (step === 11) world.ecall(systemCall.yield);
      else if (step % 2 === 0) world.signal(signal);
      else world.wait(signal);
    }
    while (node.domain !== 1) tick();
  }
  expect(node.overruns).toBe(0);
  return { seen, acts };
}

describe('a thread in its own windows', () => {
  it.each([1, 2])('finds the same to the cycle, whatever kernel calls others make at random, on %i harts', (harts) => {
    const still = observe(harts, undefined).seen;
    expect(still.length).toBeGreaterThan(50);
    let acts = 0;
    for (let run = 0; run < 10; run++) {
      const seed = (Number(process.env['TEST_SEED']) + run) >>> 0;
      const busy = observe(harts, new Dice(2 * seed + 1, 0));
      acts += busy.acts;
      const at = still.findIndex((line, index) => line !== busy.seen[index]);
      expect(at < 0 ? 'the same' : { seed, still: still[at], busy: busy.seen[at] }).toBe('the same');
    }
    // Threads that block or fault stay so: a run may end early, but not all of them.
    expect(acts).toBeGreaterThan(500);
  });
});
