import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { invocationNames } from '../../microvisor/abi/invocation-labels.ts';
import type { Capability } from '../../microvisor/objects.ts';
import { loadKernel, saveKernel } from '../../microvisor/save.ts';
import { Dice } from './dice.ts';
import { capType, exceptions, initialCap, label, objectType, systemCall, type Thread, World } from './world.ts';

/** Labels that an object understands, by the prefix of their names. */
const prefixes: Partial<Record<Capability['type'], string>> = {
  [capType.untyped]: 'Untyped',
  [capType.thread]: 'TCB',
  [capType.cNode]: 'CNode',
  [capType.irqControl]: 'IRQIssue',
  [capType.irqHandler]: 'IRQ',
  [capType.domain]: 'Domain',
  [capType.schedControl]: 'SchedControl',
  [capType.schedContext]: 'SchedContext',
  [capType.pageTable]: 'RISCVPageTable',
  [capType.frame]: 'RISCVPage',
  [capType.asidControl]: 'RISCVASIDControl',
  [capType.asidPool]: 'RISCVASIDPool',
  [capType.vcpu]: 'VCPU',
};

/** A small system whose capabilities all lie in one CNode, and something of everything in it. */
function populate(harts: number): { world: World; slots: number[]; threads: Thread[] } {
  const world = new World({ harts, config: { numDomains: 2, domainScheduleLength: 4 } });
  const faults = world.endpoint();
  const threads = [200, 200, 100, 60].map((priority, i) =>
    world.thread({
      priority,
      budget: 500,
      period: i === 1 ? 500 : 5000,
      core: i % harts,
      faultEndpoint: i === 2 ? faults : 0,
    }),
  );
  const untyped = world.make(objectType.untyped, 16);
  const objects = [
    ...[world.endpoint(), world.notification(), world.reply(), world.reply(), untyped],
    world.mint(world.endpoint(), 5),
    world.make(objectType.capTable, 4),
    world.make(objectType.schedContext, 8),
    world.make(objectType.page),
    world.make(objectType.pageTable),
    world.make(objectType.vcpu),
    world.make(objectType.guestRoot),
  ];
  for (const object of objects.slice(0, 3)) objects.push(world.copy(object));
  const spare = Array.from({ length: 6 }, () => world.freeSlot());
  world.must(initialCap.tcb, label.TCBSetPriority, [150], [initialCap.tcb]);
  const fixed = [1, 2, 3, 4, 5, 6, 11, 14].concat(world.schedControl());
  return {
    world,
    threads,
    slots: [...fixed, ...objects, ...spare, faults, ...threads.flatMap(({ cap, sc }) => [cap, sc])],
  };
}

const words = [
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
  100,
  255,
  256,
  500,
  4096,
  0x1000_0000,
  0x40_0000,
  2n ** 63n,
  2n ** 64n - 1n,
];
const calls = [
  systemCall.send,
  systemCall.nbSend,
  systemCall.recv,
  systemCall.nbRecv,
  systemCall.wait,
  systemCall.nbWait,
];
const both = [systemCall.replyRecv, systemCall.nbSendRecv, systemCall.nbSendWait];

function step(world: World, slots: readonly number[], dice: Dice, hart: number): void {
  if (world.current(hart) === world.kernel.nodes[hart]!.idle) {
    const deadline = world.deadlines[hart]!;
    if (deadline === Infinity) return;
    world.runUntil(deadline / 1000, hart);
    return;
  }
  const { context } = world.current(hart);
  const slot = (): number => dice.of(slots);
  // The root thread has nobody to handle its faults: without it little goes on.
  const isRoot = world.current(hart).name === 'rootserver';
  switch (isRoot && dice.below(10) > 0 ? 4 + dice.below(12) : dice.below(16)) {
    case 0:
      world.runUntil(world.now(hart) + dice.below(700), hart);
      return;
    case 1:
      world.exception(
        dice.of([exceptions.loadPageFault, exceptions.illegalInstruction, exceptions.instructionPageFault]),
        8,
        {},
        hart,
      );
      return;
    case 2:
      world.ecall(dice.of([systemCall.yield, 12345, systemCall.debugCapIdentify, systemCall.debugDumpScheduler]), hart);
      return;
    case 3:
      for (const register of [5, 10, 16]) context.setX(register, BigInt(slot()));
      world.ecall(dice.of([...calls, ...both]), hart);
      return;
    case 4:
      world.pending = dice.below(4) === 0;
      world.interrupt(dice.below(97), hart);
      return;
    default:
      invoke(world, slots, dice, hart);
  }
}

function invoke(world: World, slots: readonly number[], dice: Dice, hart: number): void {
  const slot = dice.of(slots);
  const { cap } = world.slot(slot);
  const prefix = prefixes[cap.type] ?? '';
  const names = invocationNames.filter((name) => name.startsWith(prefix));
  const name = dice.below(8) === 0 ? dice.of(invocationNames) : dice.of(names);
  const caps = Array.from({ length: dice.below(4) }, () => dice.of(slots));
  // Arguments that make sense somewhere: slots as indices, 64 as depth, small numbers.
  const argument = (i: number): number | bigint =>
    dice.below(3) === 0
      ? dice.of(words)
      : i % 2 === 1 && prefix === 'CNode'
        ? 64
        : dice.below(2) === 0
          ? dice.of(slots)
          : dice.below(13);
  let message = Array.from({ length: dice.below(10) }, (_, i) => argument(i));
  if (name === 'UntypedRetype' && dice.below(2) === 0) {
    message = [dice.below(13), dice.of([0, 4, 7, 8, 12]), 0, 0, dice.of(slots), 1];
    caps[0] = initialCap.cNode;
  }
  if (prefix === 'CNode' || prefix === 'TCB') caps[0] ??= initialCap.cNode;
  const hasBuffer = !lacksBuffer(world, hart);
  if (!hasBuffer) message = message.slice(0, 4);
  world.call(slot, label[name], message, hasBuffer ? caps : [], hart);
}

function lacksBuffer(world: World, hart: number): boolean {
  const { cap } = world.current(hart).slots.slot(2);
  return cap.type !== capType.frame || cap.device || cap.rights === 1;
}

describe('random calls', () => {
  for (const harts of [1, 2]) {
    it(`leave every invariant true, on ${harts === 1 ? 'one hart' : 'two harts'}`, () => {
      fc.assert(
        fc.property(fc.integer({ min: 1, max: 2 ** 31 - 1 }), (seed) => {
          const { world, slots } = populate(harts);
          const dice = new Dice(seed);
          for (let i = 0; i < 250; i++) {
            step(world, slots, dice, dice.below(harts));
            if (dice.below(3) === 0) world.deliverReschedules();
          }
          const saved = saveKernel(world.kernel);
          loadKernel(world.kernel, JSON.parse(JSON.stringify(saved)));
          expect(saveKernel(world.kernel)).toEqual(saved);
        }),
        { numRuns: 60 },
      );
    });
  }
});
